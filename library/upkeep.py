"""Uploaded files that no row names, uploads that nobody went on with, and served files that are gone."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings

from hls import asking
from hls.folders import source_path, version_folder
from hls.models import State, Transcode
from library import finishing
from library.disk import PARTIAL
from library.models import Upload, Video

log = structlog.get_logger("videoflix.library")

YOUNG_S = {  # how long nobody need name a file
    "videos": 180.0,  # it is written before its row is committed
    "thumbnails": 180.0,
    PARTIAL: 3600.0,  # a form's file, which has no row while it arrives, and may arrive slowly
}


@dataclass(frozen=True)
class Stray:
    path: Path
    size_bytes: int
    age_s: float


def strays() -> list[Stray]:
    """Files in the upload folder that no row names, whatever their age. The folder is read before the rows."""
    found = list(uploaded_files())
    named = {f"{PARTIAL}/{pk}" for pk in Upload.objects.filter(taken_at=None).values_list("pk", flat=True)}
    for pair in Video.objects.values_list("video_file", "thumbnail").iterator():
        named.update(pair)
    for source in Video.objects.values_list("transcode__source", flat=True).iterator():
        named.add(source)
    root = Path(settings.MEDIA_ROOT)
    return [stray for stray in found if str(stray.path.relative_to(root)) not in named]


def uploaded_files() -> Iterator[Stray]:
    for folder in YOUNG_S:
        root = Path(settings.MEDIA_ROOT) / folder
        for path in root.iterdir() if root.is_dir() else ():
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            yield Stray(path, stat.st_size, time.time() - stat.st_mtime)


def sweep() -> None:
    """Remove what nobody names and nobody is writing."""
    finishing.sweep()
    for stray in strays():
        if stray.age_s > YOUNG_S[stray.path.parent.name]:
            stray.path.unlink(missing_ok=True)
            log.info("stray removed", path=stray.path.name, size_bytes=stray.size_bytes)


def lost() -> list[Transcode]:
    """Films that are served but whose files are gone, as after a backup was restored that had no HLS folder."""
    served = Transcode.objects.exclude(served_version=None).filter(state=State.READY).select_related("video")
    return [film for film in served.iterator() if not version_folder(film.pk, film.served_version or 0).is_dir()]


def make_again(films: list[Transcode]) -> list[Transcode]:
    """Queue those whose uploaded file is there; return the others."""
    hopeless = []
    for film in films:
        if source_path(film.source).is_file():
            asking.replace(film, film.source)
        else:
            hopeless.append(film)
    return hopeless
