"""What is made once for all processes of a run of the tests: the first that needs it makes it, and others wait."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

VARIABLE = "FOLDER_SHARED_BY_TESTS"  # set by the process that starts others; see conftest.py
FOLDER = Path(os.environ.get(VARIABLE) or settings.DATA_DIR) / "made-once"


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` has filled, not to be changed. Where making it fails, the next one tries again."""
    folder = FOLDER / name
    FOLDER.mkdir(exist_ok=True)
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_name(f"{name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder
