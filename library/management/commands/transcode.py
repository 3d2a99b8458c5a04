"""`manage.py transcode {status,retry,cancel} VIDEO`: what the admin's page and buttons do, for a shell."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hls import lifecycle
from hls.errors import NotPossible
from hls.models import Transcode
from hls.status import Status, status_of


class Command(BaseCommand):
    help = "Tell how far a video is, try a failed or cancelled one again, or stop a queued or running one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["status", "retry", "cancel"])
        parser.add_argument("video", type=int, help="The video's id.")

    def handle(self, *args: Any, **options: Any) -> None:
        transcode = Transcode.objects.filter(video__pk=options["video"]).first()
        if transcode is None:
            raise CommandError(f"There is no video {options['video']}.")
        try:
            if options["action"] == "retry":
                lifecycle.retry(transcode)
            elif options["action"] == "cancel":
                lifecycle.cancel(transcode)
        except NotPossible as error:
            raise CommandError(str(error)) from None
        self.stdout.write(line(status_of(transcode)))


def line(status: Status) -> str:
    """One line for a person: "processing (encoding), 42.5 %, about 81 s left"."""
    parts = [f"{status.state} ({status.phase})", f"{status.percent} %"]
    if status.queue_position:
        parts.append(f"number {status.queue_position} in the queue")
    if status.eta_s is not None:
        parts.append(f"about {status.eta_s:.0f} s left")
    if status.error:
        parts.append(f"{status.error.code}: {status.error.message} {status.error.hint}")
    return ", ".join(parts)
