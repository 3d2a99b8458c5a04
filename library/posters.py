"""The picture that stands for a video: uploaded, made by the engine, or chosen from the storyboard."""

from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from django.db import transaction

import video_paths
from hls.core.errors import TranscodeError
from hls.errors import NotPossible
from hls.models import Discarded, Root
from hls.published import current
from hls.stills import liveliest, take_still
from library import disk
from library.models import Video
from library.thumbnails import redrawn

MOST_TILES = 60  # pictures of the storyboard that an editor can choose from


def poster_url(video: Video) -> str | None:
    """The poster's address, which changes with the picture; None while there is no poster."""
    if video.thumbnail:
        return video_paths.thumbnail(video.pk, PurePath(video.thumbnail.name or "").stem[:8])
    version = current(video.transcode)
    if version is None or not version.has_poster:
        return None
    return video_paths.thumbnail(video.pk, version.version)


def choose(video: Video, tile: int) -> None:
    """Make the storyboard's picture with this number the poster, in full size. Raises NotPossible."""
    with TemporaryDirectory(dir=disk.partial_folder()) as folder:
        path = Path(folder) / "still.jpg"
        try:
            take_still(video.transcode, tile, path)
        except TranscodeError as error:
            raise NotPossible(f"No picture could be taken: {error.advice.sentence}") from error
        with path.open("rb") as file:
            picture = redrawn(file, path.stat().st_size)
    before = video.thumbnail.name or ""
    video.thumbnail.save(picture.name or "still.jpg", picture, save=False)
    with transaction.atomic():
        video.save(update_fields=["thumbnail", "updated_at"])
        Discarded.add(Root.UPLOADS, [before])


def regenerate(video: Video) -> None:
    """Make the storyboard's picture with the most contrast the poster. Raises NotPossible."""
    try:
        tile = liveliest(video.transcode, most=MOST_TILES)
    except (TranscodeError, FileNotFoundError):
        raise NotPossible("There is no storyboard to take a picture from.") from None
    choose(video, tile)
