"""PostgreSQL and Redis stop and come back while the program runs: clean 503s meanwhile, and nothing is lost."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from hls.tests.videos import small_video
from project.env import BASE_DIR
from project.tests.serving import (
    WITHOUT_COOKIES,
    HttpAnswer,
    Running,
    clean_environment,
    fetch,
    free_port,
    get,
    serve,
    wait_until,
)
from scripts import services

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not services.postgresql_binaries(), reason="no PostgreSQL found"),
    pytest.mark.skipif(not services.redis_binary(), reason="no Redis found"),
]

AWAY_S = 17  # pauses that double would have the next try 31 s after the first


class InstallationWithServers:
    def __init__(self, folder: Path, database: services.Server, redis: services.Server) -> None:
        self.database = database
        self.redis = redis
        port = free_port()
        self.site = f"http://127.0.0.1:{port}"
        folder.mkdir()
        (folder / "demo-video-was-made").touch()
        self.folder = folder
        both = database.variables | redis.variables
        self.variables = {"DB_NAME": "postgres"} | {name.removeprefix("TEST_"): value for name, value in both.items()}
        self.running: Running = serve(folder, port, WEB_WORKERS="1", **self.variables)

    def manage_on_another_host(self, folder: Path, *words: str) -> str:
        """A DATA_DIR of its own, which shares nothing but the two folders that docs/operations.md names."""
        folder.mkdir(exist_ok=True)
        for shared in ("uploads", "hls"):
            if not (folder / shared).exists():
                (folder / shared).symlink_to(self.folder / shared)
        ended = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=BASE_DIR,
            env=clean_environment(DATA_DIR=str(folder), DISK_RESERVE_MB="0", **self.variables),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def finds(self, query: str) -> bool:
        """Whether there is such a row."""
        with psycopg.connect(f"host=127.0.0.1 port={self.database.port} user=videoflix dbname=postgres") as connection:
            return bool(connection.execute(query.encode()).fetchone())

    def sign_in(self) -> HttpAnswer:
        """A wrong password: 401 when everything works, since nobody is registered."""
        body = json.dumps({"email": "ada@example.com", "password": "wrong"}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.site}/api/login/", data=body, headers=headers)
        return fetch(request, WITHOUT_COOKIES)

    def health(self) -> dict[str, str]:
        parts: dict[str, str] = json.loads(get(f"{self.site}/api/health/").text)
        return parts


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstallationWithServers]:
    with services.postgresql() as database, services.redis() as redis:
        installation = InstallationWithServers(tmp_path_factory.mktemp("installation") / "data", database, redis)
        try:
            installation.running.wait_for("Ctrl-C stops everything")
            yield installation
        finally:
            installation.running.end()


def test_video_added_on_another_host_while_the_queue_is_away_is_made_all_the_same(
    installation: InstallationWithServers, tmp_path: Path
) -> None:
    video = small_video(tmp_path / "video.mp4", seconds=3)
    other = tmp_path / "other host"
    installation.redis.stop()
    try:
        number = installation.manage_on_another_host(other, "import_video", str(video), "--title", "Video").split()[-1]
    finally:
        installation.redis.start()

    wait_until(
        lambda: installation.finds("SELECT 1 FROM hls_transcode WHERE state = 'ready'"),
        what="the video, made by the first host's worker",
        timeout_s=60,
    )
    assert "ready" in installation.manage_on_another_host(other, "transcode", "status", number)
    assert list((other / "hls").rglob("480p/segment_000.ts"))


def test_worker_that_starts_while_the_database_is_away_comes_alive_with_it(
    installation: InstallationWithServers, tmp_path: Path
) -> None:
    """As after a reboot of the host, when PostgreSQL takes longer than the worker."""
    log = tmp_path / "worker.log"
    variables = clean_environment(DATA_DIR=str(tmp_path / "data"), **installation.variables)
    installation.database.stop()
    try:
        with log.open("w") as output:
            command = [sys.executable, "manage.py", "worker"]
            worker = subprocess.Popen(command, cwd=BASE_DIR, env=variables, stdout=output, stderr=output)
        wait_until(lambda: "heartbeat missed" in log.read_text(), what="the first beat, in vain", timeout_s=60)
    finally:
        installation.database.start()
    is_seen = f"SELECT 1 FROM hls_worker WHERE pid = {worker.pid}"
    try:
        wait_until(lambda: installation.finds(is_seen), what="the worker's heartbeat", timeout_s=15)
    finally:
        worker.terminate()
        worker.wait()


def test_database_that_was_away_for_long_is_used_as_soon_as_it_is_back(installation: InstallationWithServers) -> None:
    """The pool went on to pause for as long as the outage had lasted. Each of its tries was a line, too."""
    since = len(installation.running.lines)
    installation.database.stop()
    try:
        until = time.monotonic() + AWAY_S
        while time.monotonic() < until:
            assert installation.health()["status"] == "failing"
            time.sleep(0.2)
    finally:
        installation.database.start()
    wait_until(lambda: installation.health()["status"] == "ok", what="the database in use", timeout_s=8)
    lines = installation.running.lines[since:]
    told = [line for line in lines if '"psycopg.pool"' in line]
    assert all("database unreachable: connection failed" in line for line in told)
    assert len([line for line in told if line.startswith("web")]) == 1, "web says why"
    assert len([line for line in told if line.startswith("worker")]) <= 1, "none if it said so less than a minute ago"
    assert "Traceback" not in "".join(lines)


def test_outages_are_clean_and_pass(installation: InstallationWithServers) -> None:
    assert installation.sign_in().status == 401

    for name, server in (("database", installation.database), ("queue", installation.redis)):
        server.stop()
        answer, took_s = timed(installation.sign_in)
        assert answer.status in (401, 503), answer
        assert answer.status == 503 or name == "queue"
        assert list(json.loads(answer.text)) == ["detail"]
        assert took_s < 8
        assert installation.health()[name] in ("not reachable", "no answer")

        server.start()
        wait_until(lambda: installation.health()["status"] == "ok", what=f"the {name} is back", timeout_s=20)
        wait_until(lambda: installation.sign_in().status == 401, what="signing in works again", timeout_s=20)

    wait_until(
        lambda: get(f"{installation.site}/api/ready/").status == 200, what="the worker's heartbeat", timeout_s=20
    )
    assert installation.running.process.poll() is None
    installation.running.send(signal.SIGINT)
    assert installation.running.wait() == 0


def timed[T](action: Callable[[], T]) -> tuple[T, float]:
    began = time.monotonic()
    return action(), time.monotonic() - began
