"""Which addresses the program asks when somebody else has chosen them."""

import socket
from typing import Any

import pytest

from library.outgoing.addresses import AddressRefused, addresses_of, is_public, target_of
from library.tests.writing import Program

PRIVATE = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "192.0.0.8"),
    *("169.254.169.254", "169.254.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "198.18.0.1"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1", "2002:808:808::1", "2001::1"),
    *("100::1", "fd00:ec2::254", "nonsense", ""),
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_address_with_a_special_use_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_anybodys_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0x0"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "169.254.169.254", "2852039166"),
    ],
)
def test_spelling_hides_no_private_address(host: str) -> None:
    target = target_of(f"https://{host}/a.mp4", may_be_private=False)
    with pytest.raises((AddressRefused, OSError)):
        addresses_of(target, may_be_private=False)


def test_name_is_judged_by_what_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    def means(*addresses: str) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: found)

    target = target_of("https://films.example/a.mp4", may_be_private=False)
    means("10.0.0.1", "169.254.169.254")
    with pytest.raises(AddressRefused, match=r"not a public one"):
        addresses_of(target, may_be_private=False)
    assert addresses_of(target, may_be_private=True) == ["10.0.0.1", "169.254.169.254"]
    means("10.0.0.1", "8.8.8.8", "8.8.8.8")
    assert addresses_of(target, may_be_private=False) == ["8.8.8.8"], "the private one is never connected to"


def test_address_is_taken_apart() -> None:
    target = target_of("https://Films.Example:8443/a%20b.mp4?x=1#t=5", may_be_private=False)
    assert (target.host, target.port, target.path) == ("films.example", 8443, "/a%20b.mp4?x=1")
    assert target.authority == "films.example:8443"
    assert target_of("https://[2606:4700::1]", may_be_private=False).authority == "[2606:4700::1]"


BAD = [
    *("", "films", "/a.mp4", "//films.example/a", "ftp://films.example/a", "file:///etc/passwd", "data:,a", "https://"),
    *("https:///a", "https://user@films.example/", "https://user:secret@films.example/", "https://@films.example/"),
    *("https://films.example:0/", "https://films.example:99999/", "https://films.example:x/", "https://[::1/"),
    *("https://films.example/a b", "https://films.example/\r\nHost: x", "https://films.example/ü", "https://f\0/"),
    "https://films.example/" + "a" * 2_000,
]


@pytest.mark.parametrize("url", BAD)
def test_address_that_can_not_be_used_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        target_of(url, may_be_private=True)


def test_http_is_for_those_who_allow_private_addresses() -> None:
    assert target_of("http://films.example/a", may_be_private=True).port == 80
    with pytest.raises(AddressRefused, match=r"https"):
        target_of("http://films.example/a", may_be_private=False)


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..example"])
def test_name_that_can_not_be_one_is_refused(host: str) -> None:
    target = target_of(f"https://{host}/", may_be_private=False)
    with pytest.raises((AddressRefused, OSError)):
        addresses_of(target, may_be_private=False)


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["http://films.example/a.mp4", "https://user:x@films.example/", "https://a b/"])
def test_api_says_at_once_what_is_wrong_with_an_address(url: str) -> None:
    answer: Any = Program().make(source_url=url)
    assert (answer.status_code, list(answer.json())) == (400, ["source_url"])
