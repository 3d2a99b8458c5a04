"""`manage.py webhook listen`: for developers without a public address."""

import json
import time
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.utils import timezone

from library.errors import NotFound
from library.outgoing.addresses import AddressRefused, target_of
from library.webhooks import sending, services
from library.webhooks.errors import NotDelivered
from library.webhooks.models import DeliveryState, Happening, WebhookDelivery, WebhookEndpoint
from library.webhooks.posting import PostAnswer, post

LOOKS_EVERY_S = 0.2


class Command(BaseCommand):
    help = "Print each event as a line of JSON while it runs; with --forward-to also send it to an address of yours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["listen"])
        parser.add_argument("--events", nargs="+", metavar="EVENT", choices=list(Happening), default=[])
        parser.add_argument("--forward-to", metavar="URL", default="", help="Such as http://localhost:3000/hook.")

    def handle(self, *arguments: Any, **options: Any) -> None:
        try:
            if options["forward_to"]:
                target_of(options["forward_to"], may_be_private=True)
        except AddressRefused as error:
            raise CommandError(f"{options['forward_to']}: {error}") from None
        endpoint = WebhookEndpoint.objects.create(events=options["events"], listener_seen_at=timezone.now())
        try:
            if options["forward_to"]:
                self.stderr.write(f"Events are signed with {endpoint.secret}")
            self.stderr.write("Listening. Stop with Ctrl-C.")
            with suppress(KeyboardInterrupt):
                while True:
                    self.look(endpoint, options["forward_to"])
                    time.sleep(LOOKS_EVERY_S)
        finally:
            with suppress(NotFound):  # a sweep was quicker
                services.remove(endpoint.pk)

    def look(self, endpoint: WebhookEndpoint, forward_to: str) -> None:
        """Print what has come, oldest first. A sweep takes a listener that was killed for gone."""
        close_old_connections()
        if not WebhookEndpoint.objects.filter(pk=endpoint.pk).update(listener_seen_at=timezone.now()):
            raise CommandError("The database no longer knows this listener.")
        waiting = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.WAITING)
        for delivery in waiting.select_related("event", "endpoint").order_by("pk"):
            body = json.dumps({"id": delivery.event_id, **delivery.event.payload()}, ensure_ascii=False)
            self.stdout.write(body)
            self.stdout.flush()
            if forward_to:
                self.stderr.write(forwarded(delivery, forward_to))
            WebhookDelivery.objects.filter(pk=delivery.pk).update(
                state=DeliveryState.DELIVERED, attempts=1, attempted_at=timezone.now()
            )


def forwarded(delivery: WebhookDelivery, url: str) -> str:
    """What came of it, for a person."""
    body = sending.body_of(delivery.event)
    headers = sending.signed(delivery.event_id, body, delivery.endpoint)
    try:
        answer: PostAnswer = post(url, body.encode(), headers, may_be_private=True)
    except NotDelivered as error:
        return f"{delivery.event.name}: {error}"
    return f"{delivery.event.name}: {answer.status}"
