"""Three people: Ada watches videos, Bob registered but never followed the link, Carol runs the place."""

from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from django.conf import settings as program
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.single_sign_on.identity_provider import IdentityProvider
from accounts.tests.factories import UserFactory
from accounts.tests.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from accounts.throttling import counters


def forget_everything() -> None:
    if program.REDIS_URL:
        counters().reset()


class Post(Protocol):
    def __call__(self, path: str, body: object = None, **options: Any) -> Any: ...


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Tries may be counted in Redis: no test sees another's."""
    yield
    forget_everything()


@pytest.fixture
def ada(db: None) -> User:
    return UserFactory.create(email="ada@example.com")


@pytest.fixture
def bob(db: None) -> User:
    return UserFactory.create(email="bob@example.com", waiting=True)


@pytest.fixture
def carol(db: None) -> User:
    return UserFactory.create(email="carol@example.com", username="carol", superuser=True)


@pytest.fixture
def admin(client: Client, carol: User) -> Client:
    """Django's test client, in which Carol is signed in to the admin."""
    client.force_login(carol)
    return client


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """An identity provider on loopback, which the settings name."""
    with running_provider() as running:
        settings.OIDC = IdentityProvider(running.issuer, CLIENT_ID, CLIENT_SECRET, "Example ID")
        yield running


@pytest.fixture
def post(client: Client) -> Post:
    """POST a JSON body below /api/ with the client's cookies."""

    def send(path: str, body: object = None, **options: Any) -> Any:
        return client.post(f"/api/{path}", body, content_type="application/json", **options)

    return send
