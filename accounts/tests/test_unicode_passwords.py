"""Passwords are compared by their characters, not by how a keyboard encodes them."""

import time
import unicodedata
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password
from django.test import Client

from accounts import passwords
from accounts.errors import PasswordRefused
from accounts.hashers import Argon2, AsTyped
from accounts.models import User
from accounts.tests.conftest import Post
from accounts.tests.factories import UserFactory
from accounts.tests.test_registration import form

pytestmark = pytest.mark.django_db

COMPOSED = "caf\u00e9 am fluss 7"  # as on Linux and Windows
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)  # as a Mac may type it
LIGATURES = "\ufb01ve \ufb02ying \u2168 ducks"  # "five flying IX ducks" in compatibility characters


@pytest.fixture(autouse=True)
def cheap_hashes() -> None:
    """In place of the one for all tests: here hashes are made as in production."""


def sign_in(post: Post, password: str) -> int:
    status: int = post("login/", {"email": "dora@example.com", "password": password}).status_code
    return status


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        (COMPOSED, DECOMPOSED),
        (DECOMPOSED, COMPOSED),
        (LIGATURES, "five flying IX ducks"),
        ("five flying IX ducks", LIGATURES),
        ("\uff41 quiet river at \uff15", "a quiet river at 5"),
    ],
)
def test_same_characters_open_however_they_are_written(post: Post, chosen: str, typed: str) -> None:
    """NIST SP 800-63B 5.1.1.2: NFKC or NFKD before hashing."""
    assert post("register/", form(password=chosen)).status_code == 201
    User.objects.update(is_active=True)
    assert sign_in(post, typed) == 200
    assert sign_in(post, chosen) == 200
    assert sign_in(post, typed + "x") == 401
    assert sign_in(post, typed.swapcase()) == 401


@pytest.mark.parametrize("hasher", [AsTyped(), PBKDF2PasswordHasher()])
def test_older_hash_still_lets_its_owner_in(post: Post, client: Client, hasher: Any) -> None:
    UserFactory.create(email="dora@example.com", username="dora", staff=True)
    User.objects.update(password=hasher.encode(DECOMPOSED, "a-salt-of-those-days"))
    client.post("/admin/login/", {"username": "dora", "password": DECOMPOSED})
    assert "_auth_user_id" in client.session
    assert sign_in(post, DECOMPOSED) == 200


def test_passwords_set_anywhere_are_stored_alike(ada: User) -> None:
    ada.set_password(DECOMPOSED)
    assert ada.check_password(COMPOSED)
    for written in (COMPOSED, DECOMPOSED):
        assert AsTyped().verify(COMPOSED, make_password(written))
        assert check_password(DECOMPOSED, make_password(written))


def test_common_password_in_other_characters_is_refused_everywhere(post: Post, ada: User) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in "password123")
    assert post("register/", form(password=wide)).status_code == 400
    with pytest.raises(PasswordRefused) as refused:
        passwords.check_strength(wide, ada)
    assert refused.value.sentences == ["This password is too common."]


@pytest.mark.parametrize("password", ["wrong", DECOMPOSED])
def test_wrong_password_costs_the_same_whoever_it_is_for(ada: User, password: str) -> None:
    """OWASP ASVS 5.0 6.3.8: as many hashes for nobody, and for somebody without a password, as for a wrong one."""
    without = UserFactory.create()
    without.set_unusable_password()
    without.save()
    hashed: dict[str, int] = {}
    verify = AsTyped.verify
    passwords.decoy()

    for name, user in (("nobody", None), ("ada", ada), ("without", without)):
        calls: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(AsTyped, "verify", lambda *of, calls=calls: calls.append(of[1]) or verify(*of))
            patch.setattr(AsTyped, "encode", lambda *of, calls=calls: calls.append(of[1]) or "")
            assert not passwords.is_right(user, password)
        hashed[name] = len(calls)
    assert set(hashed.values()) == {1 if password == "wrong" else 2}


def test_long_password_of_odd_characters_is_no_burden(ada: User) -> None:
    """One character can become 18 (U+FDFA)."""
    began = time.process_time()
    assert not passwords.is_right(ada, "\ufdfa" * 4_096)
    assert time.process_time() - began < 5


def test_argon2_is_what_hashes(ada: User) -> None:
    ada.set_password("a quiet river at 6")
    assert ada.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert not Argon2().must_update(ada.password)
