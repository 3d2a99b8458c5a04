"""Where a transcode's files are: `<HLS root>/<transcode_id>/<version>/…`. Published files never change."""

import shutil
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from hls.core import names

WORK = ".work"  # the private folders of claims
TILES = names.TILES  # the small pictures that finishing lays on the storyboard


def hls_root() -> Path:
    return Path(settings.HLS_ROOT)


def transcode_folder(transcode_id: int) -> Path:
    return hls_root() / str(transcode_id)


def version_folder(transcode_id: int, version: int) -> Path:
    return transcode_folder(transcode_id) / str(version)


def chunk_folder(transcode_id: int, version: int, index: int, token: str) -> Path:
    """The private folder of one claim on one chunk."""
    return version_folder(transcode_id, version) / WORK / f"{index}-{token}"


def finish_folder(transcode_id: int, version: int, token: str) -> Path:
    """The private folder of one claim on a transcode's last step."""
    return version_folder(transcode_id, version) / WORK / f"finish-{token}"


def texts_folder(transcode_id: int, version: int, token: str) -> Path:
    """The private folder of one claim on taking the texts out of a source."""
    return version_folder(transcode_id, version) / WORK / f"texts-{token}"


def move_in(folder: Path, version: Path) -> None:
    """Rename every file of a private folder into the version's folder."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            target = version / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)


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


def size_bytes(path: Path) -> int:
    """The size of a file, or of all files below a folder; 0 for what is gone."""
    total = 0
    for file in path.rglob("*") if path.is_dir() else [path]:
        with suppress(FileNotFoundError):
            total += file.stat().st_size if file.is_file() else 0
    return total
