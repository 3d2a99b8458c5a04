"""The second factor of staff: set up, asked for, used up, reset; in the admin and by the API."""

import re
import time
from base64 import b32decode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session as AdminSession
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings
from time_machine import TimeMachineFixture

from accounts import cookies, services
from accounts.admin_sign_in import second_factor
from accounts.errors import CodeMissing, CodeRefused
from accounts.mailing import links
from accounts.models import RecoveryCode, Session, User
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD, UserFactory, signed_in

pytestmark = pytest.mark.django_db

LOGIN, CODE, OWN, INDEX = "/admin/login/", "/admin/second-factor/code/", "/admin/second-factor/", "/admin/"
WRONG = "This code is wrong, or was used before."
SAYS_WHO = {"email": "carol@example.com", "password": PASSWORD}


def code_of(key: str, *, steps: int = 0) -> str:
    """What the app shows, some steps of 30 s from now."""
    return f"{totp(bytes.fromhex(key), t0=-30 * steps):06d}"


def right_code(user: User, *, steps: int = 0) -> str:
    return code_of(TOTPDevice.objects.get(user=user).key, steps=steps)


@pytest.fixture(autouse=True)
def beginning_of_a_step(time_machine: TimeMachineFixture) -> None:
    """No code grows old between two lines of a test."""
    time_machine.move_to((time.time() // 30 + 1) * 30)


@pytest.fixture
def recovery_codes(carol: User) -> list[str]:
    """Carol's second factor is on; the step of now is not used up."""
    key = second_factor.new_key()
    codes = second_factor.switch_on(carol, second_factor.NewKey(key), code_of(key))
    TOTPDevice.objects.update(last_t=-1)
    return codes


def log_in(client: Client, *, password: str = PASSWORD, next_url: str = "") -> Any:
    query = f"?next={next_url}" if next_url else ""
    return client.post(f"{LOGIN}{query}", {"username": "carol", "password": password})


def is_in(client: Client) -> bool:
    return client.get(INDEX).status_code == 200


def test_password_alone_signs_nobody_in_and_the_code_leads_where_they_wanted(
    client: Client, carol: User, recovery_codes: list[str]
) -> None:
    answer = log_in(client, next_url="/admin/accounts/user/")
    assert (answer.status_code, answer["Location"]) == (302, CODE)
    assert not is_in(client)
    assert client.get("/api/video/").status_code == 401
    assert client.get(OWN).status_code == 302
    assert cookies.DEVICE not in client.cookies

    assert client.get(CODE).status_code == 200
    assert WRONG in client.post(CODE, {"code": "000000"}).content.decode()
    assert not is_in(client)
    answer = client.post(CODE, {"code": right_code(carol)})

    assert answer["Location"] == "/admin/accounts/user/"
    assert is_in(client)
    assert cookies.DEVICE in client.cookies


def test_redirect_after_the_code_stays_here(client: Client, carol: User, recovery_codes: list[str]) -> None:
    log_in(client, next_url="https://evil.example/")

    assert client.post(CODE, {"code": right_code(carol)})["Location"] == INDEX


def test_code_page_is_nobodys_without_a_password_or_after_too_long_or_with_a_new_password(
    client: Client, carol: User, recovery_codes: list[str], time_machine: TimeMachineFixture
) -> None:
    assert client.get(CODE)["Location"] == LOGIN
    log_in(client, password="wrong")
    assert client.post(CODE, {"code": right_code(carol)})["Location"] == LOGIN
    log_in(client)
    time_machine.shift(timedelta(minutes=11))
    assert client.post(CODE, {"code": right_code(carol)})["Location"] == LOGIN
    log_in(client)
    carol.set_password("another quiet river")
    carol.save()
    assert client.post(CODE, {"code": right_code(carol)})["Location"] == LOGIN
    assert not is_in(client)


def test_strangers_leave_no_session_behind_or_one_for_minutes(
    client: Client, carol: User, recovery_codes: list[str], time_machine: TimeMachineFixture
) -> None:
    """All of them are looked through where people are signed out of the admin: they are to be few."""
    for page in (CODE, "/admin/second-factor/", LOGIN, "/admin/", "/admin/forgotten-password/", "/admin/new-password/"):
        Client().get(page)
    assert not AdminSession.objects.exists()
    Client().post("/admin/forgotten-password/", {"email": "nobody@example.com"})
    link = parse_qs(urlsplit(links.password_reset_url(carol)).query)
    new = f"/admin/new-password/?uid={link['uid'][0]}&token={link['token'][0]}"
    assert Client().post(new, {"password": "another quiet river", "again": "another quiet river"}).status_code == 302
    log_in(client, password="another quiet river")
    assert AdminSession.objects.count() == 3
    assert AdminSession.objects.filter(expire_date__lt=timezone.now() + timedelta(minutes=11)).count() == 3
    time_machine.shift(timedelta(minutes=9))
    client.post(CODE, {"code": right_code(carol)})
    assert is_in(client)
    assert AdminSession.objects.filter(expire_date__gt=timezone.now() + timedelta(days=13)).count() == 1


def test_deactivated_at_the_second_step(client: Client, carol: User, recovery_codes: list[str]) -> None:
    log_in(client)
    User.objects.update(is_active=False)

    assert client.post(CODE, {"code": right_code(carol)})["Location"] == LOGIN


@pytest.mark.parametrize(("steps", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clock_may_differ_by_one_step(carol: User, recovery_codes: list[str], steps: int, is_good: bool) -> None:
    code = right_code(carol, steps=steps)
    if is_good:
        second_factor.check(carol, code)
    else:
        with pytest.raises(CodeRefused):
            second_factor.check(carol, code)


def test_clock_may_not_go_on_drifting(carol: User, recovery_codes: list[str], time_machine: TimeMachineFixture) -> None:
    second_factor.check(carol, right_code(carol, steps=1))
    time_machine.shift(timedelta(minutes=5))

    with pytest.raises(CodeRefused):
        second_factor.check(carol, right_code(carol, steps=2))


def test_no_code_works_twice_nor_an_older_one_after_it(
    carol: User, recovery_codes: list[str], time_machine: TimeMachineFixture
) -> None:
    older, code = right_code(carol, steps=-1), right_code(carol)
    second_factor.check(carol, code)
    for again in (code, older):
        with pytest.raises(CodeRefused):
            second_factor.check(carol, again)
    time_machine.shift(timedelta(seconds=30))
    second_factor.check(carol, right_code(carol))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_of_many_at_once_one_code_lets_one_in(carol: User, recovery_codes: list[str], kind: str) -> None:
    code = right_code(carol) if kind == "app" else recovery_codes[3]

    def is_let_in(number: int) -> bool:
        try:
            second_factor.check(carol, code)
        except CodeRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(is_let_in, range(8))) == 1


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "\uff11\uff12\uff13\uff14\uff15\uff16", "-12345", "12345a", "\x00" * 6, "x" * 64]
)
def test_odd_codes_are_wrong_codes(carol: User, recovery_codes: list[str], code: str) -> None:
    with pytest.raises(CodeRefused):
        second_factor.check(carol, code)


def test_recovery_code_works_once_however_it_is_typed_and_is_kept_as_a_hash(
    client: Client, carol: User, recovery_codes: list[str]
) -> None:
    assert len(set(recovery_codes)) == 10
    kept = set(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert not [code for code in recovery_codes if code in kept or code.replace("-", "") in kept]
    log_in(client)
    typed = recovery_codes[0].upper().replace("-", " ")
    assert client.post(CODE, {"code": typed}).status_code == 302
    assert is_in(client)
    assert second_factor.recovery_codes_left(carol) == 9

    other = Client()
    log_in(other)
    assert other.post(CODE, {"code": recovery_codes[0]}).status_code == 200
    assert other.post(CODE, {"code": recovery_codes[1]}).status_code == 302


def test_codes_of_others_are_wrong(carol: User, recovery_codes: list[str]) -> None:
    eve = UserFactory.create(staff=True)

    for code in (recovery_codes[0], right_code(carol)):
        with pytest.raises(CodeRefused):
            second_factor.check(eve, code)


def test_wrong_codes_are_counted_like_passwords(
    client: Client, carol: User, recovery_codes: list[str], settings: Settings
) -> None:
    settings.THROTTLE_SIGN_IN = "3/5minutes"
    log_in(client)
    for _ in range(3):
        assert WRONG in client.post(CODE, {"code": "000000"}).content.decode()
    page = client.post(CODE, {"code": right_code(carol)}).content.decode()

    assert re.search(r"Too many attempts. Please try again later. Wait [56] minutes.", page)
    assert not is_in(client)


def test_wrong_codes_of_an_account_are_counted_for_all_addresses_and_passwords_forgive_none(
    client: Client, carol: User, recovery_codes: list[str], settings: Settings
) -> None:
    settings.THROTTLE_SECOND_FACTOR = "4/day"
    for number in range(4):
        elsewhere = Client(REMOTE_ADDR=f"198.51.100.{number}")
        log_in(elsewhere)
        elsewhere.post(CODE, {"code": "000000"})
    log_in(client)

    assert "Too many attempts" in client.post(CODE, {"code": right_code(carol)}).content.decode()
    body = {**SAYS_WHO, "otp": right_code(carol)}
    assert client.post("/api/login/", body, content_type="application/json").status_code == 429


def test_browser_that_is_known_is_not_locked_out_by_others(
    client: Client, carol: User, recovery_codes: list[str], settings: Settings
) -> None:
    settings.THROTTLE_SECOND_FACTOR = "1/day"
    log_in(client)
    client.post(CODE, {"code": recovery_codes[0]})
    client.post("/admin/logout/")
    stranger = Client()
    log_in(stranger)
    stranger.post(CODE, {"code": "000000"})
    assert "Too many" in stranger.post(CODE, {"code": recovery_codes[1]}).content.decode()

    log_in(client)
    assert client.post(CODE, {"code": recovery_codes[1]}).status_code == 302


def test_browser_that_was_known_before_there_was_a_second_factor_has_no_more_tries(
    client: Client, carol: User, settings: Settings
) -> None:
    """Whoever had the password then knows it still, and the cookie lasts a year."""
    settings.THROTTLE_SECOND_FACTOR = "2/day"
    log_in(client)
    assert cookies.DEVICE in client.cookies
    client.post("/admin/logout/")
    key = second_factor.new_key()
    codes = second_factor.switch_on(carol, second_factor.NewKey(key), code_of(key))
    log_in(client)
    for _ in range(2):
        assert WRONG in client.post(CODE, {"code": "000000"}).content.decode()

    assert "Too many attempts" in client.post(CODE, {"code": codes[0]}).content.decode()
    assert not is_in(client)


def test_browser_that_has_shown_a_code_has_its_own_tries_in_a_day(
    client: Client, carol: User, recovery_codes: list[str], settings: Settings
) -> None:
    settings.THROTTLE_SECOND_FACTOR = "2/day"
    log_in(client)
    client.post(CODE, {"code": recovery_codes[0]})
    client.post("/admin/logout/")
    log_in(client)
    for _ in range(2):
        client.post(CODE, {"code": "000000"})
    assert "Too many attempts" in client.post(CODE, {"code": recovery_codes[1]}).content.decode()

    elsewhere = Client()
    log_in(elsewhere)
    assert elsewhere.post(CODE, {"code": recovery_codes[1]}).status_code == 302


def key_on(page: str) -> str:
    found = re.search(r'vf-typed">([A-Z2-7 ]+)<', page)
    assert found
    return b32decode(found[1].replace(" ", "")).hex()


def test_setting_up_shows_a_key_takes_a_code_and_signs_out_everywhere_else(admin: Client, carol: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(carol)
    session, _ = signed_in(carol)
    page = admin.get(OWN).content.decode()
    key = key_on(page)
    assert "<svg" in page
    assert "data:image" not in page
    assert key_on(admin.get(OWN).content.decode()) == key, "another tab shows the same"
    assert not second_factor.is_on(carol)
    assert WRONG in admin.post(OWN, {"code": "000000", "password": PASSWORD}).content.decode()

    answer = admin.post(OWN, {"code": code_of(key), "password": PASSWORD})

    codes = re.findall(r"\b(?:[a-z2-9]{4}-){5}[a-z2-9]{4}\b", answer.content.decode())
    assert len(codes) == 10
    assert "no-store" in answer["Cache-Control"]
    assert second_factor.is_on(carol)
    assert is_in(admin)
    assert not is_in(elsewhere)
    session.refresh_from_db()
    assert not session.is_live
    assert codes[0] not in admin.get(OWN).content.decode()
    second_factor.check(carol, codes[0])


def test_setting_up_takes_the_password_of_who_is_signed_in(admin: Client, carol: User, settings: Settings) -> None:
    """OWASP ASVS 5.0 7.5.1: else whoever finds an open browser locks its owner out with an app of their own."""
    key = key_on(admin.get(OWN).content.decode())
    assert "This field is required." in admin.post(OWN, {"code": code_of(key)}).content.decode()
    settings.THROTTLE_SIGN_IN = "2/hour"
    for _ in range(2):
        page = admin.post(OWN, {"code": code_of(key), "password": "wrong"}).content.decode()
        assert "This password is wrong." in page
    assert "Too many attempts" in admin.post(OWN, {"code": code_of(key), "password": PASSWORD}).content.decode()

    assert not second_factor.is_on(carol)


def test_setting_up_without_a_password_takes_a_code_alone(admin: Client, carol: User) -> None:
    User.objects.update(password="!")
    admin.force_login(User.objects.get())
    page = admin.get(OWN).content.decode()
    assert 'name="password"' not in page

    admin.post(OWN, {"code": code_of(key_on(page))})

    assert second_factor.is_on(carol)


def test_new_recovery_codes_replace_the_old(admin: Client, carol: User, recovery_codes: list[str]) -> None:
    page = admin.post(OWN, {"code": recovery_codes[0], "renew": ""}).content.decode()

    assert "not shown again" in page
    assert second_factor.recovery_codes_left(carol) == 10
    with pytest.raises(CodeRefused):
        second_factor.check(carol, recovery_codes[1])


@pytest.mark.parametrize("proof", ["app", "recovery", "password"])
def test_switching_it_off_takes_a_code_or_the_password(
    admin: Client, carol: User, recovery_codes: list[str], proof: str
) -> None:
    for wrong in ({}, {"code": "000000"}, {"password": "wrong"}):
        assert admin.post(OWN, {**wrong, "switch_off": ""}).status_code == 200
    assert second_factor.is_on(carol)
    given = {
        "app": {"code": right_code(carol)},
        "recovery": {"code": recovery_codes[0]},
        "password": {"password": PASSWORD},
    }[proof]

    assert admin.post(OWN, {**given, "switch_off": ""})["Location"] == OWN

    assert not second_factor.is_on(carol)
    assert not RecoveryCode.objects.exists()
    assert is_in(admin)


def test_required_of_all_staff_leads_to_the_set_up_page_and_nowhere_else(
    client: Client, carol: User, settings: Settings
) -> None:
    settings.ADMIN_REQUIRE_2FA = True
    assert log_in(client, next_url="/admin/accounts/user/")["Location"] == OWN
    for path in (INDEX, "/admin/accounts/user/", "/admin/password_change/"):
        assert client.get(path)["Location"].startswith(LOGIN)
    assert client.get("/api/video/").status_code == 401
    assert client.get(CODE).status_code == 200
    page = client.get(OWN).content.decode()

    answer = client.post(OWN, {"code": code_of(key_on(page))})

    assert "/admin/accounts/user/" in answer.content.decode()
    assert is_in(client)
    assert client.get("/api/video/").status_code == 200


def test_sessions_from_before_it_was_required_are_no_way_in(admin: Client, carol: User, settings: Settings) -> None:
    _, pair = signed_in(carol)
    bearer = Client(headers={"Authorization": f"Bearer {pair.access}"})
    assert is_in(admin)
    assert bearer.get("/api/webhooks/").status_code == 200

    settings.ADMIN_REQUIRE_2FA = True

    assert not is_in(admin)
    assert admin.get("/api/video/").status_code == 401
    assert bearer.get("/api/webhooks/").status_code == 403
    assert bearer.get("/api/video/").status_code == 200, "as a viewer"


def test_required_and_switched_off_is_set_up_anew(
    client: Client, carol: User, recovery_codes: list[str], settings: Settings
) -> None:
    settings.ADMIN_REQUIRE_2FA = True
    log_in(client)
    client.post(CODE, {"code": recovery_codes[0]})
    assert client.post(OWN, {"code": recovery_codes[1], "switch_off": ""})["Location"] == LOGIN

    assert not is_in(client)
    assert log_in(client)["Location"] == OWN


def test_viewers_need_none_where_it_is_required(post: Post, ada: User, settings: Settings) -> None:
    settings.ADMIN_REQUIRE_2FA = True

    assert post("login/", {"email": ada.email, "password": PASSWORD}).status_code == 200


def test_api_asks_for_the_code_with_a_word_that_frontends_go_by(
    post: Post, client: Client, carol: User, recovery_codes: list[str]
) -> None:
    refused = post("login/", SAYS_WHO)
    assert (refused.status_code, refused.json()["code"]) == (401, "second_factor_required")
    assert not Session.objects.exists()
    assert cookies.DEVICE not in client.cookies
    wrong = post("login/", {**SAYS_WHO, "otp": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "second_factor_refused")
    wrong = post("login/", {"email": carol.email, "password": "wrong", "otp": right_code(carol)})
    assert (wrong.status_code, "code" in wrong.json()) == (401, False)

    assert post("login/", {**SAYS_WHO, "otp": right_code(carol)}).status_code == 200
    assert Session.objects.get().has_second_factor
    assert client.get("/api/webhooks/").status_code == 200
    assert post("login/", {**SAYS_WHO, "otp": right_code(carol)}).status_code == 401, "used up"
    assert post("login/", {**SAYS_WHO, "otp": recovery_codes[0]}).status_code == 200


def test_staff_with_a_code_are_staff_by_the_api_where_it_is_required(
    post: Post, client: Client, carol: User, recovery_codes: list[str], settings: Settings
) -> None:
    settings.ADMIN_REQUIRE_2FA = True
    assert post("login/", {**SAYS_WHO, "otp": right_code(carol)}).status_code == 200

    assert client.get("/api/webhooks/").status_code == 200


def test_code_is_ignored_where_there_is_no_second_factor(post: Post, ada: User) -> None:
    assert post("login/", {"email": ada.email, "password": PASSWORD, "otp": "123456"}).status_code == 200


def test_new_password_leaves_it_as_it_is(carol: User, recovery_codes: list[str]) -> None:
    link = dict(part.split("=") for part in links.password_reset_url(carol).partition("?")[2].split("&"))
    services.reset_password(link["uid"], link["token"], "another quiet river", address="127.0.0.1")

    with pytest.raises(CodeMissing):
        services.sign_in(carol.email, "another quiet river", address="127.0.0.1", agent="")


def test_superuser_resets_anothers_and_not_their_own(admin: Client, carol: User, recovery_codes: list[str]) -> None:
    eve = UserFactory.create(staff=True)
    key = second_factor.new_key()
    second_factor.switch_on(eve, second_factor.NewKey(key), code_of(key))
    session, _ = signed_in(eve)
    chosen = {"action": "reset_second_factor", "_selected_action": [eve.pk, carol.pk]}

    page = admin.post("/admin/accounts/user/", chosen, follow=True).content.decode()

    assert "Second factors reset: 1." in page
    assert second_factor.is_on(carol)
    assert not second_factor.is_on(eve)
    session.refresh_from_db()
    assert not session.is_live


def test_staff_reset_nobodys(client: Client, carol: User, recovery_codes: list[str]) -> None:
    eve = UserFactory.create(staff=True)
    eve.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    client.force_login(eve)
    client.post("/admin/accounts/user/", {"action": "reset_second_factor", "_selected_action": [carol.pk]})

    assert second_factor.is_on(carol)


def test_command_resets_the_last_ones(
    carol: User, recovery_codes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("second_factor", "reset", "Carol")

    assert not second_factor.is_on(carol)
    assert "no second factor any more" in capsys.readouterr().out
    with pytest.raises(CommandError, match="has no second factor"):
        call_command("second_factor", "reset", "carol@example.com")
    with pytest.raises(CommandError, match="There is no user"):
        call_command("second_factor", "reset", "nobody")


def test_no_page_of_the_admin_shows_keys(admin: Client, recovery_codes: list[str]) -> None:
    assert admin.get("/admin/otp_totp/totpdevice/").status_code == 404
    assert "TOTP" not in admin.get(INDEX).content.decode()


def test_app_takes_in_the_key_that_the_page_shows(carol: User) -> None:
    new = second_factor.NewKey(second_factor.new_key())
    address = new.device(carol).config_url

    assert address.startswith("otpauth://totp/Videoflix%3Acarol?")
    assert f"secret={new.text.replace(' ', '')}" in address
