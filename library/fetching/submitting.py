"""A video whose file is still to be fetched: its rows are there at once, and a worker brings the file."""

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import transaction

from hls import lifecycle
from library import videos
from library.errors import FieldsRefused
from library.fetching.models import Fetch
from library.kinds import is_video
from library.models import Video, video_path
from library.outgoing.addresses import AddressRefused, target_of
from library.webhooks import outbox, payloads
from library.webhooks.models import Happening

USUAL_NAME = "video.mp4"


def check(url: str) -> None:
    """Whether an address can be used, as far as can be told without asking. Raises FieldsRefused."""
    try:
        target_of(url, may_be_private=settings.SOURCE_ALLOW_PRIVATE)
    except AddressRefused as error:
        raise FieldsRefused({"source_url": [str(error)]}) from None


def file_name(url: str) -> str:
    """What people call the file: the last name in its address, if that can be a video's."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name.replace("\0", "")
    return name[-255:] if is_video(name) else USUAL_NAME


@transaction.atomic
def save_new(video: Video, url: str) -> None:
    """Save a new video. Raises FieldsRefused."""
    name_file(video, url)
    video.transcode = lifecycle.announce(str(video.video_file.name))
    video.save()
    Fetch.objects.create(video=video, url=url)
    outbox.tell(Happening.VIDEO_CREATED, lambda: payloads.of_video(video))


@transaction.atomic
def save_replaced(video: Video, url: str) -> None:
    """Fetch another file for a video; what is served stays until that is ready. Raises FieldsRefused."""
    name_file(video, url)
    videos.keep_served(video)
    video.save()
    lifecycle.replace(video.transcode, str(video.video_file.name), is_awaited=True)
    Fetch.objects.filter(video=video).delete()
    Fetch.objects.create(video=video, url=url)
    outbox.tell(Happening.VIDEO_REPLACED, lambda: payloads.of_video(video))


def name_file(video: Video, url: str) -> None:
    check(url)
    video.original_name = file_name(url)
    video.video_file.name = video_path(video, video.original_name)
