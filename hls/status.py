"""How far a film is: the same numbers for the API, the admin and the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from django.conf import settings
from django.utils import timezone

from hls import workload
from hls.core.errors import advice_for
from hls.core.estimate import ALONE, Begun, Crew, Outlook, Stint, remaining_s, union_s
from hls.core.omissions import omissions
from hls.core.plan import Plan
from hls.models import ACTIVE, Chunk, ChunkState, State, Transcode
from hls.published import Served
from hls.workload import Rival

FINISHING_S = 1.0  # playlists, storyboard and poster


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
class Notice:
    """Something about the finished film that its editor should know."""

    code: str
    message: str


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
    warnings: tuple[Notice, ...]  # about what is served
    omissions: tuple[str, ...]  # sentences: what of the source is not in the result


@dataclass(frozen=True)
class Surroundings:
    """What the films on one page have in common."""

    now_s: float
    crew: Crew = ALONE
    rivals: Sequence[Rival] = ()
    positions: Mapping[int, int] = field(default_factory=dict)


def status_of(film: Transcode) -> Status:
    return statuses([film])[film.pk]


def statuses(films: Sequence[Transcode]) -> dict[int, Status]:
    """The status of each film by its id, with as many queries however many there are."""
    unfinished = [film.pk for film in films if film.state != State.READY]
    rows = Chunk.objects.filter(transcode_id__in=unfinished).order_by("transcode_id", "index")
    fresh = rows.defer("facts") if unfinished else ()
    chunks = {pk: list(group) for pk, group in groupby(fresh, key=lambda chunk: chunk.transcode_id)}
    around = surroundings({film.state for film in films})
    return {film.pk: build(film, chunks.get(film.pk, []), around) for film in films}


def surroundings(states: set[str]) -> Surroundings:
    is_processing = State.PROCESSING in states
    return Surroundings(
        now_s=timezone.now().timestamp(),
        crew=workload.crew() if is_processing else ALONE,
        rivals=workload.rivals() if is_processing else (),
        positions=queue_positions() if State.QUEUED in states else {},
    )


def queue_positions() -> dict[int, int]:
    """The place of every queued film, counted from 1."""
    queued = Transcode.objects.filter(state=State.QUEUED).order_by("queued_at", "pk")
    return {pk: place for place, pk in enumerate(queued.values_list("pk", flat=True), start=1)}


def build(film: Transcode, chunks: Sequence[Chunk], around: Surroundings) -> Status:
    plan = Plan.from_json(film.plan) if film.plan else None
    percent = round(film.percent, 1)
    is_made = plan is not None and film.state == State.PROCESSING
    stints = [stint(chunk) for chunk in chunks if is_made and chunk.started_at and chunk.frames_done]
    return Status(
        state=film.state,
        playable=film.served_version is not None or any(c.index == 0 and c.state == ChunkState.DONE for c in chunks),
        percent=percent,
        phase=phase_of(film, chunks),
        eta_s=eta_s(film, chunks, stints, around) if is_made else None,
        queue_position=around.positions.get(film.pk),
        speed=speed(stints, plan) if plan else None,
        renditions=tuple(RenditionStatus(r.name, r.width, r.height, percent) for r in plan.renditions) if plan else (),
        attempts=film.attempts,
        error=failure(film) if film.state == State.FAILED else None,
        chunks=tuple(chunk.state for chunk in chunks),
        warnings=warnings(film),
        omissions=omissions(plan) if plan else (),
    )


def warnings(film: Transcode) -> tuple[Notice, ...]:
    """What couldn't be decoded of the file that is served, unless another one is being made."""
    if film.state != State.READY or film.served is None:
        return ()
    return tuple(
        Notice("undecodable", f"The picture from {at(begin_s)} to {at(end_s)} could not be decoded as it was.")
        for begin_s, end_s in Served.from_json(film.served).undecoded
    )


def at(seconds: float) -> str:
    """A moment of a film, to a tenth of a second: "0:14.2", "1:02:09.0"."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def failure(film: Transcode) -> Failure:
    advice = advice_for(film.error_code, film.error_reason)
    return Failure(film.error_code, advice.sentence, advice.hint_for(is_tried_again=film.retry_at is not None))


def phase_of(film: Transcode, chunks: Sequence[Chunk]) -> Phase:
    if film.state == State.READY:
        return Phase.DONE
    if film.state not in ACTIVE:
        return Phase.STOPPED
    if film.state == State.QUEUED:
        return Phase.PROBING if film.lease_token else Phase.WAITING
    if chunks and not any(chunk.started_at for chunk in chunks):
        return Phase.WAITING
    return Phase.FINISHING if all(chunk.state == ChunkState.DONE for chunk in chunks) else Phase.ENCODING


def stint(chunk: Chunk) -> Stint:
    """A chunk's frames with the time they took, which ends with the last heartbeat where it is still running."""
    return Stint(chunk.started_at.timestamp() if chunk.started_at else 0.0, heard_s(chunk), chunk.frames_done)


def heard_s(chunk: Chunk) -> float:
    """When its worker last told of its frames: each heartbeat renews the lease."""
    if chunk.finished_at:
        return chunk.finished_at.timestamp()
    return chunk.lease_until.timestamp() - float(settings.HLS_LEASE_S) if chunk.lease_until else 0.0


def speed(stints: Sequence[Stint], plan: Plan) -> float | None:
    """Film seconds made for each second in which at least one worker was busy with the film."""
    busy_s = union_s(stints)
    return round(sum(stint.work for stint in stints) / float(plan.timeline.rate) / busy_s, 2) if busy_s > 0 else None


def eta_s(film: Transcode, chunks: Sequence[Chunk], stints: Sequence[Stint], around: Surroundings) -> float | None:
    """Until viewers get the finished film."""
    if not chunks:
        return None
    begun = [
        Begun(chunk.frame_count - chunk.frames_done, around.now_s - heard_s(chunk))
        for chunk in chunks
        if chunk.state == ChunkState.RUNNING
    ]
    waiting = [float(chunk.frame_count) for chunk in chunks if chunk.state in (ChunkState.WAITING, ChunkState.FAILED)]
    ahead = tuple(workload.ahead_of(film, chunks[-1].index, around.rivals)) if waiting else ()
    left_s = remaining_s(stints, Outlook(begun, waiting, ahead), around.crew)
    return None if left_s is None else round(left_s + FINISHING_S, 1)
