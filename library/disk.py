"""Room on the disk: nothing may use up the reserve that keeps the machine alive."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

WRITTEN_BACK_BYTES = 32 << 20
SYNCED_BYTES = 256 << 20  # of an arriving file, the most that may not be on the disk yet
UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
PARTIAL = "partial"  # below the upload folder: files that are still arriving


def upload_root() -> Path:
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    return root


def partial_folder() -> Path:
    """Where files are written while they arrive: on the same disk as the uploads, so that a rename completes them."""
    folder = upload_root() / PARTIAL
    folder.mkdir(exist_ok=True)
    return folder


def remove_leftovers(older_than_s: float = 3600.0) -> None:
    """Remove what killed processes of this machine left in the partial folder, where no sweep looks into it.

    That is so where uploads are kept elsewhere.
    """
    for path in partial_folder().iterdir():
        with suppress(FileNotFoundError):
            if path.is_file() and time.time() - path.stat().st_mtime > older_than_s:
                path.unlink()


def write_back(descriptor: int, start: int, end: int) -> None:
    """Bring an arriving file to the disk bit by bit. `start` and `end` are those of the block that was just written.

    Else the system would keep gigabytes in memory, for which the file's last byte had to wait. Writing begins in the
    background (posix_fadvise on Linux); now and then it is waited for.
    """
    upto = end // WRITTEN_BACK_BYTES * WRITTEN_BACK_BYTES
    if upto > start and hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, upto - WRITTEN_BACK_BYTES, WRITTEN_BACK_BYTES, os.POSIX_FADV_DONTNEED)
    if start // SYNCED_BYTES != end // SYNCED_BYTES:
        os.fsync(descriptor)


def free_bytes() -> int:
    """Bytes that may still be used; negative once the reserve is touched."""
    return shutil.disk_usage(upload_root()).free - int(settings.DISK_RESERVE_BYTES)


def refusal(size_bytes: int, *, to_write: int = 0) -> str | None:
    """Why a file of this size, with so many bytes still to come, can't be taken, as a sentence; None where it can."""
    if size_bytes > settings.UPLOAD_MAX_BYTES:
        return f"The file is too large: at most {size_text(settings.UPLOAD_MAX_BYTES)} can be uploaded."
    if to_write > free_bytes():
        return "There is not enough free space on the disk."
    return None


def size_text(size_bytes: int) -> str:
    """Bytes in words, in decimal units: "1.4 GB" is 1,400,000,000 bytes. uploads/words.js says the same."""
    if size_bytes < 1000:
        return f"{size_bytes} {'byte' if size_bytes == 1 else 'bytes'}"
    size, step = float(size_bytes), 0
    while round(size, 1) >= 1000 and step < len(UNITS) - 1:
        size, step = size / 1000, step + 1
    return f"{size:.1f} {UNITS[step]}"
