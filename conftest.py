"""Shared by all tests: an environment of their own, so that no test meets the developer's data or `.env`.

Several processes may run the tests at the same time (`pytest -n auto`), each with a database, a Redis database and a
data folder of its own.
"""

import gc
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from uuid import uuid4

import django
import httpx
import pytest
from hypothesis import settings as properties
from whitenoise.responders import StaticFile

from project.env import Env

SERVICES = ("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "REDIS_LOCATION")
DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "django_db_setup"}
LONG = ({"services", "browser", "edge"}, {"ffmpeg", "bucket"})  # marks of what takes longest, and longer than most


def own_redis(location: str) -> str:
    """The address of this process's Redis database: the first process has the one that is named, others the next."""
    server, _, number = location.rpartition("/")
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return f"{server}/{int(number) + process}"


for name in Env.model_fields:
    os.environ.pop(name.upper(), None)
    os.environ.pop(name, None)
for name in SERVICES:  # PostgreSQL and Redis only where they are named for tests: scripts/test.py does
    if value := os.environ.get(f"TEST_{name}"):
        os.environ[name] = own_redis(value) if name == "REDIS_LOCATION" else value
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"  # here and not in pyproject.toml, where it works too early
os.environ["ENV_FILE"] = ""
DATA_DIR = Path(tempfile.mkdtemp(prefix="videoflix-test-"))
os.environ["DATA_DIR"] = str(DATA_DIR)
django.setup()

from huey.contrib.djhuey import HUEY  # noqa: E402 (needs the settings)

from accounts.hashers import AsTyped  # noqa: E402
from hls.store.bucket_address import BucketAddress  # noqa: E402
from hls.tests.object_store import running_store  # noqa: E402
from project import memories  # noqa: E402
from project.static import StaticFiles  # noqa: E402
from project.tests import shared  # noqa: E402
from project.tests.tables import make_tables_once  # noqa: E402

properties.register_profile("videoflix", deadline=None)  # no test is judged by how busy its machine is
properties.load_profile("videoflix")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let no process of tests inherit this one's settings and services: each makes its own, as it comes here itself.

    With DJANGO_SETTINGS_MODULE pytest-django would read the settings before that.
    """
    for name in ("DJANGO_SETTINGS_MODULE", "ENV_FILE", "DATA_DIR", *SERVICES):
        os.environ.pop(name, None)
    os.environ[shared.VARIABLE] = str(DATA_DIR)  # which goes away when all of them have ended


@pytest.fixture(autouse=True)
def nothing_remembered_of_other_tests() -> Iterator[None]:
    """Rows that were rolled back leave their ids to those of the next test, as they never do in real life."""
    yield
    memories.forget_everything()


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with little work: people of tests need no protection, and are made thousands of times."""
    monkeypatch.setattr(AsTyped, "memory_cost", 64)
    monkeypatch.setattr(AsTyped, "time_cost", 1)


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Each client of a test makes the middleware anew, which would look for the same 250 files each time."""
    look = StaticFiles.add_files_from_finders
    found: dict[tuple[str, int], dict[str, StaticFile]] = {}

    def look_once(middleware: StaticFiles) -> None:
        key = (middleware.static_prefix, middleware.max_age)
        if key not in found:
            look(middleware)
            found[key] = dict(middleware.files)
        middleware.files.update(found[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFiles, "add_files_from_finders", look_once)
        yield


@pytest.fixture(scope="session")
def tables_made_once() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        make_tables_once(patch)
        yield patch


@pytest.fixture(scope="session")
def django_db_setup(tables_made_once: pytest.MonkeyPatch, django_db_setup: None) -> None:
    """pytest-django's, for which one of several processes migrates; tests that migrate do it themselves."""
    tables_made_once.undo()


@pytest.fixture(scope="session", autouse=True)
def authorities_read_once() -> Iterator[None]:
    """Each client of httpx reads 140 certificates, even where it asks no address with TLS: 30 ms of CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", cache(httpx.create_ssl_context))
        yield


@pytest.fixture(scope="module")
def object_store() -> Iterator[BucketAddress]:
    """A bucket in a real object store, which all tests of a module share; see hls/tests/object_store.py.

    It starts with 0.3 s of CPU, and takes as much in each minute in which nobody asks it.
    """
    with running_store() as address:
        yield address


@pytest.fixture
def bucket(object_store: BucketAddress) -> BucketAddress:
    """A place in it of one test's own."""
    return replace(object_store, prefix=f"{uuid4().hex}/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--only-with-database",
        action="store_true",
        help="leave out the files in which no test asks for the database: on another one they do the same",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    files: dict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.path].append(item)
    if config.getoption("--only-with-database"):
        kept = {path for path, inside in files.items() if any(map(asks_for_database, inside))}
        config.hook.pytest_deselected(items=[item for item in items if item.path not in kept])
        items[:] = [item for item in items if item.path in kept]
    if hasattr(config, "workerinput"):  # one of several processes, each of which takes one file after the other
        order = {path: (empties_database(path, inside), min(map(rank, inside))) for path, inside in files.items()}
        items.sort(key=lambda item: order[item.path])


def pytest_collection_finish() -> None:
    """Spare the garbage collector the tests themselves: a million objects that stay until the end."""
    gc.freeze()


def asks_for_database(item: pytest.Item) -> bool:
    return "django_db" in item.keywords or bool(DATABASE_FIXTURES & set(fixtures_of(item)))


def empties_database(path: Path, items: list[pytest.Item]) -> bool:
    """Whether a file commits, so that all tables are emptied after it, also of rows that migrations made.

    A file that unblocks the database for its servers empties the tables by itself when it is done.
    """
    return "django_db_blocker" in path.read_text() or any(map(commits, items))


def commits(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("django_db")
    is_marked = mark is not None and bool(mark.kwargs.get("transaction"))
    return is_marked or bool({"transactional_db", "live_server"} & set(fixtures_of(item)))


def fixtures_of(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


def rank(item: pytest.Item) -> int:
    """Files with a low number come first: a long one at the end would leave the other processes idle."""
    marks = {mark.name for mark in item.iter_markers()}
    return next((number for number, names in enumerate(LONG) if names & marks), len(LONG))


def pytest_unconfigure() -> None:
    HUEY._stats.close()  # it writes to a file in there
    shutil.rmtree(DATA_DIR, ignore_errors=True)
