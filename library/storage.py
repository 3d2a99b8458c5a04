"""How much room videos take."""

from collections.abc import Iterable
from pathlib import Path

from django.db.models import Sum

from hls.models import Transcode
from hls.published import current, retired
from library import disk
from library.models import Video


def video_bytes(video: Video) -> int:
    """Everything that deleting the video frees: the uploaded file, the picture, and the served versions."""
    versions = [version for version in (current(video.transcode), retired(video.transcode)) if version]
    uploads = [field.path for field in (video.video_file, video.thumbnail) if field]
    return sum(version.size_bytes for version in versions) + sum(file_bytes(Path(path)) for path in uploads)


def all_bytes(videos: Iterable[Video]) -> int:
    return sum(video_bytes(video) for video in videos)


def served_bytes() -> int:
    """What all published versions take."""
    return Transcode.objects.aggregate(total=Sum("served_bytes"))["total"] or 0


def uploaded_bytes() -> int:
    """What the videos' uploaded files take, and those still arriving; without the pictures."""
    videos = Transcode.objects.aggregate(total=Sum("source_bytes"))["total"] or 0
    return videos + sum(file_bytes(path) for path in disk.partial_folder().iterdir())


def file_bytes(path: Path) -> int:
    """The file's size; 0 for one that is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
