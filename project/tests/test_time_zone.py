"""Times that people read are in TIME_ZONE, which is named beside them; the API's are UTC."""

import json
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Mail, Session, User
from accounts.tests.factories import UserFactory, signed_in
from library.admin.charts import hourly_chart
from library.admin.moments import moment
from library.tests.factories import VideoFactory

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_berlin(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"


def test_moment_names_its_zone() -> None:
    assert 'title="2026-07-01 14:00:00 CEST"' in moment(NOON)


def test_persons_page_names_the_zone_of_each_time(admin: Client) -> None:
    user = UserFactory.create(email="ada@example.com")
    User.objects.filter(pk=user.pk).update(date_joined=NOON, last_login=NOON)
    signed_in(user)
    Session.objects.update(created_at=NOON, last_used_at=NOON)
    page = admin.get(f"/admin/accounts/user/{user.pk}/change/").content.decode()
    assert page.count("2026-07-01 14:00 CEST") >= 4
    assert "2026-07-01 14:00:00 CEST" in admin.get("/admin/accounts/user/").content.decode()


def test_mail_and_history_name_it_too(admin: Client) -> None:
    mail = Mail.objects.create(kind=Mail.Kind.ACTIVATION, address="x@example.com", created_at=NOON)
    assert "2026-07-01 14:00 CEST" in admin.get(f"/admin/accounts/mail/{mail.pk}/change/").content.decode()
    user = UserFactory.create(email="ada@example.com")
    admin.post("/admin/accounts/user/", {"action": "deactivate", "_selected_action": [user.pk]})
    history = admin.get(f"/admin/accounts/user/{user.pk}/history/").content.decode()
    assert f"{timezone.localtime():%Y-%m-%d %H:}" in history
    assert f" {timezone.localtime():%Z}" in history


def test_chart_counts_by_the_hours_of_the_zone() -> None:
    chart = json.loads(hourly_chart([], hours=1))
    assert chart["labels"] == [f"{timezone.localtime():%H:00}"]


def test_api_stays_utc(admin: Client) -> None:
    VideoFactory.create(ready=True)
    assert all(entry["created_at"].endswith("Z") for entry in admin.get("/api/video/").json())
    assert admin.get("/api/video/").json()
