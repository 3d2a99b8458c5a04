"""An installation on several machines, which have PostgreSQL, Redis and a bucket in common, and no folder.

Each web server and worker has a data folder of its own; a balancer hands each request to the next web server.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from hls.store.bucket_address import BucketAddress
from hls.tests.object_store import Seaweed, make_bucket, seaweed
from project.tests.edge import MAIN, free_port, nginx_binary, wait_until_open
from project.tests.installation import Installation, is_answering, wait_for
from scripts import services

BALANCER = """
upstream webs {{ {servers} }}
server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0;
    location / {{
        proxy_pass http://webs;
        proxy_set_header Host $http_host;
    }}
}}
"""
GUNICORN = (sys.executable, "-m", "gunicorn", "--config", "python:project.web", "project.wsgi")


@dataclass
class Machines:
    """All that run, by name: "web-0", "worker-2", and the store."""

    store: Seaweed
    connection: psycopg.Connection
    installations: dict[str, Installation]
    programs: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        made = self.installations[name]
        if name.startswith("worker"):
            self.programs[name] = made.start("worker")
            return
        with (made.folder / "web.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                GUNICORN,
                cwd=settings.BASE_DIR,
                env=made.variables(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_webs(self) -> None:
        installations = [self.installations[name] for name in self.webs()]
        wait_for(lambda: all(map(is_answering, installations)), seconds=60, what="all web servers answer")

    def webs(self) -> list[str]:
        return [name for name in self.installations if name.startswith("web")]

    def kill(self, name: str) -> None:
        """With all its processes, as when a machine loses its power."""
        program = self.programs.pop(name)
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()

    def kill_all(self) -> None:
        for name in list(self.programs):
            self.kill(name)

    def restart_store(self) -> None:
        """On what it has on its disk."""
        self.store.start()
        make_bucket(self.store.address)

    def worker_of_a_running_chunk(self) -> str | None:
        """The name of a worker that encodes one."""
        running = "SELECT w.pid FROM hls_chunk c JOIN hls_worker w ON w.id = c.worker_id WHERE c.state = 'running'"
        names = {program.pid: name for name, program in self.programs.items()}
        return next((names[pid] for (pid,) in self.rows(running) if pid in names), None)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode()).fetchall()


@contextmanager
def machines(folder: Path, *, webs: int, workers: int, **environment: str) -> Iterator[Machines]:
    """All of them, up and answering, with an administrator."""
    with ExitStack() as stack:
        database = stack.enter_context(services.postgresql())
        redis = stack.enter_context(services.redis())
        store = stack.enter_context(seaweed())
        make_bucket(store.address)
        common = {
            "SECRET_KEY": "the same on all machines, or sessions end at the other one",
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(database.port),
            "DB_NAME": "postgres",
            "DB_USER": "videoflix",
            "REDIS_LOCATION": redis.variables["TEST_REDIS_LOCATION"],
            "WEB_WORKERS": "1",
            "TRUSTED_PROXIES": "1",
            **bucket_variables(store.address),
            **environment,
        }
        names = [f"web-{number}" for number in range(webs)] + [f"worker-{number}" for number in range(workers)]
        installations = {name: Installation(folder / name, environment=common) for name in names}
        for made in installations.values():
            made.folder.mkdir()
        address = f"host=127.0.0.1 port={database.port} user=videoflix dbname=postgres"
        connection = stack.enter_context(psycopg.connect(address, autocommit=True))
        found = Machines(store, connection, installations)
        prepared = installations["web-0"].manage("prepare")
        assert prepared.returncode == 0, prepared.stderr
        stack.callback(found.kill_all)
        for name in names:
            found.start(name)
        found.await_webs()
        yield found


def bucket_variables(address: BucketAddress) -> dict[str, str]:
    return {
        "S3_BUCKET": address.bucket,
        "S3_ENDPOINT_URL": address.endpoint_url or "",
        "S3_ACCESS_KEY_ID": address.access_key_id,
        "S3_SECRET_ACCESS_KEY": address.secret_access_key,
    }


@contextmanager
def balancer(folder: Path, found: Machines) -> Iterator[str]:
    """The address of an nginx that hands each request to the next web server, and one that fails to none."""
    port, binary = free_port(), nginx_binary()
    assert binary is not None
    folder.mkdir()
    servers = " ".join(f"server 127.0.0.1:{found.installations[name].port} max_fails=0;" for name in found.webs())
    (folder / "videoflix.conf").write_text(BALANCER.format(servers=servers, port=port))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user, more=""))
    with subprocess.Popen([binary, "-p", str(folder), "-c", str(folder / "nginx.conf")]) as server:
        try:
            wait_until_open(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
