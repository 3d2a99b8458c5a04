"""A receiver of webhooks that often says no or nothing, while parts of the installation are killed. It forgets none."""

import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from stage import Stage
from standardwebhooks import Webhook, WebhookVerificationError

from library.tests.receivers import Receiver, status  # stage has put the checkout on the path

WELL, SAYS_NO = 0.8, 0.9  # of ten requests eight are answered as they should be, one with 503, one not at all
ADD = "from library.webhooks import services; print(services.add('{url}', []).secret)"
EACH_VIDEO_HAS = ("video.created", "video.playable", "video.ready")
WRITTEN = "SELECT e.id, e.name, d.state FROM library_webhookevent e JOIN library_webhookdelivery d ON d.event_id = e.id"
DUE_NOW = "UPDATE library_webhookdelivery SET due_at = now() WHERE state = 'waiting' RETURNING id"
WAITING = "SELECT count(*) FROM library_webhookdelivery WHERE state = 'waiting'"


@dataclass
class Events:
    """What was received, beside what the database says has happened."""

    receiver: Receiver
    dice: random.Random
    secret: str = ""
    is_well: bool = False
    forged: list[str] = field(default_factory=list)  # what the library of Standard Webhooks refuses

    def subscribe(self, stage: Stage) -> None:
        """The installation's tables have to be there."""
        self.receiver.answer = self.answer
        added = stage.manage("shell", "--no-imports", "-c", ADD.format(url=self.receiver.url))
        assert added.returncode == 0, added.stderr
        self.secret = added.stdout.strip().splitlines()[-1]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.verify(request.headers["webhook-id"])
        fate = 0.0 if self.is_well else self.dice.random()
        if fate < SAYS_NO:
            status(request, 204 if fate < WELL else 503)
        else:
            request.close_connection = True

    def verify(self, event: str) -> None:
        """At once, as receivers do: a signature is good for five minutes."""
        sent = next(sent for sent in reversed(self.receiver.received) if sent.headers["webhook-id"] == event)
        try:
            Webhook(self.secret).verify(sent.body, dict(sent.headers))
        except WebhookVerificationError as error:
            self.forged.append(f"{event}: {error}")

    def recover(self, stage: Stage) -> None:
        """From now on answer well, and let nothing wait for hours."""
        self.is_well = True
        stage.rows(DUE_NOW)

    def waiting(self, stage: Stage) -> int:
        return int(stage.rows(WAITING)[0][0])

    def report(self, stage: Stage) -> list[str]:
        """What is wrong; nothing is good."""
        received = self.receiver.received
        ids = Counter(sent.headers["webhook-id"] for sent in received)
        written = stage.rows(WRITTEN)
        unheard = [f"{name} {event}" for event, name, state in written if state != "delivered" or event not in ids]
        unknown = sorted(set(ids) - {event for event, *_ in written})
        told: dict[tuple[str, str], set[str]] = defaultdict(set)
        for sent in received:
            said = json.loads(sent.body)
            told[said["type"], str(said["data"]["id"])].add(sent.headers["webhook-id"])
        twice = [f"{name} of {video}" for (name, video), found in told.items() if len(found) > 1]
        videos = [str(pk) for (pk,) in stage.rows("SELECT id FROM library_video")]
        never = [f"{name} of {video}" for video in videos for name in EACH_VIDEO_HAS if (name, video) not in told]
        print(f"events             {len(written)}, not delivered {len(unheard)} {unheard[:3]}")
        print(f"received           {len(received)}, of which {len(received) - len(ids)} again, with the same id")
        print(f"with another id    {twice[:3]}, never {never[:3]}, of nothing that happened {unknown[:3]}")
        print(f"signatures         {len(self.forged)} bad {self.forged[:3]}")
        return unheard + unknown + twice + never + self.forged
