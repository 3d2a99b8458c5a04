"""Removing files so that a mistake can be undone.

1. A sweep lists what no row names. Where that is too large a share of the root, it removes none of it (TooMuch).
2. It moves the rest to `<root>/.trash/<time>-<random>/<name>`: a folder for each sweep, whose name says when, and below
   it each file or folder under the name that it had. No address leads there.
3. A later sweep removes for good what has been there for TRASH_DAYS. Until then restore() puts back what is wanted.

What can't be removed is logged once and passed over.
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
FEW = 10  # files or folders that may be removed whatever their share
LARGEST_SHARE = 4  # at most a quarter of what rows name may be removed at once

_logged: set[Path] = set()


def check_share(root: Path, *, named: int, unnamed: int) -> None:
    """Raises TooMuch where rows name so little of what is there that the rows may be wrong."""
    if unnamed > max(FEW, named // LARGEST_SHARE):
        raise TooMuch(
            f"No row names {unnamed} things in {root}, where {named} are named: too many to be removed without being"
            " asked. `manage.py upkeep --check` lists them, `manage.py upkeep --yes` removes them."
        )


class Trash:
    """One root's trash; what one sweep moves there lies in one folder, a batch."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / TRASH
        self.batch = self.folder / f"{timezone.now():{TIME}}-{uuid4().hex[:8]}"

    def put(self, path: Path) -> bool:
        """Move a file or folder of the root here. Returns whether it is gone from its place."""
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
        """Remove for good what has been here for TRASH_DAYS, or everything."""
        since = timezone.now() - timedelta(days=settings.TRASH_DAYS)
        for batch in self.batches():
            if of_everything or thrown_at(batch) <= since:
                go_on()
                erase(batch)

    def batches(self) -> list[Path]:
        """The newest first."""
        return sorted(self.folder.iterdir(), reverse=True) if self.folder.is_dir() else []

    def items(self) -> Iterator[tuple[str, Path]]:
        """The name that each thing had, and where it is now. A folder of the root counts as the things in it."""
        for batch in self.batches():
            for first in sorted(batch.iterdir()) if batch.is_dir() else []:
                for path in sorted(first.iterdir()) if first.is_dir() else [first]:
                    yield str(path.relative_to(batch)), path

    def restore(self, wanted: Collection[str]) -> list[str]:
        """Put back what is wanted and missing, and return the names. Of several with one name the newest is taken."""
        restored = []
        for name, path in list(self.items()):
            target = self.root / name
            if name in wanted and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
                restored.append(name)
        return restored


def thrown_at(batch: Path) -> datetime:
    """When the batch was made, as its name says; for a name that is not ours, when the folder was last changed."""
    try:
        return datetime.strptime(batch.name.partition("-")[0], TIME).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(batch.stat().st_mtime, UTC)


def erase(path: Path) -> bool:
    """Remove a file or folder for good. Returns whether it is gone."""
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
    if path not in _logged:
        _logged.add(path)
        log.warning("can't be removed", path=str(path), reason=error.strerror)
