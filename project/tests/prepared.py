"""A SQLite database with all tables and an administrator, made once in a run of the tests, and then copied."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from django.conf import settings

NAME = "db.sqlite3"
ADMINISTRATOR = ("DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_EMAIL", "DJANGO_SUPERUSER_PASSWORD")
BOSS = dict(zip(ADMINISTRATOR, ("boss", "boss@example.com", "a-long-boss-password"), strict=True))


def place_prepared(data: Path, environment: Mapping[str, str] = BOSS) -> None:
    """Put such a database into a data folder, with the administrator of this environment."""
    data.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made(*(environment[name] for name in ADMINISTRATOR)), data / NAME)


@cache
def made(*administrator: str) -> Path:
    """Kept until the tests end, in the data folder of the process that has started those that share them out."""
    folder = Path(os.environ.get("TEST_SHARED_DIR", settings.DATA_DIR), f"prepared-{'-'.join(administrator)}")
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "is-made").exists():
            prepare(folder, administrator)
            (folder / "is-made").touch()
    return folder / NAME


def prepare(folder: Path, administrator: tuple[str, ...]) -> None:
    told = dict(zip(ADMINISTRATOR, administrator, strict=True))
    variables = {"PATH": os.environ["PATH"], "ENV_FILE": "", "DATA_DIR": str(folder), **told}
    subprocess.run([sys.executable, "manage.py", "prepare"], env=variables, cwd=settings.BASE_DIR, check=True)
    assert not list(folder.glob(f"{NAME}-*")), "all of it is in the file"
