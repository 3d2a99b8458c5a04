"""What people and programs do with webhooks: add one, give it another secret, try it, send something again."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from library.errors import FieldsRefused
from library.outgoing.addresses import AddressRefused, check_literal, target_of
from library.webhooks import outbox
from library.webhooks.models import (
    TEST,
    DeliveryState,
    Happening,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    new_secret,
)
from library.webhooks.tasks import wake

BOTH_SECRETS_FOR = timedelta(hours=24)
MOST_ENDPOINTS = 50
KEPT_FOR = timedelta(days=30)


def check_url(url: str) -> None:
    """Raises AddressRefused for what nothing would be sent to."""
    target = target_of(url, may_be_private=settings.WEBHOOK_ALLOW_PRIVATE)
    if not settings.WEBHOOK_ALLOW_PRIVATE:
        check_literal(target)


def checked(changes: dict[str, Any]) -> dict[str, Any]:
    """The fields as they are kept. Raises FieldsRefused."""
    try:
        if "url" in changes:
            check_url(changes["url"])
    except AddressRefused as error:
        raise FieldsRefused({"url": [str(error)]}) from None
    known = [str(name) for name in Happening]
    unknown = [name for name in changes.get("events", []) if name not in known]
    if unknown:
        raise FieldsRefused({"events": [f"There is no event {unknown[0]}. There are: {', '.join(known)}."]})
    return changes


def add(url: str, events: list[str], added_by_id: int | None = None) -> WebhookEndpoint:
    """Raises FieldsRefused."""
    fields = checked({"url": url, "events": events})
    if WebhookEndpoint.objects.count() >= MOST_ENDPOINTS:
        raise FieldsRefused({"url": [f"There are at most {MOST_ENDPOINTS} webhooks."]})
    return WebhookEndpoint.objects.create(**fields, added_by_id=added_by_id)


def edit(endpoint: WebhookEndpoint, changes: dict[str, Any]) -> WebhookEndpoint:
    """Raises FieldsRefused. Switched on again, it also gets what was waiting."""
    for name, value in checked(changes).items():
        setattr(endpoint, name, value)
    if endpoint.is_active:
        endpoint.switched_off_because = ""
    endpoint.save()
    return endpoint


def rotate(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Give it a new secret. For a day both sign, so that receivers can change over in their own time."""
    endpoint.old_secret, endpoint.secret = endpoint.secret, new_secret()
    endpoint.old_secret_until = timezone.now() + BOTH_SECRETS_FOR
    endpoint.save(update_fields=["secret", "old_secret", "old_secret_until"])
    return endpoint


def send_test(endpoint: WebhookEndpoint) -> WebhookEvent:
    """An event that says nothing, to this endpoint alone."""
    event = WebhookEvent(name=TEST, data={"message": "This is a test."})
    outbox.deliver(event, [endpoint])
    return event


def send_again(deliveries: QuerySet[WebhookDelivery]) -> int:
    """Begin the schedule anew, of those too that were delivered. The event keeps its id."""
    with transaction.atomic():
        changed = WebhookDelivery.objects.filter(pk__in=list(deliveries.values_list("pk", flat=True))).update(
            state=DeliveryState.WAITING, due_at=timezone.now(), attempts=0, claimed_until=None
        )
        transaction.on_commit(wake, robust=True)
    return changed


def forget_old() -> None:
    """Remove events of more than 30 days ago, with their deliveries, and secrets that sign no more."""
    now = timezone.now()
    WebhookEvent.objects.filter(happened_at__lt=now - KEPT_FOR).delete()
    WebhookEndpoint.objects.filter(old_secret_until__lt=now).update(old_secret="", old_secret_until=None)
    WebhookEndpoint.objects.filter(listener_seen_at__lt=now - timedelta(minutes=5)).delete()
