"""Webhooks: who is told, of what, and how far the telling is. The rows are the outbox; the queue only wakes.

The schedule, the headers and the form of secrets are those of Standard Webhooks (standardwebhooks.com).
"""

import secrets
from base64 import b64encode
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from library.moments import in_utc


class Happening(models.TextChoices):
    """What can be subscribed to. The names are promised to callers."""

    VIDEO_CREATED = "video.created", "A video was added"
    VIDEO_PLAYABLE = "video.playable", "Its first seconds can be played"
    VIDEO_READY = "video.ready", "It is ready in all renditions"
    VIDEO_FAILED = "video.failed", "It could not be transcoded"
    VIDEO_REPLACED = "video.replaced", "It got another file"
    VIDEO_DELETED = "video.deleted", "It was deleted"
    TRACK_READY = "track.ready", "A text is there, or another one"
    TRACK_FAILED = "track.failed", "A text could not be taken out of the file"


TEST = "webhook.test"  # sent on request, whatever is subscribed to


def new_secret() -> str:
    """32 random bytes, in the form that all libraries of Standard Webhooks read."""
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def new_event_id() -> str:
    return f"msg_{uuid4().hex}"


class WebhookEndpoint(models.Model):
    """An address that is told of events. `secret` signs, so it is kept as it is; it is shown when it is made."""

    url = models.URLField("URL", max_length=2000, blank=True, help_text="Where events are sent to by POST.")
    events = models.JSONField(default=list, blank=True, help_text="Their names; all of them where none is chosen.")
    secret = models.CharField(max_length=100, default=new_secret, editable=False)
    old_secret = models.CharField(max_length=100, blank=True, default="", editable=False)
    old_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField("active", default=True, help_text="Nothing is kept for one that is not.")
    switched_off_because = models.CharField(max_length=200, blank=True, default="", editable=False)
    listener_seen_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Of `manage.py webhook listen`, which fetches its deliveries."
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["pk"]
        verbose_name = "webhook"

    def __str__(self) -> str:
        return self.url or "manage.py webhook listen"

    def wants(self, event: str) -> bool:
        return event == TEST or not self.events or event in self.events

    def secrets_at(self, now: datetime) -> list[str]:
        """What signs: during a rotation both."""
        is_rotating = self.old_secret_until is not None and now < self.old_secret_until
        return [self.secret, self.old_secret] if is_rotating else [self.secret]


class WebhookEvent(models.Model):
    """Something that happened, as it is told to everybody who wants to hear of it. It never changes."""

    id = models.CharField(primary_key=True, max_length=40, default=new_event_id, editable=False)
    name = models.CharField("event", max_length=40)
    data = models.JSONField()
    happened_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-happened_at"]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"

    def payload(self) -> dict[str, Any]:
        return {"type": self.name, "timestamp": in_utc(self.happened_at), "data": self.data}


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    PARKED = "parked", "Given up"


class WebhookDelivery(models.Model):
    """One event for one endpoint: when it is due, and what was answered last."""

    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=9, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    due_at = models.DateTimeField(default=timezone.now, help_text="The next attempt.")
    claimed_until = models.DateTimeField(null=True, blank=True, help_text="Whoever attempts it has it until then.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="That had an end; a killed one doesn't count.")
    attempted_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of the last answer.")
    answer = models.TextField(blank=True, default="", help_text="Its beginning.")
    error = models.CharField(max_length=200, blank=True, default="", help_text="Why there was none.")
    took_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["event", "endpoint"], name="webhook_delivery_once")]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="webhook_delivery_due"),
            models.Index(fields=["attempted_at"], name="webhook_delivery_attempted"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.endpoint_id}"
