"""How far a transcode is: the same numbers for the API, the admin and the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from django.conf import settings
from django.utils import timezone

from hls import workload
from hls.core.errors import advice_for
from hls.core.estimate import ALONE, Begun, Crew, Stint, Workload, remaining_s, union_s
from hls.core.omissions import omissions
from hls.core.plan import Plan
from hls.core.quality import RenditionQuality
from hls.models import ACTIVE, Chunk, ChunkState, State, Transcode
from hls.published import current
from hls.workload import Backlog

FINISHING_S = 1.0  # playlists, storyboard and poster


class Phase(StrEnum):
    WAITING = "waiting"
    FETCHING = "fetching"
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
    """What an editor should know about a finished video."""

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
    """A transcode's progress. `percent` (0 to 100) never falls; `speed` 1 is as fast as the video plays."""

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
    quality: tuple[RenditionQuality, ...] | None = None  # None where its own CRFs were not looked for, or not yet


@dataclass(frozen=True)
class Surroundings:
    """What the statuses on one page are computed from in common, read once for all of them."""

    now_s: float
    crew: Crew = ALONE
    backlogs: Sequence[Backlog] = ()
    positions: Mapping[int, int] = field(default_factory=dict)


def status_of(transcode: Transcode) -> Status:
    return statuses([transcode])[transcode.pk]


def statuses(transcodes: Sequence[Transcode]) -> dict[int, Status]:
    """The status of each transcode by its id, with the same number of queries for any number of them."""
    unfinished = [transcode.pk for transcode in transcodes if transcode.state != State.READY]
    rows = Chunk.objects.filter(transcode_id__in=unfinished).order_by("transcode_id", "index")
    fresh = rows.defer("facts") if unfinished else ()
    chunks = {transcode_id: list(group) for transcode_id, group in groupby(fresh, key=lambda chunk: chunk.transcode_id)}
    around = surroundings({transcode.state for transcode in transcodes})
    return {transcode.pk: build(transcode, chunks.get(transcode.pk, []), around) for transcode in transcodes}


def surroundings(states: set[str]) -> Surroundings:
    is_processing = State.PROCESSING in states
    return Surroundings(
        now_s=timezone.now().timestamp(),
        crew=workload.crew() if is_processing else ALONE,
        backlogs=workload.backlogs() if is_processing else (),
        positions=queue_positions() if State.QUEUED in states else {},
    )


def queue_positions() -> dict[int, int]:
    """The place of every queued transcode, counted from 1; one that awaits its source waits for no other."""
    queued = Transcode.objects.filter(state=State.QUEUED, awaits_source=False).order_by("queued_at", "pk")
    return {transcode_id: place for place, transcode_id in enumerate(queued.values_list("pk", flat=True), start=1)}


def build(transcode: Transcode, chunks: Sequence[Chunk], around: Surroundings) -> Status:
    plan = Plan.from_json(transcode.plan) if transcode.plan else None
    percent = round(transcode.percent, 1)
    is_made = plan is not None and transcode.state == State.PROCESSING
    stints = [stint(chunk) for chunk in chunks if is_made and chunk.started_at and chunk.frames_done]
    return Status(
        state=transcode.state,
        playable=transcode.served_version is not None
        or any(c.index == 0 and c.state == ChunkState.DONE for c in chunks),
        percent=percent,
        phase=phase_of(transcode, chunks),
        eta_s=eta_s(transcode, chunks, stints, around) if is_made else None,
        queue_position=around.positions.get(transcode.pk),
        speed=speed(stints, plan) if plan else None,
        renditions=tuple(RenditionStatus(r.name, r.width, r.height, percent) for r in plan.kept) if plan else (),
        attempts=transcode.attempts,
        error=failure(transcode) if transcode.state == State.FAILED else None,
        chunks=tuple(chunk.state for chunk in chunks),
        warnings=warnings(transcode),
        omissions=omissions(plan) if plan else (),
        quality=plan.quality.renditions if plan and plan.quality else None,
    )


def warnings(transcode: Transcode) -> tuple[Notice, ...]:
    """What of the served version's source couldn't be decoded; nothing while another version is being made."""
    version = current(transcode) if transcode.state == State.READY else None
    if version is None:
        return ()
    return tuple(
        Notice("undecodable", f"The picture from {at(begin_s)} to {at(end_s)} could not be decoded as it was.")
        for begin_s, end_s in version.undecoded
    )


def at(seconds: float) -> str:
    """A moment of a video, to a tenth of a second: "0:14.2", "1:02:09.0"."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def failure(transcode: Transcode) -> Failure:
    advice = advice_for(transcode.error_code, transcode.error_reason)
    return Failure(
        transcode.error_code, advice.sentence, advice.hint_for(is_tried_again=transcode.retry_at is not None)
    )


def phase_of(transcode: Transcode, chunks: Sequence[Chunk]) -> Phase:
    if transcode.state == State.READY:
        return Phase.DONE
    if transcode.state not in ACTIVE:
        return Phase.STOPPED
    if transcode.state == State.QUEUED:
        at_work = Phase.FETCHING if transcode.awaits_source else Phase.PROBING
        return at_work if transcode.lease_token else Phase.WAITING
    if chunks and not any(chunk.started_at for chunk in chunks):
        return Phase.WAITING
    if all(chunk.state == ChunkState.DONE for chunk in chunks):
        return Phase.PROBING if transcode.plan is None else Phase.FINISHING
    return Phase.ENCODING


def stint(chunk: Chunk) -> Stint:
    """A chunk's frames and the time they took; where it is still running, until its last heartbeat."""
    return Stint(chunk.started_at.timestamp() if chunk.started_at else 0.0, reported_s(chunk), chunk.frames_done)


def reported_s(chunk: Chunk) -> float:
    """When the chunk's frames were last written: at its end, or with the heartbeat that renewed its lease."""
    if chunk.finished_at:
        return chunk.finished_at.timestamp()
    return chunk.lease_until.timestamp() - float(settings.HLS_LEASE_S) if chunk.lease_until else 0.0


def speed(stints: Sequence[Stint], plan: Plan) -> float | None:
    """Video seconds made for each second in which at least one worker was busy with the video."""
    busy_s = union_s(stints)
    return round(sum(stint.work for stint in stints) / float(plan.timeline.rate) / busy_s, 2) if busy_s > 0 else None


def eta_s(transcode: Transcode, chunks: Sequence[Chunk], stints: Sequence[Stint], around: Surroundings) -> float | None:
    """Seconds until viewers get the finished video; None where there is nothing to judge by yet."""
    if not chunks:
        return None
    begun = [
        Begun(chunk.frame_count - chunk.frames_done, around.now_s - reported_s(chunk))
        for chunk in chunks
        if chunk.state == ChunkState.RUNNING
    ]
    waiting = [float(chunk.frame_count) for chunk in chunks if chunk.state in (ChunkState.WAITING, ChunkState.FAILED)]
    ahead = tuple(workload.ahead_of(transcode, chunks[-1].index, around.backlogs)) if waiting else ()
    left_s = remaining_s(stints, Workload(begun, waiting, ahead), around.crew)
    return None if left_s is None else round(left_s + FINISHING_S, 1)
