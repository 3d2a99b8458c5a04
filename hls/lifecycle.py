"""What the rest of the program asks of the engine: submit, replace, retry, cancel, discard.

Everything here is a short transaction on rows. Workers are woken after the commit; one that is not woken (the queue
is down) finds the rows by itself within seconds.
"""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from hls import claims
from hls.errors import NotPossible
from hls.folders import source_path
from hls.models import ACTIVE, Chunk, ChunkState, Discarded, Root, State, Transcode
from hls.tasks import wake_after_commit

FRESH = {
    "plan": None,
    "percent": 0,
    "attempts": 1,
    "losses": 0,
    "error_code": "",
    "error_reason": "",
    "retry_at": None,
    "not_before": None,
    "started_at": None,
    "finished_at": None,
    "lease_token": "",
    "lease_until": None,
    "worker": None,
}
ONLY_WHAT_IS_SERVED = Case(When(served_version=None, then=Value(None)), default=F("playable_at"))  # for `playable_at`


def source_bytes(source: str) -> int:
    """0 for a file that is gone: planning tells."""
    try:
        return source_path(source).stat().st_size
    except OSError:
        return 0


def submit(source: str) -> Transcode:
    """Queue the transcode of an uploaded file, given relative to the upload folder."""
    transcode = Transcode.objects.create(source=source, source_bytes=source_bytes(source), queued_at=timezone.now())
    wake_after_commit()
    return transcode


@transaction.atomic
def replace(transcode: Transcode, source: str) -> None:
    """Transcode another file in the place of this one; the version being served stays until the new one is ready."""
    Transcode.objects.filter(pk=transcode.pk).update(
        **FRESH,
        source=source,
        source_bytes=source_bytes(source),
        state=State.QUEUED,
        version=F("version") + 1,
        queued_at=timezone.now(),
        playable_at=ONLY_WHAT_IS_SERVED,
    )
    Chunk.objects.filter(transcode=transcode).delete()
    if source != transcode.source:
        Discarded.add(Root.UPLOADS, [transcode.source])
    transcode.refresh_from_db()
    Discarded.add(Root.HLS, [f"{transcode.pk}/{transcode.version - 1}"])  # kept where it is served
    wake_after_commit()


def retry(transcode: Transcode) -> None:
    """Try a failed or cancelled video again; chunks that are done stay done. Raises NotPossible for any other state."""
    if not claims.requeue(Transcode.objects.filter(pk=transcode.pk)):
        raise NotPossible("Only a failed or cancelled video can be tried again.")
    transcode.refresh_from_db()
    wake_after_commit()


@transaction.atomic
def cancel(transcode: Transcode) -> None:
    """Stop a queued or running transcode; running encoders notice at their next heartbeat. Raises NotPossible."""
    changed = Transcode.objects.filter(pk=transcode.pk, state__in=ACTIVE).update(
        state=State.CANCELLED, finished_at=timezone.now(), lease_token="", lease_until=None, worker=None
    )
    if not changed:
        raise NotPossible("Only a queued or running transcode can be cancelled.")
    Chunk.objects.filter(transcode=transcode, state=ChunkState.RUNNING).update(
        state=ChunkState.WAITING, lease_token="", lease_until=None, worker=None, frames_done=0
    )
    transcode.refresh_from_db()


@transaction.atomic
def discard(transcode_id: int, pictures: Iterable[str] = ()) -> None:
    """Forget a video: a running encoder stops by itself, and the files are swept away.

    `pictures` are files in the upload folder that go with it. What is to go is written down, so that a sweep need not
    conclude it from rows that are not there.
    """
    transcode = Transcode.objects.select_for_update().filter(pk=transcode_id).only("source").first()
    if transcode:
        Discarded.add(Root.HLS, [str(transcode.pk)])
        Discarded.add(Root.UPLOADS, [transcode.source, *pictures])
        transcode.delete()
    wake_after_commit()
