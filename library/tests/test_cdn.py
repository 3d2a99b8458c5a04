"""Signed addresses of a CDN, by the vectors that its maker publishes, and by what nginx computes."""

import hashlib
from base64 import urlsafe_b64encode

import pytest

from library.delivery.cdn import WINDOW_S, Cdn, signed_for_bunny, signed_for_nginx

KEY = "a key of the CDN's own"
NOW_S = 1_800_000_123.7


def test_bunny_s_own_vector() -> None:
    """`path_only` of https://github.com/BunnyWay/BunnyCDN.TokenAuthentication (e2e/inputs.json, e2e/vectors.json)."""
    signed = signed_for_bunny("SecurityKey", "/abc", 1_598_024_587, "")
    parts = dict(part.split("=") for part in signed.removeprefix("/").split("&"))
    assert parts == {
        "bcdn_token": "HS256-uVZvT3SbEoVKYJyDJgbcsDmSFf73cv-uNUVaJiKWpbQ",
        "token_path": "%2Fabc",
        "expires": "1598024587",
    }


def test_nginx_s_link_is_a_digest_of_end_session_folder_and_key() -> None:
    digest = hashlib.md5(f"1800014400 0f /videoflix/hls/12/1/ {KEY}".encode()).digest()
    told = urlsafe_b64encode(digest).decode().rstrip("=")
    assert signed_for_nginx(KEY, "/videoflix/hls/12/1/", 1_800_014_400, "0f") == f"/{told}/1800014400/0f"


@pytest.mark.parametrize("kind", ["nginx", "bunny"])
def test_an_address_is_of_one_folder_and_one_session(kind: str) -> None:
    cdn = Cdn("https://cdn.example.com", KEY, "nginx" if kind == "nginx" else "bunny", 14_400)
    made = [
        cdn.folder(f"hls/12/{version}/", session=session, now_s=NOW_S) for version in (1, 2) for session in ("1a", "2b")
    ]
    assert len(set(made)) == 4
    assert all(address.startswith("https://cdn.example.com/") for address in made)
    assert made[0].endswith("/hls/12/1/")
    assert KEY not in "".join(made) + repr(cdn)


@pytest.mark.parametrize("session", ["0", "257", "ffffffffffffffff"])
def test_an_address_stays_for_a_while_and_never_outlives_its_time(session: str) -> None:
    cdn = Cdn("https://cdn.example.com", KEY, "nginx", 14_400)
    ends = [cdn.ends_at(session, NOW_S + second) - NOW_S - second for second in range(3 * WINDOW_S)]
    assert all(14_400 - WINDOW_S - 1 < left <= 14_400 for left in ends)
    assert len({cdn.ends_at(session, NOW_S + second) for second in range(3 * WINDOW_S)}) in (3, 4)
