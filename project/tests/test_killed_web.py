"""A web process killed between an upload's last byte and its video: the video is still made, once."""

import os
import sqlite3
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from project.tests.installation import Installation, is_answering, stop, wait_for

pytestmark = pytest.mark.services

VIDEO = b"\0\0\0\x18ftypmp42" + os.urandom(50_000)
MAKE_TOKEN = """
from accounts.models import User
from accounts.sessions import open_session
dora = User.objects.create_superuser("dora", "dora@example.com", "a quiet river at 5")
print(open_session(dora, agent="test").access)
"""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(tmp_path, environment={"WEB_WORKERS": "1"})
    made.prepare()
    return made


@contextmanager
def gunicorn(installation: Installation, module: str) -> Iterator[None]:
    command = [sys.executable, "-m", "gunicorn", "--config", "python:project.web", module]
    log = (installation.folder / "gunicorn.log").open("ab")
    server = subprocess.Popen(
        command, cwd=settings.BASE_DIR, env=installation.variables(), stdout=log, stderr=log, start_new_session=True
    )
    try:
        wait_for(lambda: is_answering(installation), seconds=60, what="gunicorn answers")
        yield
    finally:
        stop(server)
        log.close()


def execute(installation: Installation, query: str) -> Any:
    """The first row of the answer, read from SQLite without the program's help."""
    connection = sqlite3.connect(installation.folder / "var/db.sqlite3", timeout=20)
    try:
        with connection:
            return connection.execute(query).fetchone()
    finally:
        connection.close()


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_a_kill_between_the_last_byte_and_the_video_loses_nothing(installation: Installation) -> None:
    """No client returns to the upload, and it should have expired long ago: the sweep makes the video."""
    token = installation.shell(MAKE_TOKEN).strip()
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    named = f"filename {encoded('harbour.mp4')},title {encoded('Harbour')}"
    with (
        gunicorn(installation, "project.tests.dying"),
        httpx.Client(base_url=installation.url, headers=headers, timeout=30) as client,
    ):
        begun = client.post("/api/uploads/", headers={"Upload-Length": str(len(VIDEO)), "Upload-Metadata": named})
        piece: dict[str, Any] = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        with pytest.raises(httpx.TransportError):
            client.patch(begun.headers["Location"], headers=piece, content=VIDEO)
    assert execute(installation, "SELECT count(*) FROM library_video") == (0,)
    execute(installation, "UPDATE library_upload SET expires_at = '2020-01-01 00:00:00'")
    installation.manage("upkeep")
    assert execute(installation, "SELECT count(*) FROM library_video") == (1,)
    [stored] = (installation.folder / "var/uploads/videos").iterdir()
    assert stored.read_bytes() == VIDEO
