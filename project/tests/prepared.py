"""A SQLite database with all tables and an administrator, made once by each process of the tests, and then copied."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from django.conf import settings

NAME = "db.sqlite3"
ADMINISTRATOR = ("DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_EMAIL", "DJANGO_SUPERUSER_PASSWORD")


def place_prepared(data: Path, environment: Mapping[str, str]) -> None:
    """Put such a database into a data folder, with the administrator of this environment."""
    data.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made(*(environment[name] for name in ADMINISTRATOR)), data / NAME)


@cache
def made(*administrator: str) -> Path:
    """Kept until the tests end: it lies in their own data folder."""
    folder = Path(tempfile.mkdtemp(prefix="prepared-", dir=settings.DATA_DIR))
    told = dict(zip(ADMINISTRATOR, administrator, strict=True))
    variables = {"PATH": os.environ["PATH"], "ENV_FILE": "", "DATA_DIR": str(folder), **told}
    subprocess.run([sys.executable, "manage.py", "prepare"], env=variables, cwd=settings.BASE_DIR, check=True)
    assert not list(folder.glob(f"{NAME}-*")), "all of it is in the file"
    return folder / NAME
