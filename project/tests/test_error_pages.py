"""Errors outside the API are pages in the house's look, and signing in always leads somewhere."""

import re

import pytest
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.test import Client
from django.urls import path

from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from project.urls import urlpatterns as real_patterns


def fails(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def forbids(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


urlpatterns = [path("fails/", fails), path("forbids/", forbids), *real_patterns]


def words(answer: object) -> str:
    html = getattr(answer, "content", b"").decode()
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "project/welcome.css" in html
    heading = re.search("<h1>(.+)</h1>", html)
    assert heading
    return heading[1]


@pytest.fixture
def carol(db: None) -> User:
    return UserFactory.create(email="carol@example.com", username="carol", superuser=True)


@pytest.mark.parametrize("row", ["abc", "9" * 23, "-1", "a%00b", "1%27"])
def test_buttons_of_a_row_that_can_not_be_lead_to_no_page(client: Client, carol: User, row: str) -> None:
    client.force_login(carol)
    buttons = [
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/{row}/{button}/"
        for model, shown in admin.site._registry.items()
        for button in getattr(shown, "actions_detail", ())
    ]
    assert len(buttons) > 5
    assert {address: client.get(address).status_code for address in buttons} == dict.fromkeys(buttons, 404)


def test_signing_in_without_an_aim_leads_to_the_dashboard(client: Client, carol: User) -> None:
    answer = client.post("/admin/login/", {"username": "carol", "password": PASSWORD}, follow=True)
    assert (answer.status_code, answer.redirect_chain) == (200, [("/admin/", 302)])


def test_address_of_the_admin_as_people_type_it_leads_there(client: Client) -> None:
    answer = client.get("/admin")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


@pytest.mark.django_db
@pytest.mark.urls("project.tests.test_error_pages")
def test_errors_are_pages_of_ours(client: Client) -> None:
    client.raise_request_exception = False
    for address, status, heading in (
        ("/nowhere/", 404, "There is no such page"),
        ("/forbids/", 403, "You may not see this page"),
        ("/fails/", 500, "Something went wrong"),
    ):
        answer = client.get(address)
        assert (answer.status_code, words(answer)) == (status, heading)
        assert answer["Content-Type"].startswith("text/html")


@pytest.mark.urls("project.tests.test_error_pages")
def test_page_of_an_error_needs_no_database(client: Client) -> None:
    """Without the `db` fixture any query fails the test."""
    client.raise_request_exception = False
    assert words(client.get("/fails/")) == "Something went wrong"
    assert "Videoflix" in get_template("500.html").render()


@pytest.mark.django_db
def test_form_that_was_opened_before_a_sign_in_says_what_to_do() -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "carol", "password": PASSWORD})
    assert (answer.status_code, words(answer)) == (403, "This form can't be sent any more")


def test_errors_of_the_api_stay_json(client: Client, db: None) -> None:
    assert client.get("/api/nowhere/").json() == {"detail": "Not found."}
