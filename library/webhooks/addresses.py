"""Which addresses events are sent to: https, to a machine of the public internet.

A name is looked up once, and the connection goes to the address that was found and checked; so a name that says
something else to the next question changes nothing. WEBHOOK_ALLOW_PRIVATE also lets in http and private addresses.
"""

import socket
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from library.webhooks.errors import AddressRefused

PORTS = {"https": 443, "http": 80}
NOT_PUBLIC = "This address does not belong to a machine of the public internet."


@dataclass(frozen=True)
class Target:
    """What an address says, in parts. `path` has the query."""

    is_encrypted: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS["https" if self.is_encrypted else "http"] else f"{name}:{self.port}"


def target_of(url: str, *, may_be_private: bool) -> Target:
    """Raises AddressRefused for what can't be an endpoint; names are not looked up yet."""
    if not url.isascii() or any(character.isspace() or not character.isprintable() for character in url):
        raise AddressRefused("Write the address in ASCII without spaces; percent-encode other characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("This is not an address.") from None
    accepted = ("https", "http") if may_be_private else ("https",)
    if parts.scheme not in accepted or not parts.hostname:
        raise AddressRefused(f"Send an address that begins with {' or '.join(f'{scheme}://' for scheme in accepted)}.")
    if parts.username is not None or parts.fragment:
        raise AddressRefused("Leave out names and passwords before the host, and what follows #.")
    target = Target(
        is_encrypted=parts.scheme == "https",
        host=parts.hostname,
        port=PORTS[parts.scheme] if port is None else port,
        path=f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}",
    )
    if not may_be_private and not all(map(is_public, numeric(target))):
        raise AddressRefused(NOT_PUBLIC)
    return target


def numeric(target: Target) -> list[str]:
    """The address that the host is, in any way of writing it ("2130706433", "0x7f.1"); empty for a name."""
    try:
        return looked_up(target, flags=socket.AI_NUMERICHOST)
    except OSError:
        return []


def resolved(target: Target, *, may_be_private: bool) -> list[str]:
    """The addresses to connect to. Raises AddressRefused where there are none, or none that may be reached."""
    try:
        found = looked_up(target)
    except OSError:
        raise AddressRefused(f"There is no machine called {target.host}.") from None
    allowed = [address for address in found if may_be_private or is_public(address)]
    if not allowed:
        raise AddressRefused(NOT_PUBLIC)
    return allowed


def looked_up(target: Target, *, flags: int = 0) -> list[str]:
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether it belongs to one machine of the public internet.

    IPv6 addresses that stand for an IPv4 address, by whichever scheme, are left out: who translates them is not known.
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and (ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip.packed[0] >> 5 != 1):
        return False  # 2000::/3 is what is handed out to machines (RFC 4291 2.4)
    return ip.is_global and not ip.is_multicast
