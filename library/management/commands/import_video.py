"""`manage.py import_video FILE --title T [--category C] [--description D] [--draft] [--move | --link] [--wait]`"""

import re
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from hls.models import State, Transcode
from hls.status import Status, status_of
from hls.store.interface import StoreFailed
from library import categories
from library.errors import FieldsRefused, FileRefused
from library.importing import Way
from library.models import Video
from library.videos import StillThere, add_video

LOOK_EVERY_S = 0.5
NO_TEXT = re.compile("[\ud800-\udfff]")  # as arguments have bytes that are not UTF-8
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Command(BaseCommand):
    help = (
        "Add a video from a file on this machine; its id is printed on the last line. The file is copied, which takes"
        " neither time nor room where the file system can share blocks (Btrfs, XFS). Where files are kept in a bucket,"
        " the file is sent in parts, each with a checksum; a command that was broken off goes on when it is repeated,"
        " and the video is added once the whole file is there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--title", required=True)
        parser.add_argument("--category", default="", help="The slug of one, as the admin lists them.")
        parser.add_argument("--description", default="")
        parser.add_argument("--draft", action="store_true", help="For staff alone, until it is published.")
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument(
            "--move",
            action="store_const",
            dest="way",
            const=Way.MOVE,
            help="The file is not copied where that can be, and is gone from its folder once the video is added.",
        )
        ways.add_argument(
            "--link",
            action="store_const",
            dest="way",
            const=Way.LINK,
            help="Not copied, but given a second name (a hard link): nobody may write to it from then on.",
        )
        parser.add_argument("--wait", action="store_true", help="Wait until a worker has made it; exit 1 if it fails.")

    def handle(self, *args: Any, **options: Any) -> None:
        title = options["title"].strip()
        if not 0 < len(title) <= 200:
            raise CommandError("A title has 1 to 200 characters.")
        if CONTROL.search(title):
            raise CommandError("--title: Line breaks and control characters are not allowed.")
        for name in ("title", "description"):
            if NO_TEXT.search(options[name]):
                raise CommandError(f"--{name}: It has bytes that are not UTF-8.")
        texts = {"title": title, "category": options["category"], "description": options["description"]}
        try:
            categories.check(texts["category"] or categories.usual())
            video = self.add(options["file"], texts, is_published=not options["draft"], way=options["way"] or Way.COPY)
        except FieldsRefused as error:
            raise CommandError(f"--category: {error.fields['category'][0]}") from None
        except FileRefused as error:
            raise CommandError(str(error)) from None
        except StoreFailed as error:
            raise CommandError(f"{error.strerror} Nothing was added; the same command again goes on.") from None
        except OSError as error:
            raise CommandError(f"{error.filename or options['file']}: {error.strerror}. Nothing was added.") from None
        if options["wait"]:
            self.wait(video)
        self.stdout.write(str(video.pk))

    def add(self, file: Path, texts: dict[str, str], *, is_published: bool, way: Way) -> Video:
        try:
            return add_video(file, **texts, is_published=is_published, way=way)
        except StillThere as error:
            self.stderr.write(str(error))
            return error.video

    def wait(self, video: Video) -> None:
        """Show the progress until the video is ready. Raises CommandError with the video's error."""
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        console = Console(stderr=True)
        with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
            task = bar.add_task("queued", total=100)
            while (transcode := Transcode.objects.filter(video=video).first()) is not None:
                status = status_of(transcode)
                bar.update(task, completed=status.percent, description=status.phase)
                if status.state == State.READY:
                    self.tell(status)
                    return
                if status.error:
                    raise CommandError(f"{status.error.code}: {status.error.message} {status.error.hint}")
                if status.state == State.CANCELLED:
                    raise CommandError("The transcode was cancelled.")
                close_old_connections()
                time.sleep(LOOK_EVERY_S)
        raise CommandError("The video was deleted.")

    def tell(self, status: Status) -> None:
        """Write to stderr what of the file is not in the video."""
        for sentence in status.omissions:
            self.stderr.write(f"Not in the result: {sentence}")
