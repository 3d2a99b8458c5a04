"""Removing files so that a mistake can be undone.

1. A sweep lists what no row names. Where that is too large a share of the store, it removes none of it (TooMuch).
2. It moves the rest to `.trash/<time>-<random>/<key>`: a folder for each sweep, whose name says when, and below it each
   file or folder under the key that it had. No address leads there.
3. A later sweep removes for good what has been there for TRASH_DAYS. Until then restore() puts back what is wanted.

What can't be removed is logged once and passed over.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import structlog
from django.conf import settings
from django.utils import timezone

from hls.errors import TooMuch
from hls.store.interface import Place, Store

log = structlog.get_logger("videoflix.upkeep")

TRASH = ".trash"
TIME = "%Y%m%dT%H%M%SZ"
FEW = 10  # files or folders that may be removed whatever their share
LARGEST_SHARE = 4  # at most a quarter of what rows name may be removed at once

_logged: set[str] = set()


def check_share(store: Store, *, named: int, unnamed: int) -> None:
    """Raises TooMuch where rows name so little of what is there that the rows may be wrong."""
    if unnamed > max(FEW, named // LARGEST_SHARE):
        raise TooMuch(
            f"No row names {unnamed} things in {store.address('')}, where {named} are named: too many to be removed"
            " without being asked. `manage.py upkeep --check` lists them, `manage.py upkeep --yes` removes them."
        )


class Trash:
    """One store's trash; what one sweep moves there lies in one folder, a batch."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.batch = f"{TRASH}/{timezone.now():{TIME}}-{uuid4().hex[:8]}"

    def put(self, key: str) -> bool:
        """Move a file or folder of the store here. Returns whether it is gone from its place."""
        try:
            self.store.move(key, f"{self.batch}/{key}")
        except FileNotFoundError:
            return True
        except OSError as error:
            tell_once(self.store.address(key), error)
            return False
        log.info("moved to the trash", path=self.store.address(key))
        return True

    def empty(self, *, of_everything: bool = False, go_on: Callable[[], None] = lambda: None) -> None:
        """Remove for good what has been here for TRASH_DAYS, or everything."""
        self.store.finish_moves()
        since = timezone.now() - timedelta(days=settings.TRASH_DAYS)
        for batch in self.batches():
            if of_everything or thrown_at(batch) <= since:
                go_on()
                erase(batch)

    def batches(self) -> list[Place]:
        """The newest first."""
        return [Place(self.store, f"{TRASH}/{entry.name}") for entry in reversed(self.store.entries(TRASH))]

    def items(self) -> Iterator[tuple[str, Place]]:
        """The key that each thing had, and where it is now. A folder of the store counts as the things in it."""
        for batch in self.batches():
            for first in batch.entries():
                if not first.is_folder:
                    yield first.name, batch.below(first.name)
                for entry in batch.below(first.name).entries():
                    key = f"{first.name}/{entry.name}"
                    yield key, batch.below(key)

    def restore(self, wanted: Collection[str]) -> list[str]:
        """Put back what is wanted and missing, and return the keys. Of several with one key the newest is taken."""
        self.store.finish_moves()
        restored = []
        for key, place in list(self.items()):
            if key in wanted and place.exists() and not self.store.exists(key):
                self.store.move(place.key, key)
                restored.append(key)
        return restored


def thrown_at(batch: Place) -> datetime:
    """When the batch was made, as its name says; for a name that is not ours, when it was last changed."""
    try:
        return datetime.strptime(batch.name.partition("-")[0], TIME).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(batch.store.modified_at(batch.key), UTC)


def erase(place: Place) -> bool:
    """Remove a file or folder for good. Returns whether it is gone."""
    try:
        place.store.remove(place.key)
    except OSError as error:
        tell_once(str(place), error)
        return False
    return True


def tell_once(address: str, error: OSError) -> None:
    if address not in _logged:
        _logged.add(address)
        log.warning("can't be removed", path=address, reason=error.strerror)
