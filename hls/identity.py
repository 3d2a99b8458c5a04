"""Which installation this is: a row in the database, and a file in each store that says the same.

A sweep removes what no row names, so it must ask the right database. Before anything is removed or written:

1. The store's file says what the row says: go on.
2. It says something else: the store is another installation's (a wrong DB_HOST, dump or volume). Refuse.
3. There is no file, and rows name at least half of what is in the store: it is empty and new, or older than these
   files. Write the file and go on.
4. There is no file, and rows name less than half: refuse.
5. The folder of uploads is empty, without a file, and rows name uploads: refuse, unless no sweep has ever been here. As
   a rule DATA_DIR is the wrong one, or a share isn't mounted.

Of two stores between which an installation moves, each has a file of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hls.errors import NotOurs
from hls.models import Installation, Transcode
from hls.store.interface import Store, is_all_on_disk

FILE = ".installation"
HINT = (
    "Look at DB_HOST, DATA_DIR and the backup that was restored; where database and folder do belong together, say so:"
    " `manage.py upkeep --adopt`."
)


@dataclass(frozen=True)
class Share:
    """How many files or folders of a store are named by rows, and how many are not."""

    named: int
    unnamed: int
    lost: int = 0  # that rows name, where none of them is there, although a video can't be made without


def doubt(store: Store, share: Callable[[], Share]) -> str | None:
    """Why the store may not be this database's, in a sentence; None where it is.

    `share` is only asked for a store without a file, since it reads all names that are in there.
    """
    for part in store.members:
        if is_anothers(part):
            return f"{part.address('')} belongs to another installation than the database."
    if not any(part is store or part.entries("") for part in unmarked(store)):  # an empty one of two is new
        return None
    found = share()
    if found.unnamed > found.named:
        return f"The database names {found.named} of the {found.named + found.unnamed} videos in {store.address('')}."
    if found.lost and known() is not None:
        return f"None of the {found.lost} files that the database names is in {store.address('')}."
    return None


def is_anothers(store: Store) -> bool:
    """Whether the store says that it is another installation's."""
    written = written_in(store)
    return written is not None and written != known()


def is_missing(uploads: Store) -> bool:
    """Whether an empty folder is in the place of that with the uploads: whoever works with it finds no source."""
    is_empty = is_all_on_disk(uploads) and written_in(uploads) is None and not uploads.entries("")
    return is_empty and known() is not None and sources_named() > 0


def sources_named() -> int:
    """How many transcodes have a source that should be among the uploads."""
    return Transcode.objects.filter(awaits_source=False).count()


def take_up(store: Store, share: Callable[[], Share]) -> None:
    """Make sure that the store is this database's, and write its file where it has none. Raises NotOurs."""
    if reason := doubt(store, share):
        raise NotOurs(f"{reason} Nothing is removed. {HINT}")
    for part in unmarked(store):
        part.write_once(FILE, known_or_new())


def adopt(store: Store) -> None:
    """Make the store this database's because a person said so."""
    store.remove(FILE)
    for part in store.members:
        part.write_once(FILE, known_or_new())


def unmarked(store: Store) -> list[Store]:
    """Its parts that say nothing of whose they are."""
    return [part for part in store.members if written_in(part) is None]


def written_in(store: Store) -> str | None:
    """What the store's file says; None where there is none."""
    try:
        return store.read(FILE).decode(errors="replace").strip()
    except FileNotFoundError:
        return None


def known() -> str | None:
    """The database's identity; None where it has none yet."""
    row = Installation.objects.filter(pk=1).first()
    return str(row.identity) if row else None


def known_or_new() -> str:
    """The database's identity, which the first call makes."""
    return str(Installation.objects.get_or_create(pk=1)[0].identity)
