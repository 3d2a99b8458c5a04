"""Which installation this is: a row in the database, and a file in each data folder that says the same.

A sweep removes what no row names, so it must ask the right database. Before anything is removed or written:

1. The folder's file says what the row says: go on.
2. It says something else: the folder is another installation's (a wrong DB_HOST, dump or volume). Refuse.
3. There is no file, and rows name at least half of what is in the folder: it is empty and new, or older than these
   files. Write the file and go on.
4. There is no file, and rows name less than half: refuse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hls.core.atomic_file import make_once
from hls.errors import NotOurs
from hls.models import Installation

FILE = ".installation"
HINT = (
    "Look at DB_HOST, DATA_DIR and the backup that was restored; where database and folder do belong together, say so:"
    " `manage.py upkeep --adopt`."
)


@dataclass(frozen=True)
class Share:
    """How many files or folders of a root are named by rows, and how many are not."""

    named: int
    unnamed: int


def doubt(root: Path, share: Callable[[], Share]) -> str | None:
    """Why the folder may not be this database's, in a sentence; None where it is.

    `share` is only asked for a folder without a file, since it reads the whole folder.
    """
    if is_anothers(root):
        return f"{root} belongs to another installation than the database."
    if written_in(root) is not None:
        return None
    found = share()
    if found.unnamed > found.named:
        return f"The database names {found.named} of the {found.named + found.unnamed} videos in {root}."
    return None


def is_anothers(root: Path) -> bool:
    """Whether the folder says that it is another installation's."""
    written = written_in(root)
    return written is not None and written != known()


def take_up(root: Path, share: Callable[[], Share]) -> None:
    """Make sure that the folder is this database's, and write its file where it has none. Raises NotOurs."""
    if reason := doubt(root, share):
        raise NotOurs(f"{reason} Nothing is removed. {HINT}")
    if written_in(root) is None:
        root.mkdir(parents=True, exist_ok=True)
        make_once(root / FILE, known_or_new(), mode=0o644)


def adopt(root: Path) -> None:
    """Make the folder this database's because a person said so."""
    (root / FILE).unlink(missing_ok=True)
    root.mkdir(parents=True, exist_ok=True)
    make_once(root / FILE, known_or_new(), mode=0o644)


def written_in(root: Path) -> str | None:
    """What the folder's file says; None where there is none."""
    try:
        return (root / FILE).read_text(errors="replace").strip()
    except FileNotFoundError:
        return None


def known() -> str | None:
    """The database's identity; None where it has none yet."""
    row = Installation.objects.filter(pk=1).first()
    return str(row.identity) if row else None


def known_or_new() -> str:
    """The database's identity, which the first call makes."""
    return str(Installation.objects.get_or_create(pk=1)[0].identity)
