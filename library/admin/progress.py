"""How a transcode looks in the admin: the numbers of hls.status, and the words for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Max
from django.utils import timezone

from hls import clock
from hls.models import ACTIVE, ChunkState, State, Worker
from hls.status import Phase, Status, statuses
from library.models import Video

MOST_CELLS = 80
WORKER_SILENCE = timedelta(seconds=15)  # a worker that runs shows itself more often

PHASES = {
    Phase.WAITING: "Waiting for a worker",
    Phase.FETCHING: "Fetching the file",
    Phase.PROBING: "Looking into the file",
    Phase.ENCODING: "Encoding",
    Phase.FINISHING: "Writing playlists",
    Phase.DONE: "Ready",
    Phase.STOPPED: "Stopped",
}
TONES = {
    State.QUEUED: "waiting",
    State.PROCESSING: "running",
    State.READY: "done",
    State.FAILED: "failed",
    State.CANCELLED: "stopped",
}
CELL_WORDS = {
    ChunkState.WAITING: "waiting",
    ChunkState.RUNNING: "being encoded",
    ChunkState.DONE: "done",
    ChunkState.FAILED: "failed",
}


@dataclass(frozen=True)
class Cell:
    """One square of the tracker: a chunk, or a run of chunks of a long video."""

    state: str
    tooltip: str


@dataclass(frozen=True)
class ShownProgress:
    """A video's status with its words."""

    video_id: int
    status: Status
    label: str
    tone: str
    details: tuple[str, ...]
    cells: tuple[Cell, ...]
    standstill: str = ""  # why nobody works on it, if nobody does

    @property
    def is_active(self) -> bool:
        return self.status.state in ACTIVE

    @property
    def can_be_retried(self) -> bool:
        return self.status.state in (State.FAILED, State.CANCELLED)

    @property
    def is_partly_playable(self) -> bool:
        return self.status.playable and self.status.state != State.READY


def progress_of(video: Video) -> ShownProgress:
    return progress_by_id([video])[video.pk]


def progress_by_id(videos: Sequence[Video]) -> dict[int, ShownProgress]:
    """By the videos' ids, with two queries in all, and a third if one of them is active.

    The videos' `transcode` must be selected already.
    """
    found = statuses([video.transcode for video in videos])
    standstill = standstill_text() if any(status.state in ACTIVE for status in found.values()) else ""
    return {video.pk: worded(video, found[video.transcode_id], standstill) for video in videos}


def standstill_text() -> str:
    """Why nothing goes on, in words; empty while a worker is alive."""
    if clock.seen_within(WORKER_SILENCE).exists():
        return ""
    now = timezone.now()
    last_seen = Worker.objects.filter(last_seen__lte=now).aggregate(last=Max("last_seen"))["last"]
    if last_seen is None:
        return "No worker is running, so this stands still until one is started."
    silence = now - last_seen
    return f"The worker has been silent for {duration_text(silence.total_seconds())}, so this stands still."


def worded(video: Video, status: Status, standstill: str) -> ShownProgress:
    state = State(status.state)
    return ShownProgress(
        video_id=video.pk,
        status=status,
        label=PHASES[status.phase] if state in ACTIVE else str(state.label),
        tone=TONES[state],
        details=tuple(details(status)),
        cells=tuple(cells(status.chunks)),
        standstill=standstill if state in ACTIVE else "",
    )


def details(status: Status) -> list[str]:
    """The short texts beside the progress bar."""
    found = []
    if status.queue_position is not None:
        found.append(f"number {status.queue_position} in the queue")
    if status.eta_s is not None and status.state == State.PROCESSING:
        found.append(f"{duration_text(status.eta_s)} left")
    if status.speed is not None:
        found.append(f"{status.speed:.1f}x speed")
    if status.attempts > 1:
        found.append(f"attempt {status.attempts}")
    return found


def duration_text(seconds: float) -> str:
    """A duration as people say it: "8 s", "2 min 5 s", "1 h 20 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def clock_text(seconds: float) -> str:
    """A video's length as players show it: "1:30", "2:05:09"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def cells(chunks: Sequence[str]) -> list[Cell]:
    """A cell for each chunk; where there are too many, for each run of neighbours."""
    run = max(1, -(-len(chunks) // MOST_CELLS))
    return [cell(first, chunks[first : first + run]) for first in range(0, len(chunks), run)]


def cell(first: int, chunks: Sequence[str]) -> Cell:
    order = (ChunkState.FAILED, ChunkState.RUNNING, ChunkState.WAITING, ChunkState.DONE)
    state = next(entry for entry in order if entry in chunks)
    last = first + len(chunks)
    which = f"Chunk {last}" if len(chunks) == 1 else f"Chunks {first + 1} to {last}"
    return Cell(state, f"{which}: {CELL_WORDS[state]}")
