"""Devices have names that people know."""

import pytest

from accounts.agents import device_name

MOZILLA = "Mozilla/5.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"{MOZILLA} (Windows NT 10.0) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        (f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/19.0 Safari/605.1.15", "Safari on macOS"),
        (
            f"{MOZILLA} (iPhone; iPhone OS 19_0 like Mac OS X) {WEBKIT} Version/19.0 Safari/604.1",
            "Safari on iPhone",
        ),
        (f"{MOZILLA} (Linux; Android 16) {WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.14.1", "curl"),
        ("A test", "A test"),
        ("", "Unknown device"),
        ("x" * 200, f"{'x' * 39}…"),
    ],
)
def test_agent_is_named(agent: str, name: str) -> None:
    assert device_name(agent) == name
