"""What happens becomes rows in the transaction in which it happens: an event, and a delivery for each endpoint.

Where no endpoint wants to hear of it, no row is written.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from library.webhooks.models import Happening, WebhookDelivery, WebhookEndpoint, WebhookEvent
from library.webhooks.tasks import wake

ENDPOINTS = WebhookEndpoint._meta.db_table


def tell(name: Happening, data: Callable[[], dict[str, Any]]) -> None:
    """To be called within the transaction that makes the change; `data` makes JSON, where somebody wants it."""
    if wanting := wanting_to_hear(name):
        deliver(WebhookEvent(name=str(name), data=data()), wanting)


def wanting_to_hear(name: Happening) -> list[WebhookEndpoint]:
    """None of them is deleted before the transaction ends, which would take the change back with it.

    PostgreSQL's weakest lock is enough: endpoints can be changed meanwhile, and others tell them of other events.
    """
    lock = " FOR KEY SHARE" if connection.vendor == "postgresql" else ""
    active = WebhookEndpoint.objects.raw(f"SELECT * FROM {ENDPOINTS} WHERE is_active ORDER BY id{lock}")  # noqa: S608
    return [endpoint for endpoint in active if endpoint.wants(name)]


@transaction.atomic
def deliver(event: WebhookEvent, endpoints: list[WebhookEndpoint]) -> None:
    event.save(force_insert=True)
    WebhookDelivery.objects.bulk_create(WebhookDelivery(event=event, endpoint=endpoint) for endpoint in endpoints)
    transaction.on_commit(wake, robust=True)
