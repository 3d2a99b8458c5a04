"""What the schema is good for: generated clients work, and a fuzzer that reads it finds no fault."""

import json
import os
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
from project.api import api

HERE = Path(__file__).resolve().parent
CLIENTS = settings.BASE_DIR / "clients"
PYTHON_CLIENT = """
import sys

from videoflix_client import AuthenticatedClient, Client
from videoflix_client.api.accounts import login
from videoflix_client.api.videos import list_videos
from videoflix_client.models import LoginIn, LoginOut

address, email, password = sys.argv[1:]
with Client(base_url=address) as stranger:
    kept = login.sync(client=stranger, body=LoginIn(email=email, password=password), x_token_transport="body")
    assert isinstance(kept, LoginOut) and kept.access, kept
with AuthenticatedClient(base_url=address, token=kept.access) as client:
    answer = list_videos.sync_detailed(client=client, limit=20)
    assert answer.status_code == 200, answer
    assert answer.parsed == []
"""

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the schema is the same on every database"),
]


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    with django_db_blocker.unblock(), web_server(tmp_path_factory.mktemp("served")) as address:
        yield address


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


def test_python_client_signs_in_and_lists_videos(address: str, clients: Path, tmp_path: Path) -> None:
    """Every module of it can be imported, and what a program does with it has the right types."""
    folder = clients / "python"
    modules = sorted(path.relative_to(folder) for path in (folder / "videoflix_client").rglob("*.py"))
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in modules]
    assert len(names) > 40
    run(sys.executable, "-c", "".join(f"import {name}\n" for name in names), cwd=folder)
    credentials = [ADMIN["DJANGO_SUPERUSER_EMAIL"], ADMIN["DJANGO_SUPERUSER_PASSWORD"]]
    (folder / "program.py").write_text(PYTHON_CLIENT)
    run(sys.executable, "program.py", address, *credentials, cwd=folder)
    run(sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent", "program.py", cwd=folder)


def test_typescript_client_is_compiled_and_runs(address: str, clients: Path, tmp_path: Path) -> None:
    folder = clients / "typescript"
    shutil.copy(HERE / "client.ts", folder / "program.ts")
    options = [
        "--strict",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--types",
        "node",
        "--rootDir",
        ".",
        "--outDir",
        ".",
    ]
    npm = shutil.which("npm") or "npm"
    run(npm, "install", "--silent", "--no-audit", "--no-fund", "--no-save", "@types/node@20", cwd=folder)
    run(str(folder / "node_modules/.bin/tsc"), *options, "program.ts", cwd=folder)
    credentials = [ADMIN["DJANGO_SUPERUSER_EMAIL"], ADMIN["DJANGO_SUPERUSER_PASSWORD"]]
    run("node", "program.js", address, *credentials, cwd=folder)


def test_schemathesis_finds_nothing(address: str, tmp_path: Path) -> None:
    body = {"email": ADMIN["DJANGO_SUPERUSER_EMAIL"], "password": ADMIN["DJANGO_SUPERUSER_PASSWORD"]}
    access = httpx.post(f"{address}/api/login/", json=body).raise_for_status().cookies["access_token"]
    run(
        *("schemathesis", "--config-file", str(settings.BASE_DIR / "schemathesis.toml"), "run"),
        f"{address}/api/openapi.json",
        *("--header", f"Authorization: Bearer {access}", "--max-examples", "15", "--seed", "1", "--no-color"),
        cwd=tmp_path,
        PYTHONPATH=str(settings.BASE_DIR),
    )
