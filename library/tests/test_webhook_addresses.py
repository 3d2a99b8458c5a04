"""Where events may be sent to: the public internet, by https, unless the installation says otherwise."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from library.outgoing import connection
from library.outgoing.addresses import AddressRefused
from library.tests.receivers import Receiver, receiver
from library.webhooks import posting, services
from library.webhooks.errors import NotDelivered
from project.tests.certificates import make_certificate


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "ftp://example.org/",
        "https://",
        "https:///hook",
        "example.org",
        "https://ada:secret@example.org/",
        "https://example.org/a b",
        "https://exämple.org/",
        "https://example.org:99999/",
        "https://example.org/\nHost: other",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://10.0.0.5/",
        "https://169.254.169.254/latest/meta-data/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://100.64.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
    ],
)
def test_address_that_is_no_public_https_one_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        services.check_url(url)


@pytest.mark.parametrize("found", ["127.0.0.1", "10.1.2.3", "::1"])
def test_name_that_leads_to_a_private_machine_is_not_reached(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of test machines can't be looked up, so the answer is made up."""
    monkeypatch.setattr(socket, "getaddrinfo", answering(found))
    with pytest.raises(NotDelivered, match="not a public one"):
        posting.post("https://example.org/", b"", {}, may_be_private=False)


def test_name_that_changes_its_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second answer would lead to this machine."""
    answers = [answering("93.184.216.34"), answering("127.0.0.1")]
    connected: list[str] = []

    def look_up(host: str, *arguments: Any, **options: Any) -> list[Any]:
        if options.get("flags"):
            raise OSError  # it is a name
        return list(answers.pop(0)(host, *arguments, **options))

    def connect(place: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(place[0])
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NotDelivered):
        posting.post("https://example.org/", b"", {}, may_be_private=False)
    assert (connected, len(answers)) == (["93.184.216.34"], 1)


def answering(address: str) -> Any:
    def look_up(host: str, port: int, *arguments: Any, flags: int = 0, **options: Any) -> list[Any]:
        if flags:
            raise OSError
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    return look_up


def test_unknown_name_is_said() -> None:
    with pytest.raises(NotDelivered, match=r"There is no machine called nowhere\.invalid"):
        posting.post("https://nowhere.invalid/", b"", {}, may_be_private=False)


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[Receiver, Path]]:
    """A receiver with a certificate for localhost, and that certificate."""
    make_certificate(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls/fullchain.pem", tmp_path / "tls/privkey.pem")
    with receiver(context) as found:
        yield found, tmp_path / "tls/fullchain.pem"


def test_https_checks_the_certificate(encrypted: tuple[Receiver, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found, certificate = encrypted
    url = found.url.replace("http://127.0.0.1", "https://localhost")
    with pytest.raises(NotDelivered, match="could not be encrypted"):
        posting.post(url, b"{}", {}, may_be_private=True)
    trusted = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(connection, "trusting", lambda: trusted)
    assert posting.post(url, b"{}", {}, may_be_private=True).status == 204
    with pytest.raises(NotDelivered, match="could not be encrypted"):
        posting.post(url.replace("localhost", "127.0.0.1"), b"{}", {}, may_be_private=True)
