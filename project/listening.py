"""Where the web server listens, and under which name people find it there.

A browser takes `localhost` and `127.0.0.1` for two sites, and sends the cookies of one nowhere on the other. So one
name is told, and both of the addresses that it may stand for are listened on: which of them is tried first is up to
the client.
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
    """False where there is no IPv6, or no loopback address of that kind."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def reachable(host: str) -> str:
    """An address under which this machine itself reaches what listens there."""
    address = addresses(host)[0]
    return WILDCARDS.get(address, address)


def site(host: str, port: int) -> str:
    """The address to be told: by name wherever `localhost` leads there."""
    name = LOCALHOST if host in (*WILDCARDS, LOOPBACK[0]) else host
    return f"http://{bracketed(name)}:{port}"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
