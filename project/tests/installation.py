"""The whole program as its users have it: `manage.py serve` with folders and a port of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

from django.conf import settings

from hls.tests.videos import paced_ffmpeg as paced_ffmpeg
from project.tests.console import Console, console
from project.tests.prepared import BOSS, place_prepared

ADMIN_EMAIL = BOSS["DJANGO_SUPERUSER_EMAIL"]
ADMIN_PASSWORD = BOSS["DJANGO_SUPERUSER_PASSWORD"]
IMPORT = """
from django.core.management import call_command
call_command("import_video", *{words!r})
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for[T](look: Callable[[], T | None], *, seconds: float, what: str) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds} s")


@dataclass
class Installation:
    """A data folder and a port; programs started here use the database and the queue the tests run with."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    console: Console | None = None  # while it is served

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def variables(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "ENV_FILE": "",
            "DATA_DIR": str(self.folder / "var"),
            "PORT": str(self.port),
            **BOSS,
            **self.environment,
        }

    def prepare(self) -> None:
        """Do what `manage.py prepare` does, with SQLite; it takes no time."""
        place_prepared(self.folder / "var", self.variables())

    def without_demo(self) -> None:
        """Do what making and deleting the demo video would leave."""
        marker = self.folder / "var" / "demo-video-was-made"
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    def command(self, *words: str | Path) -> list[str]:
        return [sys.executable, str(settings.BASE_DIR / "manage.py"), *map(str, words)]

    def import_video(self, path: Path, title: str, *options: str) -> int:
        """The new video's id."""
        words = [str(path), "--title", title, *options]
        if self.console:
            return int(self.console.run(IMPORT.format(words=words)).split()[-1])
        said = self.manage("import_video", *words)
        assert said.returncode == 0, said.stderr
        return int(said.stdout.split()[-1])

    def manage(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), env=self.variables(), capture_output=True, text=True, timeout=300, check=False
        )

    def shell(self, code: str) -> str:
        """Run Python in the program, and return what it printed."""
        if self.console:
            return self.console.run(code)
        said = self.manage("shell", "--no-imports", "-c", code)
        assert said.returncode == 0, said.stderr
        return said.stdout

    def start(self, *words: str | Path) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own, in another folder, with its output in a file."""
        log = (self.folder / f"{words[0]}.log").open("ab")
        with log:
            return subprocess.Popen(
                self.command(*words),
                cwd=self.folder,
                env=self.variables(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def mails(self) -> list[Message]:
        return [message_from_bytes(path.read_bytes()) for path in sorted((self.folder / "var/mail").glob("*.eml"))]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=60) as response:
            return json.load(response)


def is_answering(installation: Installation) -> bool:
    try:
        with urllib.request.urlopen(f"{installation.url}/", timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def serving(installation: Installation) -> Iterator[Installation]:
    """Web server and worker, up and answering; stopped with Ctrl-C at the end."""
    program = installation.start("serve")
    try:
        wait_for(
            lambda: is_answering(installation) or program.poll() is not None, seconds=60, what="the web server answers"
        )
        assert program.poll() is None, installation.log("serve")
        with console(installation.variables()) as installation.console:
            yield installation
    finally:
        installation.console = None
        stop(program)


@contextmanager
def serving_without_demo(folder: Path, **environment: str) -> Iterator[Installation]:
    """A new installation in this folder, up and answering, without a video. One web process starts sooner than two."""
    made = Installation(folder, environment={"WEB_WORKERS": "1", **environment})
    made.prepare()
    made.without_demo()
    with serving(made):
        yield made


def stop(program: subprocess.Popen[bytes]) -> None:
    if program.poll() is None:
        program.send_signal(signal.SIGINT)
        try:
            program.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            raise
