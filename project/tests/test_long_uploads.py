"""An upload can go on after its access token has expired, but not after its session has ended."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from accounts.sessions import Pair
from accounts.tests.factories import signed_in
from library.models import Video
from library.tests.factories import AdministratorFactory
from library.tests.test_uploads import PIECE, ROOT, VIDEO, begin, metadata, send

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "uploads"
    settings.DISK_RESERVE_BYTES = 0


@pytest.fixture
def dora(db: None) -> User:
    made: User = AdministratorFactory.create()
    return made


@pytest.fixture
def tokens(dora: User) -> Pair:
    return signed_in(dora)[1]


def by(token: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def url(tokens: Pair) -> str:
    """An upload that Dora's script has begun."""
    return str(begin(by(tokens.access), title="Harbour")["Location"])


@pytest.fixture
def later(url: str, settings: Any) -> Iterator[None]:
    """The access token has run out."""
    with time_machine.travel(timezone.now() + settings.ACCESS_LIFETIME + timedelta(minutes=1)):
        yield


def test_its_script_goes_on_with_the_token_it_has(url: str, tokens: Pair, later: None) -> None:
    script = by(tokens.access)
    assert script.head(url)["Upload-Offset"] == "0"
    assert send(script, url, VIDEO[:500], 0).status_code == 204
    assert send(script, url, VIDEO[500:], 500)["X-Video-ID"] == str(Video.objects.get().pk)


def test_its_browser_goes_on_with_the_cookie_it_has(url: str, tokens: Pair, later: None) -> None:
    """The access cookie is gone with its token."""
    browser = Client()
    browser.cookies["refresh_token"] = tokens.refresh
    assert send(browser, url, VIDEO, 0).status_code == 204


def test_it_can_be_ended(url: str, tokens: Pair, later: None) -> None:
    assert by(tokens.access).delete(url, headers={"Tus-Resumable": "1.0.0"}).status_code == 204


def test_the_token_opens_nothing_else(url: str, tokens: Pair, later: None) -> None:
    script = by(tokens.access)
    assert begin(script).status_code == 401
    assert script.get(ROOT).status_code == 401
    assert script.get("/api/video/").status_code == 401
    assert script.head(f"{ROOT}not-an-id/").status_code in (401, 404)


def test_the_address_alone_does_not_let_anybody_go_on(url: str, later: None) -> None:
    assert send(Client(), url, VIDEO, 0).status_code == 401
    assert send(by("nonsense"), url, VIDEO, 0).status_code == 401


def test_another_session_s_token_has_run_out(url: str, dora: User, later: None) -> None:
    with time_machine.travel(timezone.now() - timedelta(hours=1)):
        own = signed_in(dora)[1]
        foreign = signed_in(AdministratorFactory.create())[1]
    assert send(by(own.access), url, VIDEO, 0).status_code == 401
    assert send(by(foreign.access), url, VIDEO, 0).status_code == 401
    assert send(by(signed_in(dora)[1].access), url, VIDEO, 0).status_code == 204


def test_an_older_refresh_token_is_worth_nothing(url: str, tokens: Pair, later: None) -> None:
    fresh = sessions.refresh(tokens.refresh)
    for token, status in ((tokens.refresh, 401), (fresh.refresh, 204)):
        browser = Client()
        browser.cookies["refresh_token"] = token
        assert send(browser, url, VIDEO, 0).status_code == status


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}, {"password": "another"}])
def test_it_ends_with_what_the_owner_may(
    url: str, dora: User, tokens: Pair, later: None, change: dict[str, Any]
) -> None:
    User.objects.filter(pk=dora.pk).update(**change)
    assert send(by(tokens.access), url, VIDEO, 0).status_code in (401, 403)


def test_it_ends_with_the_session(url: str, dora: User, tokens: Pair, later: None) -> None:
    sessions.end_sessions_of(dora)
    assert send(by(tokens.access), url, VIDEO, 0).status_code == 401


def test_a_token_that_was_tampered_with_is_none(url: str, tokens: Pair, later: None) -> None:
    head, claims, signature = tokens.access.split(".")
    for forged in (f"{head}.{claims}.{signature[::-1]}", f"{head}.{claims}.", f"eyJhbGciOiJub25lIn0.{claims}."):
        assert send(by(forged), url, VIDEO, 0).status_code == 401
    assert send(by(tokens.refresh), url, VIDEO, 0).status_code == 401


def test_parts_are_sent_and_joined_with_the_token_they_were_begun_with(dora: User, tokens: Pair, settings: Any) -> None:
    part = {"Tus-Resumable": "1.0.0", "Upload-Concat": "partial", "Upload-Length": str(len(VIDEO))}
    named = metadata(filename="harbour.mp4", title="Harbour")
    other = signed_in(dora)[1]
    script = by(tokens.access)
    url, others = (by(token).generic("POST", ROOT, headers=part)["Location"] for token in (tokens.access, other.access))
    with time_machine.travel(timezone.now() + settings.ACCESS_LIFETIME + timedelta(minutes=1)):
        assert send(script, url, VIDEO, 0).status_code == 204
        for parts, status in ((f"{url} {others}", 401), ("nonsense", 401), ("", 401), (url, 201)):
            final = {"Tus-Resumable": "1.0.0", "Upload-Concat": f"final;{parts}", "Upload-Metadata": named}
            assert script.generic("POST", ROOT, headers=final).status_code == status, parts
            assert script.get(ROOT, headers=final).status_code == 401
    assert Path(Video.objects.get().video_file.path).read_bytes() == VIDEO


def test_the_admin_s_session_begins_uploads_that_are_bound_to_none(dora: User, later: None) -> None:
    browser = Client()
    browser.force_login(dora)
    url = begin(browser)["Location"]
    assert send(browser, url, VIDEO, 0).status_code == 204
    assert browser.generic("PATCH", url, b"x", PIECE, headers={"Tus-Resumable": "1.0.0"}).status_code == 400
