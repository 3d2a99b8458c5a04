"""`make run` answers at both addresses of `localhost`; with HOST set, at that one alone."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from project import listening
from project.tests.prepared import place_prepared
from project.tests.serving import Running, free_port, get, serve

pytestmark = pytest.mark.services

needs_ipv6 = pytest.mark.skipif(not listening.is_ours("::1"), reason="no IPv6 here")


def started(folder: Path, port: int, **variables: str) -> Running:
    place_prepared(folder)
    (folder / "demo-video-was-made").touch()
    return serve(folder, port, WEB_WORKERS="1", WEB_THREADS="4", **variables)


def accepts(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        return probe.connect_ex((address, port)) == 0


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, int]]:
    port = free_port()
    running = started(tmp_path_factory.mktemp("listening") / "data", port)
    running.wait_for("Ctrl-C stops everything")
    yield running, port
    running.end()


def test_banner_says_localhost_and_both_of_its_addresses_answer(both: tuple[Running, int]) -> None:
    running, port = both
    assert f"Site      http://localhost:{port}/\n" in running.text
    assert "127.0.0.1" not in running.wait_for(r"Videoflix is running(.|\n)*Ctrl-C stops everything")[0]
    assert get(f"http://localhost:{port}/api/health/").status == 200
    for address in listening.LOOPBACK:
        assert accepts(address, port) == listening.is_ours(address)


def test_host_that_is_set_is_the_only_one(tmp_path: Path) -> None:
    port = free_port()
    running = started(tmp_path / "data", port, HOST="127.0.0.1")
    try:
        running.wait_for("Ctrl-C stops everything")
        assert [address for address in listening.LOOPBACK if accepts(address, port)] == ["127.0.0.1"]
    finally:
        running.end()


@needs_ipv6
@pytest.mark.parametrize("taken", listening.LOOPBACK)
def test_port_that_is_taken_on_one_of_both_is_said_in_one_line(tmp_path: Path, taken: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in taken else socket.AF_INET) as other:
        other.bind((taken, 0))
        other.listen()
        port = other.getsockname()[1]
        running = started(tmp_path / "data", port)
        try:
            assert running.wait() == 1
        finally:
            running.end()

    [line] = running.lines
    assert (
        f"Can't listen on HOST {taken}, PORT {port}: another program listens there. Set another PORT or HOST." in line
    )


def test_machine_without_ipv6_has_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def without_ipv6(family: int = socket.AF_INET, *arguments: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *arguments)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    assert listening.addresses("localhost") == ["127.0.0.1"]
    assert listening.addresses("192.0.2.7") == ["192.0.2.7"]
