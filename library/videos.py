"""Adding and replacing videos: the file first, then the row, then the engine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.files import File
from django.db import transaction

from hls import lifecycle
from hls.errors import NotPossible
from hls.models import State
from hls.removal import Trash
from hls.stores import uploads
from library import categories
from library.errors import FileRefused
from library.importing import Way, take_in
from library.models import Video
from library.webhooks import outbox, payloads
from library.webhooks.models import Happening

CATEGORY = ("category", "updated_at")
PUBLICATION = ("is_published", "publish_at", "updated_at")


class StillThere(Exception):
    """The original of a file that was moved can't be removed; the video is added all the same."""

    def __init__(self, video: Video, sentence: str) -> None:
        super().__init__(sentence)
        self.video = video


@dataclass(frozen=True)
class ReplacedFile:
    """A file that a video had before."""

    name: str  # what people called it
    stored_as: str  # relative to the upload folder


def add_video(
    path: Path,
    *,
    title: str,
    category: str = "",
    description: str = "",
    is_published: bool = True,
    way: Way = Way.COPY,
) -> Video:
    """Bring a file from this machine to the uploads and queue its transcode. Raises as take_in does, and StillThere.

    `category` is the slug of one; the usual one where none is named.
    """
    taken = take_in(path, way)
    texts = {"title": title, "category": category or categories.usual(), "description": description}
    video = Video(**texts, is_published=is_published, original_name=label(path.name))
    video.video_file.name = taken.name
    save_new(video)
    if reason := taken.let_go():
        raise StillThere(video, f"The video is added, but {path} {reason}.")
    return video


def file_name(video: Video) -> str:
    """What people call the video's file."""
    return video.original_name or Path(str(video.video_file.name)).name


def label(name: str) -> str:
    """A file's name as people see it; bytes that are not UTF-8, as on older disks, are replaced."""
    return name.encode(errors="surrogateescape").decode(errors="replace")[:255]


def save_with_file(video: Video) -> None:
    """Save a video, new or being replaced, whose new file is in the upload folder."""
    if video.pk is None:
        save_new(video)
    else:
        save_replaced(video)


@transaction.atomic
def save_new(video: Video) -> Video:
    """Save a video whose file is in the upload folder, with its transcode."""
    video.transcode = lifecycle.submit(str(video.video_file.name))
    video.save()
    outbox.tell(Happening.VIDEO_CREATED, lambda: payloads.of_video(video))
    return video


@transaction.atomic
def save_replaced(video: Video) -> Video:
    """Save a video whose file was exchanged; the old one is served until the new one is ready."""
    keep_served(video)
    video.save()
    lifecycle.replace(video.transcode, str(video.video_file.name))
    outbox.tell(Happening.VIDEO_REPLACED, lambda: payloads.of_video(video))
    return video


def take_back(video: Video, replaced: ReplacedFile) -> None:
    """Replace the video's file by one that it had before, from the trash. Raises FileRefused where that is gone."""
    store = uploads()
    if not store.exists(replaced.stored_as) and not Trash(store).restore([replaced.stored_as]):
        raise FileRefused(f"{replaced.name} is neither in {store.address('')} nor in its trash.")
    store.touch(replaced.stored_as)  # a sweep spares young files: this one gets its row only now
    video.video_file.name, video.original_name = replaced.stored_as, replaced.name
    save_replaced(video)


def set_category(video: Video, slug: str) -> None:
    video.category = slug
    video.save(update_fields=CATEGORY)


def publish(video: Video) -> None:
    """Show a draft to viewers at once, or a scheduled video before its time."""
    video.is_published, video.publish_at = True, None
    video.save(update_fields=PUBLICATION)


def unpublish(video: Video) -> None:
    """Make a draft of it; what was scheduled is forgotten."""
    video.is_published, video.publish_at = False, None
    video.save(update_fields=PUBLICATION)


@dataclass(frozen=True)
class KeptFile:
    """The file of what is served while another one is made."""

    file: str
    name: str
    plan: dict[str, Any] | None


def kept_of(video: Video) -> KeptFile | None:
    """None where what is served was made of the video's own file."""
    kept, transcode = video.kept, video.transcode
    if not kept or transcode.state == State.READY or transcode.served_version != kept["version"]:
        return None
    return KeptFile(kept["file"], kept["name"] or Path(kept["file"]).name, kept["plan"])


def keep_served(video: Video) -> None:
    """Remember what is served while another file is made, so that an editor can go back to it."""
    before = Video.objects.select_related("transcode").get(pk=video.pk)
    video.kept = before.kept
    if before.transcode.state == State.READY:
        video.kept = {
            "file": before.video_file.name,
            "name": before.original_name,
            "plan": before.transcode.plan,
            "version": before.transcode.served_version,
        }


@transaction.atomic
def go_back(video: Video) -> None:
    """Give up a failed or cancelled replacement for the file that is served. Raises NotPossible."""
    kept = kept_of(video)
    if kept is None:
        raise NotPossible("There is no other file that is served.")
    lifecycle.restore(video.transcode, kept.file, kept.plan)
    video.video_file.name, video.original_name, video.kept = kept.file, kept.name, None
    video.save(update_fields=["video_file", "original_name", "kept", "updated_at"])


def store_upload(video: Video, upload: "File[bytes]") -> None:
    """Keep a form's file among the uploads, complete, before any row names it."""
    video.original_name = Path(upload.name or "").name[:255]
    video.video_file.save(upload.name or "video", upload, save=False)
