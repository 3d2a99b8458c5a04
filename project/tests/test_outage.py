"""PostgreSQL and Redis go away and come back under a running installation: clean 503s meanwhile, and all goes on."""

import json
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from project.tests.serving import Answer, Running, fetch, free_port, get, serve, wait_until
from scripts import services

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not services.postgresql_binaries(), reason="no PostgreSQL found"),
    pytest.mark.skipif(not services.redis_binary(), reason="no Redis found"),
]


class Installation:
    def __init__(self, folder: Path, database: services.Server, redis: services.Server) -> None:
        self.database = database
        self.redis = redis
        port = free_port()
        self.site = f"http://127.0.0.1:{port}"
        folder.mkdir()
        (folder / "demo-film-was-made").touch()
        variables = {name.removeprefix("TEST_"): value for name, value in self.all_variables().items()}
        self.running: Running = serve(folder, port, DB_NAME="postgres", WEB_WORKERS="1", **variables)

    def all_variables(self) -> dict[str, str]:
        return self.database.variables | self.redis.variables

    def sign_in(self) -> Answer:
        """A wrong password: 401 when everything is well, since nobody is registered."""
        body = json.dumps({"email": "ada@example.com", "password": "wrong"}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.site}/api/login/", data=body, headers=headers)
        return fetch(request, urllib.request.build_opener())

    def health(self) -> dict[str, str]:
        parts: dict[str, str] = json.loads(get(f"{self.site}/api/health/").text)
        return parts


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with services.postgresql() as database, services.redis() as redis:
        installation = Installation(tmp_path / "data", database, redis)
        try:
            installation.running.wait_for("Ctrl-C stops everything")
            yield installation
        finally:
            installation.running.end()


def test_outages_are_clean_and_pass(installation: Installation) -> None:
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

    wait_until(lambda: get(f"{installation.site}/api/ready/").status == 200, what="the worker's heart", timeout_s=20)
    assert installation.running.process.poll() is None
    installation.running.send(signal.SIGINT)
    assert installation.running.wait() == 0


def timed[T](action: Callable[[], T]) -> tuple[T, float]:
    began = time.monotonic()
    return action(), time.monotonic() - began
