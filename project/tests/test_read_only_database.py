"""A PostgreSQL that refuses all writes: a standby, as after a failover, or one that was set to read-only."""

import pytest
from django.db import connection
from django.test import Client

from hls.models import PeriodicTask
from hls.renewal import LeaseRenewal
from project.health import probes

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PostgreSQL's own mode"),
]


@pytest.fixture(autouse=True)
def read_only() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")


def test_request_that_has_to_write_is_asked_to_come_again(client: Client) -> None:
    """It was 500, and the traceback of a statement that nothing is wrong with."""
    body = {"email": "ada@example.com", "password": "a quiet river at 5", "confirmed_password": "a quiet river at 5"}

    answer = client.post("/api/register/", body, content_type="application/json")

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_claim_survives_it() -> None:
    """The chunk that was being encoded was given up, and made again from its start."""
    lease = LeaseRenewal(PeriodicTask.objects.filter(name="any"))

    lease.beat()

    assert not lease.is_over()


def test_health_names_it() -> None:
    with pytest.raises(probes.ProbeFailed, match=r"^read-only$"):
        probes.database()
