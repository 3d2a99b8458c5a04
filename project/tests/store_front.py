"""A way to a server that is counted and can be cut: nginx, which logs each request before it passes it on as it is.

In front of an object store it may have TLS, with an authority of its own. In front of Django it adds no header.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from project.tests.certificates import make_certificate
from project.tests.edge import MAIN, free_port, nginx_binary, wait_until_open

SERVER = """
log_format asked escape=json
    '{{"method":"$request_method","path":"$request_uri","range":"$http_range","status":$status}}';
server {{
    listen 127.0.0.1:{port} {tls};
    access_log {folder}/asked.log asked;
    client_max_body_size 0;
    proxy_http_version 1.1;
    location / {{
        proxy_pass {target};
        proxy_set_header Host $http_host;
        proxy_set_header Connection "";
    }}
}}
"""
TLS = "ssl; ssl_certificate {folder}/tls/fullchain.pem; ssl_certificate_key {folder}/tls/privkey.pem"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    range: str
    status: int


class Front:
    def __init__(self, folder: Path, target: str, *, is_tls: bool = False) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"https://localhost:{self.port}" if is_tls else f"http://127.0.0.1:{self.port}"
        self.authority = folder / "tls" / "fullchain.pem"
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        if is_tls:
            make_certificate(folder / "tls")
        tls = TLS.format(folder=folder) if is_tls else ""
        (folder / "videoflix.conf").write_text(SERVER.format(folder=folder, port=self.port, target=target, tls=tls))
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user, more=""))

    def start(self) -> None:
        binary = nginx_binary()
        assert binary is not None
        self.process = subprocess.Popen([binary, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")])
        wait_until_open(self.port, self.process)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def asked(self, what: str = "") -> list[Asked]:
        """The requests so far whose path has this in it."""
        log = self.folder / "asked.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [found for found in (Asked(**json.loads(line)) for line in lines) if what in found.path]

    def forget(self) -> None:
        """As if nothing had been asked; nginx goes on at the end of its log, which is its beginning then."""
        with (self.folder / "asked.log").open("w"):
            pass


@contextmanager
def front(folder: Path, target: str, *, is_tls: bool = False) -> Iterator[Front]:
    made = Front(folder, target, is_tls=is_tls)
    made.start()
    try:
        yield made
    finally:
        made.stop()
