"""How far a film is: the same numbers for the API, the admin and the command line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from django.utils import timezone

from hls.core.errors import ADVICE, Code
from hls.core.plan import Plan
from hls.models import ACTIVE, Chunk, ChunkState, State, Transcode

FINISHING_S = 2.0  # playlists, storyboard and poster


class Phase(StrEnum):
    WAITING = "waiting"
    PROBING = "probing"
    ENCODING = "encoding"
    FINISHING = "finishing"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Failure:
    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class RenditionStatus:
    name: str
    width: int
    height: int
    percent: float


@dataclass(frozen=True)
class Status:
    """A film's progress. `percent` (0 to 100) never falls while a version is made; `speed` is film seconds a second."""

    state: str
    playable: bool
    percent: float
    phase: Phase
    eta_s: float | None
    queue_position: int | None
    speed: float | None
    renditions: tuple[RenditionStatus, ...]
    attempts: int
    error: Failure | None
    chunks: tuple[str, ...]  # each chunk's state, in order


def status_of(film: Transcode) -> Status:
    return statuses([film])[film.pk]


def statuses(films: Sequence[Transcode]) -> dict[int, Status]:
    """The status of each film by its id, with two queries however many there are."""
    unfinished = [film.pk for film in films if film.state != State.READY]
    rows = Chunk.objects.filter(transcode_id__in=unfinished).order_by("transcode_id", "index")
    fresh = rows.defer("facts") if unfinished else ()
    chunks = {pk: list(group) for pk, group in groupby(fresh, key=lambda chunk: chunk.transcode_id)}
    positions = queue_positions() if any(film.state == State.QUEUED for film in films) else {}
    return {film.pk: build(film, chunks.get(film.pk, []), positions.get(film.pk)) for film in films}


def queue_positions() -> dict[int, int]:
    """The place of every queued film, counted from 1."""
    queued = Transcode.objects.filter(state=State.QUEUED).order_by("queued_at", "pk")
    return {pk: place for place, pk in enumerate(queued.values_list("pk", flat=True), start=1)}


def build(film: Transcode, chunks: Sequence[Chunk], queue_position: int | None) -> Status:
    plan = Plan.from_json(film.plan) if film.plan else None
    percent = round(film.percent, 1)
    speed = encoding_speed(chunks, plan) if film.state == State.PROCESSING and plan else None
    return Status(
        state=film.state,
        playable=film.served_version is not None or any(c.index == 0 and c.state == ChunkState.DONE for c in chunks),
        percent=percent,
        phase=phase_of(film, chunks),
        eta_s=remaining_s(chunks, plan, speed) if plan and speed else None,
        queue_position=queue_position,
        speed=round(speed, 2) if speed else None,
        renditions=tuple(RenditionStatus(r.name, r.width, r.height, percent) for r in plan.renditions) if plan else (),
        attempts=film.attempts,
        error=failure(film.error_code) if film.state == State.FAILED else None,
        chunks=tuple(chunk.state for chunk in chunks),
    )


def failure(code: str) -> Failure:
    advice = ADVICE[Code(code)]
    return Failure(code, advice.sentence, advice.hint)


def phase_of(film: Transcode, chunks: Sequence[Chunk]) -> Phase:
    if film.state == State.READY:
        return Phase.DONE
    if film.state not in ACTIVE:
        return Phase.STOPPED
    if film.state == State.QUEUED:
        return Phase.PROBING if film.lease_token else Phase.WAITING
    return Phase.FINISHING if all(chunk.state == ChunkState.DONE for chunk in chunks) else Phase.ENCODING


def encoding_speed(chunks: Sequence[Chunk], plan: Plan) -> float | None:
    """Film seconds made for each second in which at least one worker was busy with the film."""
    now = timezone.now()
    worked = [chunk for chunk in chunks if chunk.started_at and chunk.state in (ChunkState.RUNNING, ChunkState.DONE)]
    busy_s = union_s((chunk.started_at, chunk.finished_at or now) for chunk in worked if chunk.started_at)
    film_s = sum(chunk.frames_done for chunk in worked) / float(plan.timeline.rate)
    return film_s / busy_s if busy_s and film_s else None


def union_s(intervals: Iterable[tuple[datetime, datetime]]) -> float:
    """The length of the time that these intervals cover together, in seconds."""
    covered = timedelta()
    until: datetime | None = None
    for begin, end in sorted(intervals):
        if until is None or begin > until:
            covered += end - begin
            until = end
        elif end > until:
            covered += end - until
            until = end
    return covered.total_seconds()


def remaining_s(chunks: Sequence[Chunk], plan: Plan, speed: float) -> float:
    left = sum(chunk.frame_count - chunk.frames_done for chunk in chunks) / float(plan.timeline.rate)
    return round(left / speed + FINISHING_S, 1)
