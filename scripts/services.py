"""A PostgreSQL and a Redis of our own for one run of the tests: on free ports, in a folder that goes away."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT_S = 30


class Server:
    """A program that can be stopped and started again. Its working folder is its log's."""

    def __init__(self, command: list[str], *, log: Path, port: int, variables: dict[str, str]) -> None:
        self.command = command
        self.log = log
        self.port = port
        self.variables = variables  # as scripts/test.py and conftest.py name them
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it answers."""
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                self.command, stdout=output, stderr=output, cwd=self.log.parent, user=owner()
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{Path(self.command[0]).name} did not start:\n{self.log.read_text()}")
            time.sleep(0.1)

    def is_ready(self) -> bool:
        """Both servers write this line, and PostgreSQL accepts connections before it means it."""
        return accepts(self.port) and "ready to accept connections" in self.log.read_text().lower()

    def stop(self) -> None:
        """Stop it at once, with all its connections."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@contextmanager
def postgresql() -> Iterator[Server]:
    """A running PostgreSQL."""
    folder_of_binaries = postgresql_binaries()
    assert folder_of_binaries is not None
    initdb, postgres = (str(folder_of_binaries / name) for name in ("initdb", "postgres"))
    port = free_port()
    with private_folder("videoflix-postgresql-") as folder:
        data = str(folder / "data")
        cluster = ["--username", "videoflix", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
        if sys.platform == "linux":
            cluster += ["--lc-ctype", "C.UTF-8"]  # of capital letters it knows all, as the official image does
        subprocess.run(
            [initdb, "--pgdata", data, *cluster], check=True, stdout=subprocess.DEVNULL, cwd=folder, user=owner()
        )
        settings = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        variables = {"TEST_DB_HOST": "127.0.0.1", "TEST_DB_PORT": str(port), "TEST_DB_USER": "videoflix"}
        command = [postgres, "-D", data, *options]
        with running(Server(command, log=folder / "postgresql.log", port=port, variables=variables)) as server:
            yield server


@contextmanager
def redis() -> Iterator[Server]:
    """A running Redis that keeps nothing."""
    binary = redis_binary()
    assert binary is not None
    port = free_port()
    with private_folder("videoflix-redis-") as folder:
        place = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        command = [binary, *place, "--save", "", "--appendonly", "no"]
        variables = {"TEST_REDIS_LOCATION": f"redis://127.0.0.1:{port}/1"}
        with running(Server(command, log=folder / "redis.log", port=port, variables=variables)) as server:
            yield server


def postgresql_binaries() -> Path | None:
    """The folder with initdb and postgres: Debian keeps them off the PATH."""
    on_path = shutil.which("postgres")
    found = [Path(on_path).parent] if on_path else []
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin"):
        found += sorted(Path("/").glob(pattern), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


def redis_binary() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


def chromium_binary() -> str | None:
    """The one without windows, where it is installed: it starts no pages of its own."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for path in map(shutil.which, names) if path), None)


def nginx_binary() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def owner() -> str | None:
    """Who runs the servers: PostgreSQL refuses to be root."""
    return "nobody" if os.geteuid() == 0 else None


@contextmanager
def private_folder(prefix: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        if user := owner():
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
