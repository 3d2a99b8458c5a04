"""Which stores this installation has, and where in them things lie: `<transcode_id>/<version>/480p/segment_000.ts`."""

from pathlib import Path

from django.conf import settings

from hls.store.folder import FolderStore
from hls.store.interface import Place, Store


def versions() -> Store:
    """What is made of videos. A published file never changes."""
    return FolderStore("hls", Path(settings.HLS_ROOT))


def uploads() -> Store:
    """What editors upload: videos and pictures, under the names that rows have for them."""
    return FolderStore("uploads", Path(settings.MEDIA_ROOT))


def transcode_key(transcode_id: int) -> str:
    return str(transcode_id)


def version_key(transcode_id: int, version: int) -> str:
    return f"{transcode_key(transcode_id)}/{version}"


def version_place(transcode_id: int, version: int) -> Place:
    return Place(versions(), version_key(transcode_id, version))
