"""Taking files away so that a mistake can be undone: they go to a trash within the same root, and from there in time.

`<root>/.trash/<time>-<random>/<name>`: a folder for each sweep, whose name says when, and below it each thing under the
name that it had. No address leads there. What can't be removed is told once and passed over.
"""

import shutil
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import structlog
from django.conf import settings
from django.utils import timezone

from hls.errors import TooMuch

log = structlog.get_logger("videoflix.upkeep")

TRASH = ".trash"
TIME = "%Y%m%dT%H%M%SZ"
FEW = 10  # things that may go whatever their share
LARGEST_SHARE = 4  # the part of what rows name that may go at once: a quarter

_told: set[Path] = set()


def check_share(root: Path, *, named: int, unnamed: int) -> None:
    """Raises TooMuch where so much is named by no row that the rows are not to be believed."""
    if unnamed > max(FEW, named // LARGEST_SHARE):
        raise TooMuch(
            f"No row names {unnamed} things in {root}, where {named} are named: too many to be removed without being"
            " asked. `manage.py upkeep --check` lists them, `manage.py upkeep --yes` removes them."
        )


class Trash:
    """One root's trash; what one sweep throws away lies together."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / TRASH
        self.batch = self.folder / f"{timezone.now():{TIME}}-{uuid4().hex[:8]}"

    def put(self, path: Path) -> bool:
        """Move a file or folder of the root here; True where it is gone."""
        target = self.batch / path.relative_to(self.root)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        except FileNotFoundError:
            return True
        except OSError as error:
            tell_once(path, error)
            return False
        log.info("moved to the trash", path=str(path))
        return True

    def empty(self, *, of_everything: bool = False, go_on: Callable[[], None] = lambda: None) -> None:
        """Remove for good what has lain here for TRASH_DAYS, or all of it."""
        since = timezone.now() - timedelta(days=settings.TRASH_DAYS)
        for batch in self.batches():
            if of_everything or thrown_at(batch) <= since:
                go_on()
                erase(batch)

    def batches(self) -> list[Path]:
        """The newest first."""
        return sorted(self.folder.iterdir(), reverse=True) if self.folder.is_dir() else []

    def items(self) -> Iterator[tuple[str, Path]]:
        """What lies here, as the name that it had and where it is now; folders of the root are opened."""
        for batch in self.batches():
            for first in sorted(batch.iterdir()) if batch.is_dir() else []:
                for path in sorted(first.iterdir()) if first.is_dir() else [first]:
                    yield str(path.relative_to(batch)), path

    def restore(self, wanted: Collection[str]) -> list[str]:
        """Put back what is wanted and not there; the names."""
        restored = []
        for name, path in list(self.items()):
            target = self.root / name
            if name in wanted and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
                restored.append(name)
        return restored


def thrown_at(batch: Path) -> datetime:
    """When, as its name says; by its own time for a name that nobody here has given."""
    try:
        return datetime.strptime(batch.name.partition("-")[0], TIME).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(batch.stat().st_mtime, UTC)


def erase(path: Path) -> bool:
    """Remove a file or folder for good; True where it is gone."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        tell_once(path, error)
        return False
    return True


def tell_once(path: Path, error: OSError) -> None:
    if path not in _told:
        _told.add(path)
        log.warning("can't be removed", path=str(path), reason=error.strerror)
