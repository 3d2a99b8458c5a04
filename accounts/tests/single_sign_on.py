"""A browser's way to the identity provider and back."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from django.test import Client

BEGIN, CALLBACK = "/oidc/login/", "/oidc/callback/"
VIDEO = "/watch/video/7"


def way_back(client: Client, **query: str) -> str:
    """Go to the provider, and return the address that it sends the browser back to."""
    begun = client.get(f"{BEGIN}?{urlencode(query or {'next': VIDEO})}")
    assert begun.status_code == 302, begun.content
    answer = httpx.get(begun["Location"])
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"]).removeprefix("http://testserver")


def come(client: Client, **query: str) -> Any:
    return client.get(way_back(client, **query))


def error_of(answer: Any) -> str:
    assert answer.status_code == 302, answer.content
    location = str(answer["Location"])
    return parse_qs(urlsplit(location).query).get("error", [""])[0]
