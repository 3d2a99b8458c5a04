"""An installation for a benchmark: PostgreSQL, Redis, a bucket and workers, which can be killed and restarted."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import imageio_ffmpeg
import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hls.store.bucket import BucketStore  # noqa: E402
from hls.store.bucket_address import BucketAddress  # noqa: E402
from hls.store.folder import FolderStore  # noqa: E402
from hls.store.interface import Store  # noqa: E402
from hls.tests.object_store import Seaweed, make_bucket, named_for_tests, weed_binary  # noqa: E402
from scripts.services import free_port, postgresql_binaries, redis_binary  # noqa: E402

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


@dataclass
class Stage:
    """Every program of the installation, and how to kill and restart it."""

    folder: Path
    workers: int = 2
    settings: dict[str, str] = field(default_factory=dict)
    db_port: int = field(default_factory=free_port)
    redis_port: int = field(default_factory=free_port)
    programs: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    bucket: BucketAddress | None = None
    seaweed: Seaweed | None = None  # the bucket's server, where it is ours

    def use_bucket(self) -> None:
        """Keep all files in a bucket: that of TEST_S3_ENDPOINT, or one in a SeaweedFS of our own."""
        if named := named_for_tests():
            self.bucket = replace(named, prefix=f"{uuid4().hex}/")
        else:
            if weed_binary() is None:
                raise SystemExit("SeaweedFS is not installed (requirements-dev.txt), and TEST_S3_ENDPOINT is not set.")
            home = self.folder / "seaweed"
            home.mkdir()
            self.seaweed = Seaweed(home)
            self.bucket = self.seaweed.address

    @property
    def versions(self) -> Store:
        """As hls.stores has it."""
        if self.bucket is None:
            return FolderStore("hls", self.folder / "var/hls")
        return BucketStore("hls", self.bucket)

    def data(self, program: str = "") -> Path:
        """The program's data folder. With a bucket each has one of its own, as if it were on its own machine."""
        return self.folder / (f"var-{program}" if program and self.bucket else "var")

    def variables(self, program: str = "") -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "ENV_FILE": "",
            "DATA_DIR": str(self.data(program)),
            "SECRET_KEY": "the same for all programs of a benchmark",
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.db_port),
            "DB_NAME": "postgres",
            "DB_USER": "videoflix",
            "REDIS_LOCATION": f"redis://127.0.0.1:{self.redis_port}/1",
            "DISK_RESERVE_MB": "0",
            **(bucket_variables(self.bucket) if self.bucket else {}),
            **self.settings,
        }

    def start(self, name: str, command: list[str], *, user: str | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                command,
                cwd=self.folder if user else ROOT,
                env=self.variables(name),
                stdout=log,
                stderr=log,
                user=user,
                start_new_session=True,
            )

    def start_database(self) -> None:
        binaries = postgresql_binaries()
        assert binaries is not None, "PostgreSQL is not installed"
        data = self.folder / "database"
        user = "nobody" if os.geteuid() == 0 else None
        if not data.exists():
            make = [str(binaries / "initdb"), "-D", str(data), "-U", "videoflix", "-A", "trust", "-E", "UTF8"]
            subprocess.run([*make, "--locale", "C"], check=True, stdout=subprocess.DEVNULL, cwd=self.folder, user=user)
        options = ["-c", f"port={self.db_port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        self.start("database", [str(binaries / "postgres"), "-D", str(data), *options], user=user)
        self.wait_for_database()

    def wait_for_database(self) -> None:
        for _ in range(300):
            try:
                self.rows("SELECT 1")
            except psycopg.Error:
                time.sleep(0.1)
            else:
                return
        raise SystemExit("PostgreSQL did not come up")

    def start_redis(self) -> None:
        binary = redis_binary()
        assert binary is not None, "Redis is not installed"
        place = ["--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        self.start("redis", [binary, *place, "--save", "", "--appendonly", "no"])

    def start_store(self) -> None:
        """Start the bucket's server where it is ours, and return once the bucket takes objects."""
        if self.seaweed:
            self.seaweed.start()
        if self.bucket:
            make_bucket(self.bucket)

    def kill_store(self) -> None:
        if self.seaweed:
            self.seaweed.stop()

    def start_worker(self, number: int, *, core: int | None = None) -> None:
        pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
        self.start(f"worker-{number}", [*pinned, sys.executable, "manage.py", "worker"])

    def set_up(self) -> None:
        """Create the tables in a new database; everything is stopped afterwards."""
        self.start_database()
        self.start_store()
        made = self.manage("migrate")
        assert made.returncode == 0, made.stderr
        self.stop_all()

    def start_all(self) -> None:
        self.start_database()
        self.start_redis()
        self.start_store()
        for number in range(self.workers):
            self.start_worker(number)

    def kill(self, name: str) -> None:
        program = self.programs.pop(name)
        os.kill(program.pid, signal.SIGKILL)
        program.wait()

    def stop(self, *names: str) -> None:
        """Stop programs in order, all at once."""
        programs = [self.programs.pop(name) for name in names]
        for program in programs:
            program.terminate()
        for program in programs:
            try:
                program.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait()

    def stop_all(self) -> None:
        self.stop(*self.programs)
        self.kill_store()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        address = f"host=127.0.0.1 port={self.db_port} user=videoflix dbname=postgres connect_timeout=2"
        with psycopg.connect(address) as connection:
            return connection.execute(query.encode()).fetchall()

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.variables(),
            capture_output=True,
            text=True,
            check=False,
        )

    def encoders(self) -> list[int]:
        """The process ids of our workers' ffmpegs, which are known by the folder they write to."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                folder = (entry / "cwd").readlink()
            except OSError:
                continue
            if b"ffmpeg" in words[0] and folder.is_relative_to(self.folder):
                found.append(int(entry.name))
        return found


def bucket_variables(address: BucketAddress) -> dict[str, str]:
    found = {
        "S3_BUCKET": address.bucket,
        "S3_PREFIX": address.prefix,
        "S3_ENDPOINT_URL": address.endpoint_url or "",
        "S3_REGION": address.region,
        "S3_ACCESS_KEY_ID": address.access_key_id,
        "S3_SECRET_ACCESS_KEY": address.secret_access_key,
    }
    return {name: value for name, value in found.items() if value}


def make_video(path: Path, *, seconds: int, size: str = "640x480", rate: int = 25) -> None:
    """A moving test picture with a tone."""
    sources = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}", "-f", "lavfi", "-i", f"sine=d={seconds}"]
    encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([FFMPEG, "-v", "error", *sources, *encoding, str(path)], check=True)
