"""An installation for a benchmark: PostgreSQL, Redis and workers as processes that can be killed and restarted."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

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

    def variables(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "ENV_FILE": "",
            "DATA_DIR": str(self.folder / "var"),
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.db_port),
            "DB_NAME": "postgres",
            "DB_USER": "videoflix",
            "REDIS_LOCATION": f"redis://127.0.0.1:{self.redis_port}/1",
            "DISK_RESERVE_MB": "0",
            **self.settings,
        }

    def start(self, name: str, command: list[str], *, user: str | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                command,
                cwd=self.folder if user else ROOT,
                env=self.variables(),
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

    def start_worker(self, number: int, *, core: int | None = None) -> None:
        pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
        self.start(f"worker-{number}", [*pinned, sys.executable, "manage.py", "worker"])

    def set_up(self) -> None:
        """Create the tables in a new database; everything is stopped afterwards."""
        self.start_database()
        made = self.manage("migrate")
        assert made.returncode == 0, made.stderr
        self.stop_all()

    def start_all(self) -> None:
        self.start_database()
        self.start_redis()
        for number in range(self.workers):
            self.start_worker(number)

    def kill(self, name: str) -> None:
        program = self.programs.pop(name)
        os.kill(program.pid, signal.SIGKILL)
        program.wait()

    def stop_all(self) -> None:
        for program in self.programs.values():
            program.terminate()
        for program in self.programs.values():
            try:
                program.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait()
        self.programs.clear()

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
            if b"ffmpeg" in words[0] and folder.is_relative_to(self.folder / "var"):
                found.append(int(entry.name))
        return found


def make_video(path: Path, *, seconds: int, size: str = "640x480", rate: int = 25) -> None:
    """A moving test picture with a tone."""
    sources = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}", "-f", "lavfi", "-i", f"sine=d={seconds}"]
    encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([FFMPEG, "-v", "error", *sources, *encoding, str(path)], check=True)
