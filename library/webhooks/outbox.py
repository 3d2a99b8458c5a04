"""What happens becomes rows in the transaction in which it happens: an event, and a delivery for each endpoint.

Where no endpoint wants to hear of it, no row is written.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from library.webhooks.models import Happening, WebhookDelivery, WebhookEndpoint, WebhookEvent
from library.webhooks.tasks import wake


def tell(name: Happening, data: Callable[[], dict[str, Any]]) -> None:
    """To be called within the transaction that makes the change; `data` makes JSON, where somebody wants it."""
    if wanting := wanting_to_hear(name):
        deliver(WebhookEvent(name=str(name), data=data()), wanting)


def wanting_to_hear(name: Happening) -> list[WebhookEndpoint]:
    return [endpoint for endpoint in WebhookEndpoint.objects.filter(is_active=True) if endpoint.wants(name)]


@transaction.atomic
def deliver(event: WebhookEvent, endpoints: list[WebhookEndpoint]) -> None:
    event.save(force_insert=True)
    WebhookDelivery.objects.bulk_create(WebhookDelivery(event=event, endpoint=endpoint) for endpoint in endpoints)
    transaction.on_commit(wake, robust=True)
