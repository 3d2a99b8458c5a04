"""Where the web server listens, and which name people use to reach it.

To a browser `localhost` and `127.0.0.1` are two sites, and a page on one sends no cookies to the other. So people are
told one name, and the server listens on both addresses of that name: the client decides which one it tries first.
"""

import socket

LOCALHOST = "localhost"
LOOPBACK = ("127.0.0.1", "::1")
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (looked up, not listened on)


def addresses(host: str) -> list[str]:
    """What to listen on for a value of HOST: for `localhost` each of its addresses that this machine has."""
    if host != LOCALHOST:
        return [host]
    return [address for address in LOOPBACK if is_ours(address)] or list(LOOPBACK[:1])


def is_ours(address: str) -> bool:
    """Whether this machine has the address. False if it has no IPv6, or no loopback address of that kind."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def reachable(host: str) -> str:
    """The address at which this machine itself reaches a server that listens on `host`."""
    address = addresses(host)[0]
    return WILDCARDS.get(address, address)


def site(host: str, port: int) -> str:
    """The address to show to people: with `localhost` wherever that leads there."""
    name = LOCALHOST if host in (*WILDCARDS, LOOPBACK[0]) else host
    return f"http://{bracketed(name)}:{port}"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
