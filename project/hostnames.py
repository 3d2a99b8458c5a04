"""Hosts and origins as people write them, turned into what browsers send. Raises ValueError for anything else."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
# A wildcard stands for whole labels at the front, as Django's CSRF_TRUSTED_ORIGINS and ALLOWED_HOSTS have it.
HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", re.ASCII)


def origin(text: str) -> str:
    """The serialised origin (RFC 6454 6.2): lower case, no default port, no slash, names in ASCII."""
    parts = urlsplit(text)
    port = parts.port
    if parts.scheme not in DEFAULT_PORTS or "@" in parts.netloc or parts.path.strip("/") or "?" in text or "#" in text:
        raise ValueError
    shown = "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host(bare(parts))}{shown}"


def allowed_host(text: str) -> str:
    """A name for ALLOWED_HOSTS, which knows no ports: `*`, `.example.com` with all names below, or one host."""
    if text == "*":
        return text
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    parts = urlsplit(f"//{text.removeprefix('.')}")
    if parts.port == 0 or parts.netloc != text.removeprefix(".") or "@" in text:
        raise ValueError
    name = host(bare(parts))
    return f".{name.removeprefix('*.')}" if text.startswith((".", "*.")) else name


def bare(parts: SplitResult) -> str:
    """The host without its port, an IPv6 address in its brackets."""
    name = parts.hostname or ""
    return f"[{name}]" if ":" in name else name


def host(name: str) -> str:
    if name.startswith("["):
        return f"[{ipaddress.IPv6Address(name[1:-1]).compressed}]"
    if not name.isascii():
        name = name.encode("idna").decode()  # a UnicodeError is a ValueError
    name = name.lower()
    if not HOST.fullmatch(name):
        raise ValueError
    return name
