"""What people and programs do with webhooks: add one, give it another secret, try it, send something again."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from library.errors import FieldsRefused, NotFound, SwitchedOff
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
FULL = f"There are at most {MOST_ENDPOINTS} webhooks."
KEPT_FOR = timedelta(days=30)
LISTENER_SILENCE = timedelta(minutes=5)  # of one that was killed


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
    if "events" not in changes:
        return changes
    known = [str(name) for name in Happening]
    wanted = list(dict.fromkeys(changes["events"]))
    if not set(wanted) <= set(known):
        raise FieldsRefused({"events": [f"There is no such event. There are: {', '.join(known)}."]})
    return {**changes, "events": wanted}


@transaction.atomic
def add(url: str, events: list[str], added_by_id: int | None = None) -> WebhookEndpoint:
    """Raises FieldsRefused."""
    fields = checked({"url": url, "events": events})
    if not has_room():
        raise FieldsRefused({"url": [FULL]})
    return WebhookEndpoint.objects.create(**fields, added_by_id=added_by_id)


def has_room() -> bool:
    """Whether one more may be added. Until the transaction ends, whoever else asks waits."""
    WebhookEndpoint.objects.select_for_update(no_key=True).order_by("pk").first()
    return WebhookEndpoint.objects.count() < MOST_ENDPOINTS


def locked(endpoint_id: int) -> WebhookEndpoint:
    """The endpoint as it is now, unchanged by others until the transaction ends. Raises NotFound."""
    found = WebhookEndpoint.objects.select_for_update().filter(pk=endpoint_id).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def edit(endpoint_id: int, changes: dict[str, Any]) -> WebhookEndpoint:
    """Raises FieldsRefused and NotFound. Switched on again, it also gets what was waiting."""
    fields = checked(changes)
    if fields.get("is_active"):
        fields = {**fields, "switched_off_because": ""}
    endpoint = locked(endpoint_id)
    for name, value in fields.items():
        setattr(endpoint, name, value)
    endpoint.save(update_fields=list(fields))
    return endpoint


@transaction.atomic
def rotate(endpoint_id: int) -> WebhookEndpoint:
    """Give it a new secret. For a day both sign, so that receivers can change over in their own time.

    Rotated again meanwhile, the new secret and the one before it sign; older ones don't. Raises NotFound.
    """
    endpoint = locked(endpoint_id)
    endpoint.old_secret, endpoint.secret = endpoint.secret, new_secret()
    endpoint.old_secret_until = timezone.now() + BOTH_SECRETS_FOR
    endpoint.save(update_fields=["secret", "old_secret", "old_secret_until"])
    return endpoint


@transaction.atomic
def remove(endpoint_id: int) -> None:
    """Delete it with what waits for it. Whoever has an event for it to tell is waited for. Raises NotFound."""
    locked(endpoint_id).delete()


@transaction.atomic
def send_test(endpoint_id: int) -> WebhookEvent:
    """An event that says nothing, to this endpoint alone. Raises NotFound, SwitchedOff."""
    endpoint = locked(endpoint_id)
    if not endpoint.is_active:
        raise SwitchedOff
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
    for endpoint_id in WebhookEndpoint.objects.filter(listener_seen_at__lt=now - LISTENER_SILENCE).values_list("pk"):
        with suppress(NotFound):
            remove(*endpoint_id)
