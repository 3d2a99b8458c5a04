"""Bringing what is in the second store of a pair to the first, while both are used.

For each item, which is a version, an uploaded file, or what one sweep has moved to the trash:

1. List its files in the second store. Private folders of claims stay there.
2. Copy those that the first store has not, some at once, and compare the digests of all.
3. After a while, in which whoever has one open can read it to its end, list both stores again. Remove what is in both
   as it was compared.

What differs is told and stays in both. Whoever was killed in between begins again: what has been copied is compared
and not copied twice.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from hls.core import names
from hls.store.at_once import each
from hls.store.interface import Store
from hls.store.pair import StorePair

TICK_S = 1.0  # how often somebody who waits is told


@dataclass(frozen=True)
class Brought:
    """An item that is in both stores, and the size of each of its files that was compared."""

    key: str
    sizes: dict[str, int]
    since: float


class Moving:
    def __init__(self, pair: StorePair, *, grace_s: float, tell: Callable[[int], None]) -> None:
        """`tell` is called with the size of each file that is compared, by several threads."""
        self.source, self.target = pair.second, pair.first
        self.faults: list[str] = []  # a sentence for each file that stays because something is wrong with it
        self.files = self.bytes = 0  # that were moved
        self._grace_s, self._tell = grace_s, tell
        self._brought: list[Brought] = []

    def bring(self, key: str) -> None:
        """Copy and compare an item, and remove those whose time has come. Raises StoreFailed."""
        there = set(files_of(self.target, key))
        found = list(files_of(self.source, key))
        sizes = each(lambda file: self._copied(file, is_there=file in there), found)
        compared = {file: size for file, size in zip(found, sizes, strict=True) if size is not None}
        self._brought.append(Brought(key, compared, time.monotonic()))
        self.remove_due()

    def remove_due(self) -> None:
        while self._brought and time.monotonic() >= self._brought[0].since + self._grace_s:
            self._remove(self._brought[0])
            del self._brought[0]

    def finish(self, tell_left: Callable[[float], None]) -> None:
        """Wait until all has been removed; `tell_left` is called with the seconds left."""
        while self._brought:
            left_s = self._brought[-1].since + self._grace_s - time.monotonic()
            tell_left(max(left_s, 0))
            time.sleep(min(max(left_s, 0), TICK_S))
            self.remove_due()

    def _copied(self, key: str, *, is_there: bool) -> int | None:
        """The size of a file that is in both stores with the same bytes; None for one that stays or is given up."""
        try:
            digest = self.source.digest(key)
            opened = self.source.open(key)
        except FileNotFoundError:  # a sweep has moved it, or it was in the way of a worker's
            return None
        except IsADirectoryError:  # nothing is left in it: whoever has moved its files was killed before it was removed
            return None
        try:
            if not is_there:
                self.target.take(key, opened, digest)
        except FileExistsError:
            pass  # somebody else was quicker: compare it
        finally:
            opened.close()
        if self._digest_of_copy(key) == digest:
            self._tell(opened.size_bytes)
            return opened.size_bytes
        if self.source.exists(key):
            self.faults.append(f"{self.source.address(key)} and {self.target.address(key)} differ.")
        return None

    def _digest_of_copy(self, key: str) -> str | None:
        try:
            return self.target.digest(key)
        except FileNotFoundError:
            return None

    def _remove(self, brought: Brought) -> None:
        there, copies = files_of(self.source, brought.key), files_of(self.target, brought.key)
        same = [key for key, size in brought.sizes.items() if there.get(key) == size == copies.get(key)]
        for key in sorted((brought.sizes.keys() & there.keys()) - set(same)):
            gone = "is gone" if key not in copies else "or itself has changed"
            self.faults.append(f"{self.source.address(key)} stays: its copy in {self.target.address('')} {gone}.")
        self.source.remove_files(same)
        self.files += len(same)
        self.bytes += sum(brought.sizes[key] for key in same)


def files_of(store: Store, key: str) -> dict[str, int]:
    """The size of each file below a key, or of the file that has this key, by the file's own key; no private ones."""
    below = {f"{key}/{name}": size for name, size in store.sizes(key).items()}
    if not below and store.exists(key):
        below = {key: store.size_bytes(key)}
    return {file: size for file, size in below.items() if names.WORK not in file.split("/")}
