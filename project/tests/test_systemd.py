"""docs/operations.md without containers: systemd accepts the units, and their programs and Debian's nginx start."""

import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from project import settings, web
from project.env import BASE_DIR
from project.tests.edge import nginx_binary
from project.tests.prepared import place_prepared
from project.tests.serving import clean_environment, free_port, wait_until

UNITS = {path.stem: path.read_text() for path in sorted((BASE_DIR / "deploy" / "systemd").glob("*.service"))}
PLACE = "/opt/videoflix"
STARTS_WITHIN_S = 60
DOCUMENT = (BASE_DIR / "docs" / "operations.md").read_text()


def value(unit: str, name: str) -> str:
    [found] = re.findall(rf"^{name}=(.*)$", UNITS[unit], re.MULTILINE)
    return str(found)


def here(text: str) -> str:
    """Make this checkout and this Python appear where the units look for them."""
    return text.replace(f"{PLACE}/.venv/bin", str(Path(sys.executable).parent)).replace(PLACE, str(BASE_DIR))


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    place_prepared(tmp_path / "var")
    return clean_environment(DATA_DIR=str(tmp_path / "var"), PORT=str(free_port()))


@pytest.fixture
def notified(tmp_path: Path, variables: dict[str, str]) -> Iterator[socket.socket]:
    """What systemd listens on for a service of Type=notify."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        variables["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        listening.bind(variables["NOTIFY_SOCKET"])
        listening.settimeout(STARTS_WITHIN_S)
        yield listening


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd found")
def test_systemd_has_nothing_to_say_of_the_units(tmp_path: Path) -> None:
    for name, text in UNITS.items():
        (tmp_path / f"{name}.service").write_text(here(text))
    verified = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.glob("*.service"))], capture_output=True, text=True, check=False
    )

    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_killed_comes_back_and_what_is_stopped_has_time(unit: str) -> None:
    assert (value(unit, "Restart"), value(unit, "StartLimitIntervalSec")) == ("always", "0")
    assert value(unit, "OOMPolicy") == "continue"
    assert value(unit, "User") == "videoflix"
    assert value(unit, "ReadWritePaths") == f"{PLACE}/var"
    allows_itself_s = {"videoflix-web": web.graceful_timeout, "videoflix-worker": worker_stops_within_s()}
    assert int(value(unit, "TimeoutStopSec")) > allows_itself_s[unit]


def worker_stops_within_s() -> int:
    return int(settings.HUEY["consumer"]["shutdown_timeout"])


def prepare(unit: str, variables: dict[str, str]) -> None:
    subprocess.run(
        shlex.split(here(value(unit, "ExecStartPre"))), cwd=BASE_DIR, env=variables, check=True, capture_output=True
    )


def test_web_tells_systemd_when_it_is_ready_and_ends_when_told(
    variables: dict[str, str], notified: socket.socket
) -> None:
    prepare("videoflix-web", variables)
    command = shlex.split(here(value("videoflix-web", "ExecStart")))
    with subprocess.Popen(command, cwd=BASE_DIR, env=variables, stderr=subprocess.DEVNULL) as server:
        try:
            assert b"READY=1" in notified.recv(1000)
            with socket.create_connection(("127.0.0.1", int(variables["PORT"])), timeout=10):
                pass
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(int(value("videoflix-web", "TimeoutStopSec"))) == 0


def test_worker_starts_and_ends_when_told(variables: dict[str, str]) -> None:
    prepare("videoflix-worker", variables)
    command = shlex.split(here(value("videoflix-worker", "ExecStart")))
    database = Path(variables["DATA_DIR"]) / "db.sqlite3"
    with subprocess.Popen(command, cwd=BASE_DIR, env=variables, stderr=subprocess.PIPE, text=True) as worker:
        try:
            wait_until(lambda: workers(database) == 1, what="the worker", timeout_s=STARTS_WITHIN_S)
        finally:
            worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=int(value("videoflix-worker", "TimeoutStopSec")))

    assert worker.returncode == 0
    assert "worker has stopped" in said
    assert workers(database) == 0


def workers(database: Path) -> int:
    connection = sqlite3.connect(database, timeout=20)
    try:
        return int(connection.execute("SELECT count(*) FROM hls_worker").fetchone()[0])
    finally:
        connection.close()


@pytest.mark.edge
@pytest.mark.skipif(nginx_binary() is None, reason="no nginx found")
@pytest.mark.skipif(shutil.which("envsubst") is None, reason="no envsubst found")
def test_debians_nginx_takes_the_edge_as_it_is_documented(tmp_path: Path) -> None:
    found = re.search(r"<!-- tested: edge without containers -->\n```sh\n(.+?)```", DOCUMENT, re.DOTALL)
    assert found
    folders = ("etc/nginx/conf.d", "etc/nginx/sites-enabled", "etc/nginx/tls", "var/lib/nginx", "var/log/nginx", "bin")
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/ssl").symlink_to("/etc/ssl")
    (tmp_path / "etc/nginx/nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}}\n"
        f"http {{ access_log {tmp_path}/log; include {tmp_path}/etc/nginx/conf.d/*.conf; }}"
    )
    for name, does in {
        "usermod": "",
        "systemctl": "",
        "nginx": f'exec {nginx_binary()} -c {tmp_path}/etc/nginx/nginx.conf "$@"',
    }.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    commands = re.sub(r"(?<![\w.])/(etc|var)/", rf"{tmp_path}/\1/", found[1]).replace(
        "EDGE_LISTEN=80", f"EDGE_LISTEN={free_port()}"
    )
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["sh", "-euxc", commands], cwd=BASE_DIR, env={"PATH": path}, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr
    assert "test is successful" in ran.stderr
    rendered = (tmp_path / "etc/nginx/conf.d/videoflix.conf").read_text()
    assert "${" not in rendered
    assert "/dev/std" not in rendered
    assert "$http_host" in rendered
