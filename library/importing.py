"""A file of this machine becomes a file of the store of uploads: a copy of it, a second name of it, or the file itself.

1. The file is looked at, and refused where it can't be added.
2. By itself it is copied; where the file system can share blocks between two files, as a reflink. `link` gives the file
   itself a second name in the store. `move` does so too, where nobody else has the file: else it is copied.
3. A file that has changed meanwhile is refused, and what was kept of it is removed.
4. Once the video's row is committed, a moved file loses the name that it had before. Until then it has both, so
   whatever fails, it is where it was.
"""

import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Self
from uuid import uuid4

from django.conf import settings

from hls.store import sharing
from hls.stores import uploads
from library import disk
from library.errors import FileRefused
from library.kinds import ACCEPTED, is_video

CHANGED = "was changed while it was added"


class Way(StrEnum):
    """How a file comes into the store of uploads."""

    COPY = "copy"
    LINK = "link"
    MOVE = "move"


@dataclass(frozen=True)
class Seen:
    """Which file is behind a path, and how it was: as long as nothing here differs, nobody has written to it."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> Self:
        found = path.stat()
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class TakenIn:
    """A file that is in the store, and the one that it came from."""

    name: str
    path: Path
    seen: Seen
    way: Way

    def let_go(self) -> str | None:
        """Remove the original of a move. Returns why it is still there, as a sentence goes on after its name."""
        if self.way is not Way.MOVE:
            return None
        try:
            if Seen.of(self.path) != self.seen:
                return "was changed meanwhile, and is still there"
            self.path.unlink()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"is still there: {error.strerror}"
        return None


def take_in(path: Path, way: Way) -> TakenIn:
    """Bring a file of this machine to the uploads. Raises FileRefused, StoreFailed, OSError.

    Repeated after it was broken off, it goes on where the store can do that.
    """
    check_file(path)
    if way is not Way.COPY:
        check_is_at_rest(path)
    if way is Way.MOVE:
        check_may_go(path)
    taken = TakenIn(import_name(path), path, Seen.of(path), way)
    bring(taken)
    try:
        is_same = Seen.of(path) == taken.seen
    except FileNotFoundError:
        is_same = False
    if not is_same:
        uploads().remove(taken.name)
        raise FileRefused(f"{path} {CHANGED}.")
    return taken


def bring(taken: TakenIn) -> None:
    store, path = uploads(), taken.path
    if taken.way is Way.LINK or (taken.way is Way.MOVE and is_ours_alone(path)):
        try:
            if taken.way is Way.LINK:
                check_readable(path)
            store.link_file(path, taken.name)
        except sharing.NotLinked as error:
            if taken.way is Way.LINK:
                raise FileRefused(f"{path} {error.strerror}. Without --link it is copied.") from None
        else:
            return
    if not store.clone_file(path, taken.name):
        check_room(path)
        store.put_file(path, taken.name)


def check_file(path: Path) -> None:
    if not path.is_file():
        raise FileRefused(f"{path} is not a file.")
    if not is_video(path.name):
        raise FileRefused(f"{path.name} is of a kind that can't be added; accepted are {ACCEPTED}.")


def check_room(path: Path) -> None:
    """Raises FileRefused where there is none for a copy; holes of a sparse file take none."""
    found = path.stat()
    if uploads().is_on_disk and disk.free_bytes() < min(found.st_size, found.st_blocks * 512):
        raise FileRefused("There is not enough free space on the disk.")


def check_is_at_rest(path: Path) -> None:
    """Raises FileRefused where a program is still writing: it would go on in the store."""
    if sharing.is_being_written(path):
        raise FileRefused(f"{path} is being written by another program.")


def check_may_go(path: Path) -> None:
    """Raises FileRefused where the name can't be taken away, or must not be."""
    if path.is_symlink():
        raise FileRefused(f"{path} is a symbolic link: name the file itself to move it.")
    kept_in = (Path(settings.MEDIA_ROOT).resolve(), Path(settings.HLS_ROOT).resolve())
    if any(path.resolve().is_relative_to(root) for root in kept_in):
        raise FileRefused(f"{path} belongs to the installation already, so it can't be moved.")
    folder = path.parent.stat()
    is_sticky = folder.st_mode & stat.S_ISVTX and os.geteuid() not in (0, folder.st_uid, path.stat().st_uid)
    if is_sticky or not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise FileRefused(f"{path} can't be moved: its folder doesn't let it go.")


def is_ours_alone(path: Path) -> bool:
    """Whether the file has no other name, and no other owner, by which it may be written to later."""
    found = path.stat()
    owners = {os.geteuid(), disk.upload_root().stat().st_uid}
    return found.st_nlink == 1 and found.st_uid in owners and is_readable_in_store(path)


def check_readable(path: Path) -> None:
    """Raises FileRefused where a second name would be one that the server can't read."""
    if uploads().is_on_disk and not is_readable_in_store(path):
        raise FileRefused(f"{path} can't be read by the owner of {disk.upload_root()}. Without --link it is copied.")


def is_readable_in_store(path: Path) -> bool:
    """Whether the owner of the upload folder, as which web server and workers run, may read the file."""
    found, folder = path.stat(), disk.upload_root().stat()
    if folder.st_uid == 0:
        return True
    if folder.st_uid == found.st_uid:
        return bool(found.st_mode & stat.S_IRUSR)
    if folder.st_gid == found.st_gid:
        return bool(found.st_mode & stat.S_IRGRP)
    return bool(found.st_mode & stat.S_IROTH)


def import_name(path: Path) -> str:
    """A random name among the uploads, whose beginning is the file's own: so it is found again where it was begun."""
    found = path.stat()
    identity = os.fsencode(path.resolve()) + f"|{found.st_size}|{found.st_mtime_ns}".encode()
    beginning = f"videos/{sha256(identity).hexdigest()[:16]}"
    extension = path.name.rpartition(".")[2].lower()
    return uploads().begun_like(beginning) or f"{beginning}{uuid4().hex[:16]}.{extension}"
