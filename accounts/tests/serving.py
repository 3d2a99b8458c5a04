"""A real web server of several processes, for behaviour that only shows over HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from django.conf import settings
from django.db import connection

from project.tests.prepared import place_prepared

ADMIN = {
    "DJANGO_SUPERUSER_USERNAME": "admin",
    "DJANGO_SUPERUSER_EMAIL": "admin@example.com",
    "DJANGO_SUPERUSER_PASSWORD": "a quiet river at 5",
}


@contextmanager
def web_server(folder: Path, **variables: str) -> Iterator[str]:
    """The address of gunicorn: on SQLite with a database of the folder's own, else on that of the tests.

    It has the administrator of these variables.
    """
    environment = installed(folder, variables)
    if connection.vendor == "sqlite" and not (folder / "db.sqlite3").exists():
        place_prepared(folder, environment)
    else:
        command = [sys.executable, "manage.py", "createsuperuser", "--noinput", "--verbosity=0"]
        subprocess.run(command, env=environment, cwd=settings.BASE_DIR, check=True)
    with gunicorn(environment) as address:
        yield address


def installed(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program with this DATA_DIR."""
    where = {"DATA_DIR": str(folder), "DB_NAME": str(connection.settings_dict["NAME"])}
    return {**os.environ, **ADMIN, **where, **variables}


@contextmanager
def gunicorn(environment: Mapping[str, str]) -> Iterator[str]:
    """The address of one more, with the database that this environment names."""
    many = [f"--workers={environment.get('WEB_WORKERS', 2)}", f"--threads={environment.get('WEB_THREADS', 16)}"]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        arguments = ["--bind", f"fd://{listener.fileno()}", *many, "--keep-alive=5"]
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", "python:project.web", *arguments, "project.wsgi"],
            env=environment,
            cwd=settings.BASE_DIR,
            pass_fds=[listener.fileno()],
            stderr=subprocess.DEVNULL,
        )
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        wait_for(address)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def wait_for(address: str) -> None:
    for _ in range(100):
        try:
            httpx.get(f"{address}/api/openapi.json", timeout=20)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(address)
