"""The page at `/` leads to everything, and needs nothing from elsewhere."""

import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def page(client: Client) -> str:
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_link_of_the_page_leads_somewhere(client: Client) -> None:
    links = re.findall(r'(?:href|src)="([^"]+)"', page(client))

    assert {"/api/docs", "/admin/", "/api/health/", "/api/openapi.json"} <= set(links)
    for link in links:
        answer = client.get(link, follow=True)
        assert answer.status_code == 200, link
        answer.close()


def test_nothing_comes_from_elsewhere_or_runs_in_the_page(client: Client) -> None:
    """`default-src 'self'` needs no exception for the page."""
    html = page(client)

    assert "://" not in re.sub(r'xmlns="[^"]+"', "", html)
    assert not re.search(r"<script|<style|style=|\son\w+=", html)


def test_page_is_only_for_reading(client: Client) -> None:
    assert client.post("/").status_code == 405
    assert client.head("/").status_code == 200
