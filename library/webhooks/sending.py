"""One attempt to deliver an event: claim, sign and send, write down what was answered.

1. Claim: a conditional UPDATE of a delivery that is due. Only one process attempts it; the claim of one that is killed
   lapses, and the attempt is made again.
2. Send: signed with the endpoint's secrets as Standard Webhooks says. Any status from 200 to 299 means: delivered.
3. Otherwise it is due again by SCHEDULE, and after its last time it is parked until somebody sends it again. 410 says
   that nobody wants to hear any more: the endpoint is switched off.
"""

import json
import time
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from standardwebhooks import Webhook

from hls import clock
from library.webhooks.errors import NotDelivered
from library.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookEvent
from library.webhooks.posting import PostAnswer, post

log = structlog.get_logger("videoflix.webhooks")

SCHEDULE = tuple(  # the pauses before each attempt, by CONTRACT and Standard Webhooks
    timedelta(seconds=seconds) for seconds in (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400)
)
CLAIMED_FOR = timedelta(seconds=60)  # longer than an attempt can last
GONE = 410
LONGEST_ERROR = 200


@dataclass(frozen=True)
class Attempt:
    """What came of it: an answer, or the reason why there is none."""

    answer: PostAnswer | None
    error: str
    took_ms: int

    @property
    def is_success(self) -> bool:
        return self.answer is not None and 200 <= self.answer.status < 300


def due() -> "QuerySet[WebhookDelivery]":
    """Those that nobody attempts at the moment. Of `webhook listen` there are none: it fetches its own."""
    now = timezone.now()
    is_free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return WebhookDelivery.objects.filter(
        is_free, state=DeliveryState.WAITING, due_at__lte=now, endpoint__is_active=True, endpoint__listener_seen_at=None
    ).order_by("due_at")


def bring_back() -> None:
    """Make due what a clock has put off for longer than any pause: it was ahead, and has been set right since."""
    now = timezone.now()
    waiting = WebhookDelivery.objects.filter(state=DeliveryState.WAITING)
    waiting.filter(clock.is_ahead("claimed_until", now + CLAIMED_FOR)).update(claimed_until=None)
    ahead = Q()
    for attempts, pause in enumerate(SCHEDULE):
        ahead |= clock.is_ahead("due_at", now + pause) & Q(attempts=attempts)
    waiting.filter(ahead).update(due_at=now)


def claim(delivery_id: int) -> WebhookDelivery | None:
    """The delivery, for a minute; None where another process has it, it is no longer due, or was deleted just now."""
    now = timezone.now()
    until = now + CLAIMED_FOR
    is_free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    free = WebhookDelivery.objects.filter(is_free, pk=delivery_id, state=DeliveryState.WAITING, due_at__lte=now)
    if not free.update(claimed_until=until):
        return None
    claimed = WebhookDelivery.objects.filter(pk=delivery_id, claimed_until=until)
    return claimed.select_related("event", "endpoint").first()


def attempt(delivery: WebhookDelivery) -> None:
    """Send a delivery that is claimed, and write down what was answered."""
    endpoint = delivery.endpoint
    began = time.monotonic()
    answer, error = None, ""
    try:
        body = body_of(delivery.event)
        answer = post(
            endpoint.url,
            body.encode(),
            signed(delivery.event_id, body, endpoint),
            may_be_private=settings.WEBHOOK_ALLOW_PRIVATE,
        )
    except NotDelivered as reason:
        error = str(reason)[:LONGEST_ERROR]
    write_down(delivery, Attempt(answer, error, round((time.monotonic() - began) * 1000)))


def body_of(event: WebhookEvent) -> str:
    return json.dumps(event.payload(), ensure_ascii=False, separators=(",", ":"))


def signed(event_id: str, body: str, endpoint: WebhookEndpoint) -> dict[str, str]:
    """The headers of Standard Webhooks. The same event has the same id in each attempt, and another time."""
    now = timezone.now()
    signatures = [Webhook(secret).sign(event_id, now, body) for secret in endpoint.secrets_at(now)]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Videoflix-Webhooks/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def write_down(delivery: WebhookDelivery, made: Attempt) -> None:
    """Step 3, where the claim still holds."""
    now, attempts = timezone.now(), delivery.attempts + 1
    is_over = made.is_success or attempts >= len(SCHEDULE)
    state = DeliveryState.DELIVERED if made.is_success else DeliveryState.PARKED
    own = WebhookDelivery.objects.filter(pk=delivery.pk, claimed_until=delivery.claimed_until)
    own.update(
        state=state if is_over else DeliveryState.WAITING,
        due_at=now if is_over else now + SCHEDULE[attempts],
        claimed_until=None,
        attempts=attempts,
        attempted_at=now,
        status=made.answer.status if made.answer else None,
        answer=made.answer.beginning if made.answer else "",
        error=made.error,
        took_ms=made.took_ms,
    )
    if made.answer and made.answer.status == GONE:
        switch_off(delivery.endpoint)
    if not made.is_success:
        status = made.answer.status if made.answer else None
        log.warning(
            "webhook not delivered", delivery=delivery.pk, attempts=attempts, status=status, reason=made.error or None
        )


def switch_off(endpoint: WebhookEndpoint) -> None:
    log.warning("webhook switched off", endpoint=endpoint.pk)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        is_active=False, switched_off_because="It answered 410: nobody wants to hear any more."
    )
