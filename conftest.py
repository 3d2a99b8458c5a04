"""Shared by all tests: an environment of their own, so that no test meets the developer's data or `.env`."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from hypothesis import settings as properties

from project.env import Env

SERVICES = ("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "REDIS_LOCATION")

for name in Env.model_fields:
    os.environ.pop(name.upper(), None)
    os.environ.pop(name, None)
for name in SERVICES:  # PostgreSQL and Redis only where they are named for tests: scripts/test.py does
    if value := os.environ.get(f"TEST_{name}"):
        os.environ[name] = value
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"  # here and not in pyproject.toml, where it works too early
os.environ["ENV_FILE"] = ""
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="videoflix-test-")
django.setup()

from huey.contrib.djhuey import HUEY  # noqa: E402 (needs the settings)

from project import memories  # noqa: E402

properties.register_profile("videoflix", deadline=None)  # no test is judged by how busy its machine is
properties.load_profile("videoflix")


@pytest.fixture(autouse=True)
def nothing_remembered_of_other_tests() -> Iterator[None]:
    """Rows that were rolled back leave their ids to those of the next test, as they never do in real life."""
    yield
    memories.forget_everything()


def pytest_unconfigure() -> None:
    HUEY._stats.close()  # it writes to a file in there
    shutil.rmtree(Path(os.environ["DATA_DIR"]), ignore_errors=True)
