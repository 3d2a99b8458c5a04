"""`make run`'s one process: what it prints, what it keeps, and how it ends."""

import http.cookiejar
import json
import os
import re
import signal
import socket
import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from project.tests.installation import paced_ffmpeg
from project.tests.serving import (
    Running,
    children,
    fetch,
    free_port,
    get,
    is_running,
    may_enter_admin,
    serve,
    wait_until,
)

pytestmark = [pytest.mark.services, pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")]

ALL_SAID = r"Ctrl-C stops everything"


class ServedFolder:
    """A DATA_DIR that is served several times in a row.

    Its worker makes the demo video no faster than it plays: nobody waits for it here.
    """

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.ffmpeg = str(paced_ffmpeg(folder, 1))
        self.port = free_port()
        self.site = f"http://localhost:{self.port}"
        self.started: list[Running] = []
        self.password = ""

    def start(self, **variables: str) -> Running:
        few = {"WEB_WORKERS": "2", "WEB_THREADS": "4", "FFMPEG": self.ffmpeg}
        self.started.append(serve(self.data, self.port, **few, **variables))
        return self.started[-1]

    def rows(self, table: str) -> int:
        with sqlite3.connect(self.data / "db.sqlite3") as database:
            count: int = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        database.close()
        return count


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedFolder]:
    installation = ServedFolder(tmp_path_factory.mktemp("installation"))
    yield installation
    for running in installation.started:
        running.end()


def test_first_start_makes_everything_and_ctrl_c_ends_it_cleanly(installation: ServedFolder) -> None:
    running = installation.start()
    running.wait_for(ALL_SAID)

    for address in ("/", "/admin/", "/api/docs", "/api/health/"):
        assert f"{installation.site}{address}\n" in running.text
    assert f"files in {installation.data}/mail\n" in running.text
    assert installation.rows("library_video") == 1
    assert installation.rows("django_admin_log") == 1  # the demo video's history has a beginning
    last = running.text.partition("Ctrl-C stops everything.")[2]
    assert "shown only this once" in last
    assert "manage.py changepassword admin" in last
    installation.password = running.wait_for(r"Login +admin, password (\S+) \(shown only this once\)")[1]

    health = get(f"{installation.site}/api/health/")
    assert (health.status, json.loads(health.text)["status"]) == (200, "ok")
    assert get(f"{installation.site}/api/docs").status == 200
    assert may_enter_admin(installation.site, "admin", installation.password)
    assert not may_enter_admin(installation.site, "admin", "not-" + installation.password)

    processes = children(running.process.pid)
    assert set(processes) == {"web", "worker"}
    wait_until(lambda: get(f"{installation.site}/api/ready/").status == 200, what="the worker's heartbeat")
    running.send(signal.SIGINT)

    assert running.wait() == 0
    assert running.lines[-1] == "Stopped."
    assert "Traceback" not in running.text
    assert not any(is_running(pid) for pid in processes.values())
    assert installation.rows("hls_worker") == 0  # it has signed off


def test_second_start_changes_nothing_and_says_no_password(installation: ServedFolder) -> None:
    running = installation.start()
    running.wait_for(ALL_SAID)

    assert "shown only this once" not in running.text
    assert "demo video" not in running.text
    assert may_enter_admin(installation.site, "admin", installation.password)
    assert (installation.rows("library_video"), installation.rows("accounts_user")) == (1, 1)


def test_counters_of_all_web_processes_are_added_up(installation: ServedFolder) -> None:
    for _ in range(40):
        get(f"{installation.site}/")
    scraped = get(f"{installation.site}/metrics")

    count = 'videoflix_http_request_duration_seconds_count{method="GET",route="",status="200"} 40.0'
    assert count in scraped.text


def test_no_line_of_web_or_worker_holds_a_secret(installation: ServedFolder) -> None:
    """Registering, a mail's link, signing in, cookies, and a request that gunicorn can't read and quotes."""
    running = installation.started[-1]
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def post(path: str, **form: str) -> int:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{installation.site}{path}", json.dumps(form).encode(), headers)
        return fetch(request, opener).status

    password = "a quiet river at 5"
    assert post("/api/register/", email="ada@example.com", password=password, confirmed_password=password) == 201
    wait_until(lambda: bool(list((installation.data / "mail").glob("*.eml"))), what="the activation mail", timeout_s=20)
    [mail] = [path.read_text() for path in (installation.data / "mail").glob("*.eml")]
    uid, token = re.findall(r"uid=(\w+)&token=([\w-]+)", mail)[0]
    assert get(f"{installation.site}/api/activate/{uid}/{token}/").status == 200
    assert post("/api/login/", email="ada@example.com", password=password) == 200
    cookies = [str(cookie.value) for cookie in jar]
    unreadable = f"GET /api/video/?token={token} HTTP/1.1\r\nHost: x\r\nCookie access_token={cookies[0]}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", installation.port)) as connection:
        connection.sendall(unreadable.encode())
        assert b" 400 " in connection.recv(200)
    assert post("/api/logout/") == 200
    running.wait_for('"path": "/api/logout/"')

    assert "/api/activate/***" in running.text
    assert "Cookie access_token=***" in running.text
    assert [secret for secret in (password, token, *cookies) if secret in running.text] == []
    assert "mail sent" in running.text
    assert "Confirm your e-mail" not in running.text


@pytest.mark.parametrize("name", ["worker", "web"])
def test_part_that_is_killed_is_started_again_and_the_other_goes_on(installation: ServedFolder, name: str) -> None:
    running = installation.started[-1]
    before = children(running.process.pid)
    os.kill(before[name], signal.SIGKILL)

    running.wait_for(rf"{name} has ended by itself \(signal 9, SIGKILL\); it is started again in 1 s\.")
    running.wait_for(f"Starting {name} again …")
    wait_until(lambda: children(running.process.pid).keys() == before.keys(), what=f"the new {name}")
    wait_until(lambda: answers(installation.port), what="the web server")
    wait_until(lambda: get(f"{installation.site}/api/ready/").status == 200, what="web and worker are well")
    after = children(running.process.pid)
    assert [part for part in before if after[part] != before[part]] == [name]


def test_ctrl_c_after_kills_is_a_clean_end(installation: ServedFolder) -> None:
    running = installation.started[-1]
    running.send(signal.SIGINT)

    assert running.wait() == 0
    assert running.lines[-1] == "Stopped."
    assert running.text.count("Videoflix is running.") == 1


def test_children_die_with_a_serve_that_is_killed(installation: ServedFolder) -> None:
    running = installation.start()
    running.wait_for(ALL_SAID)
    processes = children(running.process.pid)
    with request_in_the_middle(installation.port):
        running.send(signal.SIGKILL)
        assert running.process.wait(10) == -signal.SIGKILL
        wait_until(lambda: not any(map(is_running, processes.values())), what="both children's end", timeout_s=10)
        wait_until(lambda: not answers(installation.port), what="the port's release", timeout_s=5)


def test_port_in_use_is_said_in_one_line(installation: ServedFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = serve(installation.data, taken.getsockname()[1])
        try:
            assert running.wait() == 1
        finally:
            running.end()

    [line] = running.lines
    assert "another program listens there. Set another PORT or HOST." in line


def test_database_out_of_reach_is_said_in_one_line(tmp_path: Path) -> None:
    port = free_port()
    running = serve(tmp_path, free_port(), DB_HOST="127.0.0.1", DB_PORT=str(port))
    try:
        assert running.wait() == 1
    finally:
        running.end()

    assert running.lines[-1].startswith(f"CommandError: The database at 127.0.0.1:{port} can't be used: ")
    assert "Traceback" not in running.text


def test_ctrl_c_during_the_start_is_no_traceback(tmp_path: Path) -> None:
    running = serve(tmp_path, free_port())
    try:
        running.wait_for("Preparing the database")
        running.send(signal.SIGINT)
        assert running.wait() == 128 + signal.SIGINT
    finally:
        running.end()

    assert "Traceback" not in running.text


@contextmanager
def request_in_the_middle(port: int) -> Iterator[None]:
    """A web process waits for the rest of its body."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = ("POST /api/login/ HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 99")
        connection.sendall("\r\n".join((*head, "", "{")).encode())
        time.sleep(1)
        yield


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
