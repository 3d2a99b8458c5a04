"""What the schema is good for: generated clients work, and a fuzzer that reads it finds no fault."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from accounts.tests.serving import ADMIN, web_server
from hls.tests.videos import small_video
from library.tests.origin import Ranged, origin
from project.api import api
from project.tests.installation import Installation, stop
from project.tests.python_clients import LIFE, REFUSALS, SIGNING_IN

HERE = Path(__file__).resolve().parent
CLIENTS = settings.BASE_DIR / "clients"
CREDENTIALS = (ADMIN["DJANGO_SUPERUSER_EMAIL"], ADMIN["DJANGO_SUPERUSER_PASSWORD"])
PYTHON = {"signing_in.py": SIGNING_IN, "life.py": LIFE, "refusals.py": REFUSALS}
TYPESCRIPT = ("client.ts", "client_life.ts", "client_refusals.ts")
COMPILED = ("--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--rootDir", ".")
MAKE_KEYS = """
from accounts import keys
for scopes in (["videos:read", "videos:write", "uploads:write"], ["stats:read"]):
    print(keys.make(name="A program", scopes=scopes)[1])
"""

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the schema is the same on every database"),
]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("served"), {"SOURCE_ALLOW_PRIVATE": "True", "WEB_WORKERS": "1"})


@pytest.fixture(scope="module")
def address(installation: Installation, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The installation's web server. There is no worker: a fuzzer's webhooks are sent to nobody."""
    with django_db_blocker.unblock(), web_server(installation.folder / "var", **installation.environment) as address:
        yield address


@pytest.fixture(scope="module")
def keys(installation: Installation, address: str) -> list[str]:
    """An API key for videos and uploads, and one with a foreign scope."""
    return installation.shell(MAKE_KEYS).split()


def run(*command: str, cwd: Path, **environment: str) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | {"PATH": tools} | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clients as `make clients` writes them."""
    if shutil.which("npm") is None:
        pytest.skip("no npm found")
    folder = tmp_path_factory.mktemp("clients")
    run(sys.executable, "-m", "scripts.clients", str(folder), cwd=settings.BASE_DIR)
    return folder


def test_versions_of_the_clients_are_the_apis() -> None:
    python = tomllib.loads((CLIENTS / "python/pyproject.toml").read_text())["project"]["version"]
    typescript = json.loads((CLIENTS / "typescript/package.json").read_text())["version"]
    assert (python, typescript) == (api.version, api.version)


@pytest.fixture(scope="module")
def python(clients: Path) -> Path:
    """The folder of programs that use the client for Python, its README's among them."""
    folder = clients / "python"
    for name, text in (PYTHON | {"readme.py": shown(folder / "README.md", "python")}).items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def typescript(clients: Path) -> Path:
    """The folder of programs that use the client for TypeScript, compiled, its README's among them."""
    folder = clients / "typescript"
    for name in TYPESCRIPT:
        shutil.copy(HERE / name, folder)
    declared = "declare const email: string, password: string;\n"
    (folder / "readme.ts").write_text(declared + shown(folder / "README.md", "ts"))
    npm = shutil.which("npm") or "npm"
    run(npm, "install", "--silent", "--no-audit", "--no-fund", "--no-save", "@types/node@20", cwd=folder)
    run(str(folder / "node_modules/.bin/tsc"), *COMPILED, *TYPESCRIPT, "readme.ts", cwd=folder)
    return folder


def shown(readme: Path, language: str) -> str:
    """The programs in a README."""
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", readme.read_text(), re.DOTALL))


def test_python_client_can_be_imported_and_it_and_its_programs_have_types(python: Path) -> None:
    modules = sorted(path.relative_to(python) for path in (python / "videoflix_client").rglob("*.py"))
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in modules]
    assert len(names) > 40
    run(sys.executable, "-c", "".join(f"import {name}\n" for name in names), cwd=python)
    run(sys.executable, "-m", "mypy", "--strict", "videoflix_client", *PYTHON, "readme.py", cwd=python)


def test_python_client_signs_in_and_lists_videos(address: str, python: Path) -> None:
    run(sys.executable, "signing_in.py", address, *CREDENTIALS, cwd=python)


def test_typescript_client_signs_in_and_lists_videos(address: str, typescript: Path) -> None:
    run("node", "client.js", address, *CREDENTIALS, cwd=typescript)


@pytest.mark.ffmpeg
def test_whole_life_of_a_video_by_key_alone(
    installation: Installation, address: str, keys: list[str], python: Path, typescript: Path
) -> None:
    """Made of a file at an address, waited for, edited, played and deleted: five operations, one of them repeated."""
    file = Ranged(small_video(installation.folder / "video.mp4", seconds=2).read_bytes())
    worker = installation.start("worker")
    try:
        with origin() as server:
            source = server.offers("/video.mp4", file)
            run(sys.executable, "life.py", address, keys[0], source, cwd=python)
            run("node", "client_life.js", address, keys[0], source, cwd=typescript)
    finally:
        stop(worker)


def test_refusals_are_told_in_python(address: str, keys: list[str], python: Path) -> None:
    run(sys.executable, "refusals.py", address, *keys, cwd=python)


def test_refusals_are_told_in_typescript(address: str, keys: list[str], typescript: Path) -> None:
    run("node", "client_refusals.js", address, *keys, cwd=typescript)


def test_schemathesis_finds_nothing(address: str, tmp_path: Path) -> None:
    body = dict(zip(("email", "password"), CREDENTIALS, strict=True))
    access = httpx.post(f"{address}/api/login/", json=body).raise_for_status().cookies["access_token"]
    run(
        *("schemathesis", "--config-file", str(settings.BASE_DIR / "schemathesis.toml"), "run"),
        f"{address}/api/openapi.json",
        *("--header", f"Authorization: Bearer {access}", "--max-examples", "15", "--seed", "1", "--no-color"),
        cwd=tmp_path,
        PYTHONPATH=str(settings.BASE_DIR),
    )
