"""`manage.py serve` as an operator sees it: started, read line by line, signalled, waited for."""

import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from project.env import BASE_DIR, Env
from project.listening import LOCALHOST, addresses

START_TIMEOUT_S = 90
END_TIMEOUT_S = 45
ANSWER_TIMEOUT_S = 60  # with a web server that is only just starting, on a busy machine
WITHOUT_COOKIES = urllib.request.build_opener()  # to make one takes 26 ms of CPU, for TLS


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    text: str


class Running:
    """A started program and its output so far."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            command, cwd=BASE_DIR, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match in its output."""
        wait_until(lambda: bool(re.search(pattern, self.text)) or self.process.poll() is not None, what=pattern)
        found = re.search(pattern, self.text)
        assert found, self.text
        return found

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit code, once it has ended and all its output was read."""
        code = self.process.wait(END_TIMEOUT_S)
        self._reader.join(5)
        return code

    def end(self) -> None:
        """For tear-down: kill whatever still runs."""
        if self.process.poll() is None:
            self.send(signal.SIGINT)
            try:
                self.process.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._reader.join(5)
        if self.process.stdout:
            self.process.stdout.close()


def clean_environment(**values: str) -> dict[str, str]:
    """This process's environment with exactly these variables of ours."""
    own = {name.upper() for name in Env.model_fields}
    return {name: value for name, value in os.environ.items() if name.upper() not in own} | {"ENV_FILE": ""} | values


def serve(data: Path, port: int, **variables: str) -> Running:
    values = {"DATA_DIR": str(data), "PORT": str(port), **variables}
    return Running([sys.executable, "manage.py", "serve"], clean_environment(**values))


def free_port() -> int:
    """A port that is free on all of localhost's addresses."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if all(is_free(address, port) for address in addresses(LOCALHOST)):
            return port


def is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        return bool(probe.connect_ex((address, port)))


def get(url: str, *, opener: urllib.request.OpenerDirector | None = None) -> HttpAnswer:
    return fetch(urllib.request.Request(url), opener or WITHOUT_COOKIES)


def fetch(request: urllib.request.Request, opener: urllib.request.OpenerDirector) -> HttpAnswer:
    try:
        with opener.open(request, timeout=ANSWER_TIMEOUT_S) as response:
            return HttpAnswer(response.status, response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return HttpAnswer(error.code, error.read().decode())


def may_enter_admin(site: str, username: str, password: str) -> bool:
    """Fill in the admin's login form, as a browser would."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = get(f"{site}/admin/login/", opener=opener)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token, page
    form = {"username": username, "password": password, "csrfmiddlewaretoken": token[1], "next": "/admin/"}
    request = urllib.request.Request(f"{site}/admin/login/", data=urllib.parse.urlencode(form).encode())
    return "logout" in fetch(request, opener).text


def children(pid: int) -> dict[str, int]:
    """The processes that a `serve` has started: web's and the worker's ids."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = folder.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            command = folder.joinpath("cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid:
            found["web" if "gunicorn" in command else "worker"] = int(folder.name)
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(is_so: Callable[[], bool], *, what: str, timeout_s: float = START_TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.1)
