"""Which addresses the program may ask by itself, when somebody else has chosen them.

A name is looked up once, and what it means is judged, not how it is spelled: so it makes no difference whether an
address is written in octal, decimal or hexadecimal numbers, or inside of another (IPv6-mapped, NAT64). The connection
is then made to the address that was judged (library.outgoing.connection), whatever the name means a moment later.
"""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 7526: no longer in use
TEREDO = IPv6Network("2001::/32")
SITE_LOCAL = IPv6Network("fec0::/10")
PORTS = {"https": 443, "http": 80}
LONGEST = 2_000  # characters of an address


class AddressRefused(Exception):
    """An address that may not be asked; the message is a sentence."""


@dataclass(frozen=True)
class Target:
    """Where a request goes to."""

    scheme: str
    host: str
    port: int
    path: str  # with the query

    @property
    def authority(self) -> str:
        """For the header `Host`."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"


def target_of(url: str, *, may_be_private: bool) -> Target:
    """What an address says. Raises AddressRefused for one that can't be used, whatever its host is."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise AddressRefused(f"An address has at most {LONGEST} characters, all of them ASCII, and no spaces.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused("This is no address.") from None
    if parts.scheme not in (("https", "http") if may_be_private else ("https",)):
        raise AddressRefused("Give an address with https or http." if may_be_private else "Give an https address.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("An address with a user or password in it is not used.")
    if not host or port == 0:
        raise AddressRefused("This is no address.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def check_literal(target: Target) -> None:
    """Raises AddressRefused where the host is no name but an address, spelled in any way, that may not be asked.

    So people are told at once. Names are looked up when the connection is made.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return
    if not all(is_public(str(entry[4][0])) for entry in found):
        raise AddressRefused("The host is not a public one.")


def addresses_of(target: Target, *, may_be_private: bool) -> list[str]:
    """The addresses that the host has now and that may be asked. Raises AddressRefused; OSError where it has none."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except UnicodeError:  # a label that is empty or too long
        raise AddressRefused("This is no address.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = [address for address in addresses if may_be_private or is_public(address)]
    if not allowed:
        raise AddressRefused("The host is not a public one.")
    return allowed


def is_public(address: str) -> bool:
    """Whether it is anybody's on the internet: not this machine's, this network's, or one with a special use."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if found in NAT64:
            return is_public(str(IPv4Address(int(found) & 0xFFFF_FFFF)))
        if any(found in network for network in (SIX_TO_FOUR, TEREDO, SITE_LOCAL)):
            return False
    is_special = found.is_private or found.is_loopback or found.is_link_local or found.is_multicast
    return found.is_global and not (is_special or found.is_reserved or found.is_unspecified)
