"""How much room videos take."""

from collections.abc import Iterable

from django.db.models import Sum

from hls.models import TrackText, Transcode
from hls.published import current, retired
from hls.stores import uploads
from library.models import Video
from library.uploads.kinds import arriving


def video_bytes(video: Video) -> int:
    """The files that deleting the video frees: the uploaded one, the picture, and the served versions."""
    versions = [version for version in (current(video.transcode), retired(video.transcode)) if version]
    return sum(version.size_bytes for version in versions) + uploaded_files_bytes(video)


def uploaded_files_bytes(video: Video) -> int:
    """The video's file and its poster. Elsewhere than on a disk it takes requests to ask, and a poster is small."""
    store = uploads()
    if not store.is_on_disk:
        return video.transcode.source_bytes
    return sum(store.size_bytes(str(field.name)) for field in (video.video_file, video.thumbnail) if field)


def text_bytes(videos: Iterable[Video]) -> int:
    """What the texts of their tracks take in the database."""
    texts = TrackText.objects.filter(track__transcode__in=[video.transcode_id for video in videos])
    return texts.aggregate(total=Sum("size_bytes"))["total"] or 0


def all_bytes(videos: Iterable[Video]) -> int:
    """Everything that deleting these videos frees."""
    listed = list(videos)
    return sum(map(video_bytes, listed)) + text_bytes(listed)


def served_bytes() -> int:
    """What all published versions take."""
    return Transcode.objects.aggregate(total=Sum("served_bytes"))["total"] or 0


def uploaded_bytes() -> int:
    """What the videos' uploaded files take, and those still arriving; without the pictures."""
    videos = Transcode.objects.aggregate(total=Sum("source_bytes"))["total"] or 0
    return videos + arriving().arrived_bytes()
