"""Starts a web server as `make run` does, for the benchmarks."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def web_server(folder: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of gunicorn, started as `make run` does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {"PORT": str(port), "LOG_LEVEL": "INFO"}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:project.web", "project.wsgi"]
    with (folder / "gunicorn.log").open("w") as log, subprocess.Popen(command, stderr=log, cwd=ROOT) as server:
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}", server.pid
        finally:
            server.terminate()


def wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("gunicorn does not start")


def manage(*words: str) -> str:
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
