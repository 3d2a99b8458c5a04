"""How much room films take."""

from collections.abc import Iterable
from pathlib import Path

from hls.models import Transcode
from hls.published import current, retired
from library import disk
from library.models import Video


def video_bytes(video: Video) -> int:
    """Everything that deleting the film frees: the uploaded file, the picture, and the served versions."""
    editions = [edition for edition in (current(video.transcode), retired(video.transcode)) if edition]
    uploads = [field.path for field in (video.video_file, video.thumbnail) if field]
    return sum(edition.served.size_bytes for edition in editions) + sum(file_bytes(Path(path)) for path in uploads)


def all_bytes(videos: Iterable[Video]) -> int:
    return sum(video_bytes(video) for video in videos)


def served_bytes() -> int:
    """What all published versions take."""
    rows = Transcode.objects.exclude(served_version=None).values_list("served__size_bytes", "retired__size_bytes")
    return sum((served or 0) + (retired or 0) for served, retired in rows.iterator())


def uploaded_bytes() -> int:
    """What all uploaded files take, also those on their way."""
    return sum(file_bytes(path) for path in disk.upload_root().rglob("*") if path.is_file())


def file_bytes(path: Path) -> int:
    """The file's size; 0 for one that is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
