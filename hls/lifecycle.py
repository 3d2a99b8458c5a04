"""What the rest of the program asks of the engine: submit, replace, restore, retry, cancel, discard.

Each of them does this, as far as it applies:

1. In a short transaction, change the transcode's row, where its state allows it; else raise NotPossible.
2. In the same transaction, write down which files are given up (Discarded). A sweep removes them later.
3. After the commit, wake a worker for new work. A worker that is not woken, since the queue is down, finds the rows by
   itself within seconds.

No running step is told. Its claim is gone with the change of the row, and it stops at its next heartbeat.
"""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from hls import claims, numbering
from hls.errors import NotPossible
from hls.models import ACTIVE, PLAYABLE_AS_SERVED, Chunk, ChunkState, Discarded, Root, State, Transcode
from hls.store.interface import StoreFailed
from hls.stores import uploads
from hls.tasks import wake_after_commit

FRESH = {
    "awaits_source": False,
    "plan": None,
    "opening": None,
    "is_sampling_due": False,
    "percent": 0,
    "attempts": 1,
    "losses": 0,
    "error_code": "",
    "error_reason": "",
    "retry_at": None,
    "not_before": None,
    "started_at": None,
    "finished_at": None,
    **claims.FREE,
}


def source_bytes(source: str) -> int:
    """The size of an uploaded file; 0 where it is gone, which planning then reports. Raises StoreFailed."""
    try:
        return uploads().size_bytes(source)
    except StoreFailed:
        raise
    except OSError:
        return 0


def submit(source: str) -> Transcode:
    """Queue the transcode of an uploaded file, given relative to the upload folder."""
    transcode = Transcode.objects.create(
        source=source, version=numbering.least(), source_bytes=source_bytes(source), queued_at=timezone.now()
    )
    wake_after_commit()
    return transcode


def announce(source: str) -> Transcode:
    """Queue the transcode of a file that is still to be brought to this place in the upload folder."""
    transcode = Transcode.objects.create(
        source=source, version=numbering.least(), awaits_source=True, queued_at=timezone.now()
    )
    wake_after_commit()
    return transcode


@transaction.atomic
def replace(transcode: Transcode, source: str, *, is_awaited: bool = False) -> None:
    """Transcode another file instead; the version that is served stays until the new one is ready.

    With `is_awaited` the file is still to be brought.
    """
    own = Transcode.objects.filter(pk=transcode.pk)
    before = own.select_for_update().values_list("version", flat=True).get()
    own.update(
        **FRESH | {"awaits_source": is_awaited},
        source=source,
        source_bytes=source_bytes(source),
        state=State.QUEUED,
        version=numbering.next_version(),
        queued_at=timezone.now(),
        playable_at=PLAYABLE_AS_SERVED,
    )
    Chunk.objects.filter(transcode=transcode).delete()
    if source != transcode.source:
        Discarded.add(Root.UPLOADS, [transcode.source])
    transcode.refresh_from_db()
    Discarded.add(Root.HLS, [f"{transcode.pk}/{before}"])  # the sweep keeps it while it is served
    wake_after_commit()


@transaction.atomic
def restore(transcode: Transcode, source: str, plan: dict[str, Any] | None) -> None:
    """Give up a failed or cancelled replacement, and go back to the source and the plan of what is served.

    Raises NotPossible. The number of the version that was given up is not used again.
    """
    taken_back = {"plan": plan, "percent": 100, "finished_at": timezone.now()}
    changed = (
        Transcode.objects.filter(pk=transcode.pk, state__in=(State.FAILED, State.CANCELLED))
        .exclude(served_version=None)
        .update(**FRESH | taken_back, source=source, source_bytes=source_bytes(source), state=State.READY)
    )
    if not changed:
        raise NotPossible("Only a failed or cancelled replacement can be given up.")
    Chunk.objects.filter(transcode=transcode).delete()
    Discarded.add(Root.UPLOADS, [transcode.source])
    Discarded.add(Root.HLS, [f"{transcode.pk}/{transcode.version}"])
    transcode.refresh_from_db()


def retry(transcode: Transcode) -> None:
    """Queue a failed or cancelled transcode again; chunks that are done stay done. Raises NotPossible."""
    if not claims.requeue(Transcode.objects.filter(pk=transcode.pk)):
        raise NotPossible("Only a failed or cancelled video can be tried again.")
    transcode.refresh_from_db()
    wake_after_commit()


@transaction.atomic
def cancel(transcode: Transcode) -> None:
    """Stop a queued or running transcode; running encoders notice at their next heartbeat. Raises NotPossible."""
    changed = Transcode.objects.filter(pk=transcode.pk, state__in=ACTIVE).update(
        **claims.FREE, state=State.CANCELLED, finished_at=timezone.now()
    )
    if not changed:
        raise NotPossible("Only a queued or running transcode can be cancelled.")
    Chunk.objects.filter(transcode=transcode, state=ChunkState.RUNNING).update(
        **claims.FREE, state=ChunkState.WAITING, frames_done=0
    )
    transcode.refresh_from_db()


@transaction.atomic
def discard(transcode_id: int, pictures: Iterable[str] = ()) -> None:
    """Delete a transcode's row. A running encoder stops by itself, and a sweep removes the files.

    `pictures` are files in the upload folder that go with it. All files are written down, so that the sweep need not
    conclude from a missing row that they may go.
    """
    transcode = Transcode.objects.select_for_update().filter(pk=transcode_id).only("source").first()
    if transcode:
        Discarded.add(Root.HLS, [str(transcode.pk)])
        Discarded.add(Root.UPLOADS, [transcode.source, *pictures])
        transcode.delete()
