"""Folders of this machine: the private ones that claims write into, and the uploaded files.

What is made is put into a store (hls.stores). Where that is a folder, the private ones lie in it, so that a rename is
enough.
"""

import shutil
from pathlib import Path

from django.conf import settings

from hls.core import names
from hls.stores import private_root

WORK = names.WORK  # the private folders of claims
TILES = names.TILES  # the small pictures that finishing lays on the storyboard


def hls_root() -> Path:
    return Path(settings.HLS_ROOT)


def transcode_folder(transcode_id: int) -> Path:
    return hls_root() / str(transcode_id)


def version_folder(transcode_id: int, version: int) -> Path:
    return transcode_folder(transcode_id) / str(version)


def private_folder(transcode_id: int, version: int, name: str) -> Path:
    return private_root() / str(transcode_id) / str(version) / WORK / name


def chunk_folder(transcode_id: int, version: int, index: int, token: str) -> Path:
    """The private folder of one claim on one chunk."""
    return private_folder(transcode_id, version, f"{index}-{token}")


def finish_folder(transcode_id: int, version: int, token: str) -> Path:
    """The private folder of one claim on a transcode's last step."""
    return private_folder(transcode_id, version, f"finish-{token}")


def texts_folder(transcode_id: int, version: int, token: str) -> Path:
    """The private folder of one claim on taking the texts out of a source."""
    return private_folder(transcode_id, version, f"texts-{token}")


def source_path(source: str) -> Path:
    """The absolute path of an uploaded file. Raises ValueError for a name that leads out of the upload folder."""
    root = Path(settings.MEDIA_ROOT)
    path = (root / source).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ValueError("A source must lie in the upload folder.")
    return path


def remove(folder: Path) -> None:
    """Remove a folder that may be gone already."""
    shutil.rmtree(folder, ignore_errors=True)
