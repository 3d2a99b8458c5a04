"""Which stores this installation has, and where in them things lie: `<transcode_id>/<version>/480p/segment_000.ts`.

Claims write into private folders of their machine first (hls.folders). A private folder has a key of its own, below
which its files are staged.
"""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.utils.module_loading import import_string

from hls.folders import WORK
from hls.store.folder import FolderStore
from hls.store.interface import Place, Store

if TYPE_CHECKING:
    from hls.store.bucket import BucketStore

BUCKET_STORE = "hls.store.bucket.BucketStore"  # named, since its client takes 25 MB of memory in each process


def versions() -> Store:
    """What is made of videos. A published file never changes."""
    return store_of("hls", Path(settings.HLS_ROOT))


def uploads() -> Store:
    """What editors upload: videos and pictures, under the names that rows have for them."""
    return store_of("uploads", Path(settings.MEDIA_ROOT))


def bucket_of_uploads() -> "BucketStore | None":
    """The bucket that new uploads are put into part by part; None where they go to a folder."""
    store = uploads()
    return None if store.is_on_disk else cast("BucketStore", store)


def store_of(name: str, root: Path) -> Store:
    """A folder, or the same in a bucket where one is named."""
    if settings.BUCKET is None:
        return FolderStore(name, root)
    store: Store = import_string(BUCKET_STORE)(name, settings.BUCKET)
    return store


def transcode_key(transcode_id: int) -> str:
    return str(transcode_id)


def version_key(transcode_id: int, version: int) -> str:
    return f"{transcode_key(transcode_id)}/{version}"


def version_place(transcode_id: int, version: int) -> Place:
    return Place(versions(), version_key(transcode_id, version))


def private_place(version: Place, folder: Path) -> Place:
    """Where the files of a claim's private folder are staged; in a folder, that folder itself."""
    return version.below(f"{WORK}/{folder.name}")
