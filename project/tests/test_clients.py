"""What the schema is good for: generated clients work, and a fuzzer that reads it finds no fault."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from accounts.tests.serving import ADMIN, web_server

HERE = Path(__file__).resolve().parent
TYPESCRIPT = ["openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3"]
BYTES = ["video/MP2T", "image/jpeg", "application/vnd.apple.mpegurl", "application/offset+octet-stream"]
PYTHON_CLIENT = """
import sys
from videoflix_client import Client
from videoflix_client.api.accounts import login
from videoflix_client.api.videos import list_videos
from videoflix_client.models import LoginIn, LoginOut

address, email, password = sys.argv[1:]
client = Client(base_url=address)
with client:
    answer = login.sync(client=client, body=LoginIn(email=email, password=password))
    assert isinstance(answer, LoginOut), answer
    assert answer.user.username == email
    kept = login.sync(client=client, body=LoginIn(email=email, password=password), x_token_transport="body")
    assert isinstance(kept, LoginOut) and kept.access and kept.refresh, kept
    videos = list_videos.sync_detailed(client=client)
    assert videos.status_code == 200, videos
    assert videos.parsed == []
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


@pytest.fixture(scope="module")
def schema_file(address: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "openapi.json"
    path.write_bytes(httpx.get(f"{address}/api/openapi.json").raise_for_status().content)
    return path


def run(*command: str, cwd: Path, **environment: str) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | {"PATH": tools} | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


def test_generated_python_client_signs_in_and_lists_videos(address: str, schema_file: Path, tmp_path: Path) -> None:
    config = {"content_type_overrides": dict.fromkeys(BYTES, "application/octet-stream")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    generate = ["openapi-python-client", "generate", "--meta", "none", "--fail-on-warning", "--config", "config.json"]
    run(*generate, "--path", str(schema_file), "--output-path", str(tmp_path / "videoflix_client"), cwd=tmp_path)
    modules = sorted(path.relative_to(tmp_path) for path in (tmp_path / "videoflix_client").rglob("*.py"))
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in modules]
    assert len(names) > 40
    run(sys.executable, "-c", "".join(f"import {name}\n" for name in names), cwd=tmp_path)
    credentials = [ADMIN["DJANGO_SUPERUSER_EMAIL"], ADMIN["DJANGO_SUPERUSER_PASSWORD"]]
    run(sys.executable, "-c", PYTHON_CLIENT, address, *credentials, cwd=tmp_path)


def test_generated_typescript_client_type_checks(schema_file: Path, tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm found")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", *TYPESCRIPT]
    if subprocess.run(install, cwd=tmp_path, capture_output=True, check=False, timeout=120).returncode:
        pytest.skip("npm could not fetch the TypeScript tools")
    shutil.copy(schema_file, tmp_path)
    shutil.copy(HERE / "client.ts", tmp_path)
    binaries = tmp_path / "node_modules" / ".bin"
    run(str(binaries / "openapi-typescript"), "openapi.json", "-o", "schema.d.ts", cwd=tmp_path)
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable"]
    run(str(binaries / "tsc"), *options, "client.ts", cwd=tmp_path)


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
