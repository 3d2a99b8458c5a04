"""Two stores of which an installation uses both while it moves from one to the other.

What is new goes to the first. What is asked for is looked for on the disk first, where that costs next to nothing: a
file that is in both has the same bytes in both. A file is moved by copying it before it is removed, so whoever meets it
in neither looks on the disk once more.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hls.store.interface import WHOLE, OpenedFile, RemoteFile, Staged, Store, StoreEntry


@dataclass(frozen=True)
class StorePair:
    first: Store
    second: Store

    @property
    def name(self) -> str:
        return self.first.name

    @property
    def is_on_disk(self) -> bool:
        """Of what is new."""
        return self.first.is_on_disk

    @property
    def members(self) -> tuple[Store, ...]:
        return (self.first, self.second)

    def has_on_disk(self, key: str) -> bool:
        """Programs that look there ask us for what they don't find, as some of a video's files may have been moved."""
        return self._near.is_on_disk and self._near.exists(key)

    def address(self, key: str) -> str:
        if not key:
            return " and ".join(part.address("") for part in self.members)
        return (self._near if self._near.exists(key) else self._far).address(key)

    def signed_address(self, key: str, *, lifetime_s: int) -> str | None:
        return None if self.has_on_disk(key) else self._far.signed_address(key, lifetime_s=lifetime_s)

    def object_name(self, key: str) -> str | None:
        """None while some of a folder's files may still be on the disk."""
        return None if self.has_on_disk(key) else self._far.object_name(key)

    def open(self, key: str, *, part: str | None = WHOLE) -> OpenedFile:
        return self._found(lambda store: store.open(key, part=part))

    def read(self, key: str) -> bytes:
        return self._found(lambda store: store.read(key))

    def as_file(self, key: str) -> AbstractContextManager[Path]:
        return self._as_file(key)

    def remote(self, key: str) -> RemoteFile | None:
        return None if self.has_on_disk(key) else self._far.remote(key)

    def exists(self, key: str) -> bool:
        return any(store.exists(key) for store in self._in_order)

    def entries(self, key: str) -> list[StoreEntry]:
        found: dict[str, bool] = {}
        for part in self.members:
            for entry in part.entries(key):
                found[entry.name] = found.get(entry.name, False) or entry.is_folder
        return [StoreEntry(name, is_folder) for name, is_folder in sorted(found.items())]

    def size_bytes(self, key: str) -> int:
        below = self.sizes(key)
        return sum(below.values()) if below else self._near.size_bytes(key) or self._far.size_bytes(key)

    def sizes(self, key: str) -> dict[str, int]:
        """Asked in the same order as a file is, so that nothing is missed that is being moved."""
        return {name: size for store in reversed(self._in_order) for name, size in store.sizes(key).items()}

    def modified_at(self, key: str) -> float:
        return self._found(lambda store: store.modified_at(key))

    def stage(self, folder: Path, key: str, *, go_on: Callable[[], None]) -> Staged:
        return self.first.stage(folder, key, go_on=go_on)

    def put_in(self, staged: Staged, key: str, *, still_ours: Callable[[], None]) -> None:
        """What the other store has of these keys was left there by a worker that died, and would be found too."""
        self.first.put_in(staged, key, still_ours=still_ours)
        there = self.second.sizes(key)
        if left := [f"{key}/{name}" for name in staged.names if name in there]:
            still_ours()
            self.second.remove_files(left)

    def write_once(self, key: str, text: str) -> None:
        if not self.second.exists(key):
            self.first.write_once(key, text)

    def put_file(self, file: Path, key: str) -> None:
        self.first.put_file(file, key)

    def clone_file(self, file: Path, key: str) -> bool:
        return self.first.clone_file(file, key)

    def link_file(self, file: Path, key: str) -> None:
        self.first.link_file(file, key)

    def begun_like(self, prefix: str) -> str | None:
        return self.first.begun_like(prefix)

    def touch(self, key: str) -> None:
        self._found(lambda store: store.touch(key))

    def move(self, key: str, target: str) -> None:
        """Each store moves what it has."""
        holders = [part for part in self.members if part.exists(key)]
        for part in holders or [self.first]:
            part.move(key, target)

    def finish_moves(self) -> None:
        for part in self.members:
            part.finish_moves()

    def unfinished(self) -> dict[str, int]:
        return {key: size for part in self.members for key, size in part.unfinished().items()}

    def remove_unfinished(self) -> None:
        for part in self.members:
            part.remove_unfinished()

    def remove(self, key: str) -> None:
        for part in self.members:
            part.remove(key)

    def remove_files(self, keys: Sequence[str]) -> None:
        for part in self.members:
            part.remove_files(keys)

    def digest(self, key: str) -> str:
        return self._found(lambda store: store.digest(key))

    def take(self, key: str, opened: OpenedFile, digest: str) -> None:
        self.first.take(key, opened, digest)

    @property
    def _near(self) -> Store:
        return self.first if self.first.is_on_disk else self.second

    @property
    def _far(self) -> Store:
        return self.second if self.first.is_on_disk else self.first

    @property
    def _in_order(self) -> tuple[Store, ...]:
        return (self._near, self._far, self._near)

    def _found[Result](self, ask: Callable[[Store], Result]) -> Result:
        """The answer of the first store that has it. Raises FileNotFoundError."""
        for store in self._in_order[:-1]:
            try:
                return ask(store)
            except FileNotFoundError:
                continue
        return ask(self._near)

    @contextmanager
    def _as_file(self, key: str) -> Iterator[Path]:
        with ExitStack() as stack:
            yield self._found(lambda store: stack.enter_context(store.as_file(key)))
