"""Which stores this installation has, and where in them things lie: `<transcode_id>/<version>/480p/segment_000.ts`.

New files go to the bucket as soon as there is one, unless STORE_IN says `disk`. What an installation has in the other
place is found there all the same, and `manage.py storage move` brings it over (library.moving).

Claims write into private folders of their machine first (hls.folders). A private folder has a key of its own, below
which its files are staged.
"""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.utils.module_loading import import_string

from hls.core import names
from hls.store.folder import PRIVATE, FolderStore
from hls.store.interface import Place, Store
from hls.store.pair import StorePair

if TYPE_CHECKING:
    from hls.store.bucket import BucketStore

BUCKET_STORE = "hls.store.bucket.BucketStore"  # named, since its client takes 25 MB of memory in each process
CONNECTION = "hls.store.connection"
DISK, BUCKET = "disk", "bucket"  # as STORE_IN names them


def versions() -> Store:
    """What is made of videos. A published file never changes."""
    return store_of("hls", Path(settings.HLS_ROOT))


def uploads() -> Store:
    """What editors upload: videos and pictures, under the names that rows have for them."""
    return store_of("uploads", Path(settings.MEDIA_ROOT))


def bucket_of_uploads() -> "BucketStore | None":
    """The bucket that new uploads are put into part by part; None where they go to a folder."""
    first = uploads().members[0]
    return None if first.is_on_disk else cast("BucketStore", first)


def ask_bucket() -> None:
    """Whether the bucket, if there is one, can be read right now. Raises StoreFailed."""
    if settings.BUCKET is not None:
        import_string(f"{CONNECTION}.ask_quickly")(settings.BUCKET)


def try_out_bucket() -> None:
    """Whether the bucket, if there is one, is as the program needs it. Raises StoreFailed."""
    if settings.BUCKET is not None:
        import_string(f"{CONNECTION}.try_out")(settings.BUCKET)


def store_of(name: str, root: Path) -> Store:
    """The folder, the bucket, or both while there may be something in the one where new files don't go."""
    folder = FolderStore(name, root)
    if settings.BUCKET is None:
        return folder
    bucket: Store = import_string(BUCKET_STORE)(name, settings.BUCKET)
    if settings.STORE_IN == DISK:
        return StorePair(folder, bucket)
    return StorePair(bucket, folder) if folder.has_files() else bucket


def private_root() -> Path:
    """Below this are the claims' private folders: in the store itself, where that is nothing but a folder."""
    root = Path(settings.HLS_ROOT)
    return root if settings.BUCKET is None else root / PRIVATE


def transcode_key(transcode_id: int) -> str:
    return str(transcode_id)


def version_key(transcode_id: int, version: int) -> str:
    return f"{transcode_key(transcode_id)}/{version}"


def version_place(transcode_id: int, version: int) -> Place:
    return Place(versions(), version_key(transcode_id, version))


def private_place(version: Place, folder: Path) -> Place:
    """Where the files of a claim's private folder are staged; in a folder, that folder itself."""
    return version.below(f"{names.WORK}/{folder.name}")
