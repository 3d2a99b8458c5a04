"""Moving an installation's files between the disk and a bucket, while it is used; hls.store.moving does it.

Rows name keys, never stores, so nothing is written to the database. What no row names is left to the sweeps.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from hls import identity
from hls import upkeep as engine
from hls.removal import TRASH
from hls.store.interface import Store
from hls.store.pair import StorePair
from hls.stores import BUCKET, DISK, uploads, versions
from library import upkeep
from library.disk import PARTIAL
from library.errors import CannotMove

KINDS = (DISK, BUCKET)


@dataclass(frozen=True)
class Items:
    """What of a pair's second store is to be brought to the first, and what stays."""

    pair: StorePair
    keys: Sequence[str]
    unnamed: int  # that no row names


def new_files_go_to() -> str:
    return DISK if versions().members[0].is_on_disk else BUCKET


def to_move(target: str) -> list[Items]:
    """All that is in the other place. Raises CannotMove, NotOurs."""
    if settings.BUCKET is None:
        raise CannotMove("There is no bucket: set S3_BUCKET and its fellows, also to move back from it.")
    if new_files_go_to() != target:
        raise CannotMove(
            f"New files would not go there: set STORE_IN={target}, restart web and workers, and try again."
        )
    identity.take_up(versions(), engine.share)
    identity.take_up(uploads(), lambda: upkeep.FolderContents.read().share())
    return [items_of(store, wanted()) for store, wanted in upkeep.stores().items() if isinstance(store, StorePair)]


def items_of(pair: StorePair, wanted: set[str]) -> Items:
    pair.finish_moves()
    found = list(second_names(pair.second))
    keys = [key for key in found if key in wanted or key.startswith(f"{TRASH}/")]
    return Items(pair, keys, len(found) - len(keys))


def second_names(store: Store) -> Iterator[str]:
    """The keys of two names: versions, uploaded files, and the trash of each sweep. What still arrives stays."""
    for first in store.entries(""):
        if first.name not in (PARTIAL, engine.LOST_AND_FOUND) and (first.name == TRASH or first.name[0] != "."):
            yield from (f"{first.name}/{entry.name}" for entry in store.entries(first.name))


def check_room(pair: StorePair, key: str) -> None:
    """Raises CannotMove where the disk has no room for an item."""
    if not pair.first.is_on_disk:
        return
    free = shutil.disk_usage(Path(settings.DATA_DIR)).free - int(settings.DISK_RESERVE_BYTES)
    if free < pair.second.size_bytes(key):
        raise CannotMove("There is not enough free space on the disk: what is not there yet stays in the bucket.")
