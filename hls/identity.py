"""Which installation this is: a row in the database, and a file in each data folder that says the same.

What is removed because no row names it depends on asking the right database. So whoever removes looks first:

1. The folder's file says what the row says: go on.
2. It says something else: the folder is another installation's (a wrong DB_HOST, dump or volume). Refuse.
3. It is not there: a new folder is empty, and in one from before there were such files rows name most of what is there;
   both get their file. Anything else is refused.
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
    """How many things of a folder rows name, and how many they don't."""

    named: int
    unnamed: int


def doubt(root: Path, share: Callable[[], Share]) -> str | None:
    """Why the database may not be this folder's, in a sentence; None where it is. Only one without a file is read."""
    if is_anothers(root):
        return f"{root} belongs to another installation than the database."
    if told_by(root) is not None:
        return None
    there = share()
    if there.unnamed > there.named:
        return f"The database names {there.named} of the {there.named + there.unnamed} videos in {root}."
    return None


def is_anothers(root: Path) -> bool:
    """Whether the folder says that it is another installation's."""
    said = told_by(root)
    return said is not None and said != known()


def take_up(root: Path, share: Callable[[], Share]) -> None:
    """Make sure that the folder is the database's; a new one becomes so. Raises NotOurs."""
    if reason := doubt(root, share):
        raise NotOurs(f"{reason} Nothing is removed. {HINT}")
    if told_by(root) is None:
        root.mkdir(parents=True, exist_ok=True)
        make_once(root / FILE, made(), mode=0o644)


def adopt(root: Path) -> None:
    """Declare, on a person's word, that the folder is the database's."""
    (root / FILE).unlink(missing_ok=True)
    root.mkdir(parents=True, exist_ok=True)
    make_once(root / FILE, made(), mode=0o644)


def told_by(root: Path) -> str | None:
    """What the folder's file says; None where there is none."""
    try:
        return (root / FILE).read_text(errors="replace").strip()
    except FileNotFoundError:
        return None


def known() -> str | None:
    """What the database says; None where it says nothing yet."""
    row = Installation.objects.filter(pk=1).first()
    return str(row.identity) if row else None


def made() -> str:
    """The database's identity, made with the first question."""
    return str(Installation.objects.get_or_create(pk=1)[0].identity)
