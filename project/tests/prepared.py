"""A database with an administrator for a program that is served, made once in a run of the tests, and then copied.

Programs of bench/ use it, too, which have not loaded Django's apps.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from django.conf import settings

from project.tests.shared import FOLDER, made_once

NAME = "db.sqlite3"
TABLES = "tables"  # the folder of the one without an administrator
ADMINISTRATOR = ("DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_EMAIL", "DJANGO_SUPERUSER_PASSWORD")
BOSS = dict(zip(ADMINISTRATOR, ("boss", "boss@example.com", "a-long-boss-password"), strict=True))


def place_prepared(data: Path, environment: Mapping[str, str] = BOSS) -> None:
    """Put such a database into a data folder, with the administrator of this environment."""
    told = {name: environment[name] for name in ADMINISTRATOR}

    def make(folder: Path) -> None:
        if (FOLDER / TABLES).exists():
            shutil.copyfile(FOLDER / TABLES / NAME, folder / NAME)
        variables = {"PATH": os.environ["PATH"], "ENV_FILE": "", "DATA_DIR": str(folder), **told}
        subprocess.run([sys.executable, "manage.py", "prepare"], env=variables, cwd=settings.BASE_DIR, check=True)
        assert not list(folder.glob(f"{NAME}-*")), "all of it is in the file"

    made = made_once(f"database-{sha256(repr(told).encode()).hexdigest()[:8]}", make)
    data.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made / NAME, data / NAME)
