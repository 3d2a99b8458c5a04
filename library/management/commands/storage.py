"""`manage.py storage move --to bucket|disk`: bring all files to the other place, while everything runs."""

from argparse import ArgumentParser
from threading import Lock
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hls.errors import NotOurs
from hls.store.interface import StoreFailed
from hls.store.moving import Moving
from library import moving as moving_files
from library import upkeep
from library.disk import size_text
from library.errors import CannotMove
from library.management.commands.upkeep import sentence

GRACE_S = 120.0  # longer than the edge keeps an answer, and than a segment takes on a slow line


class Command(BaseCommand):
    help = "Move all files between the disk and the bucket; can be interrupted at any time, and goes on when run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        move = actions.add_parser("move", help="Copy what the other place has, compare it, and remove it there.")
        move.add_argument("--to", choices=moving_files.KINDS, required=True)
        move.add_argument(
            "--grace",
            type=float,
            default=GRACE_S,
            metavar="SECONDS",
            help="How long a file stays in both places, for those who read it at that moment.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = moving_files.to_move(options["to"])
            faults = [fault for items in found for fault in self.move(items, options["grace"])]
        except (CannotMove, NotOurs) as error:
            raise CommandError(str(error)) from None
        except StoreFailed as error:
            raise CommandError(f"{error.strerror} Run it again once the store is back: it goes on.") from None
        for items in found:
            if items.unnamed:
                self.stdout.write(
                    f"{items.unnamed} things that no row names stay in {items.pair.second.address('')}:"
                    " `manage.py upkeep --check` lists them."
                )
        lost = [f"{sentence(found)}: `manage.py upkeep --remake`" for found in upkeep.lost()]
        if faults or lost:
            raise CommandError("\n".join([*faults, *(["These files stay where they are."] if faults else []), *lost]))

    def move(self, items: moving_files.Items, grace_s: float) -> list[str]:
        """Returns what is wrong with files that stay, in sentences."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[size]}"),
        )
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
            task = bar.add_task(items.pair.name, total=len(items.keys), size="")
            lock, sizes = Lock(), [0]

            def tell(size: int) -> None:
                with lock:
                    sizes[0] += size
                    bar.update(task, size=size_text(sizes[0]))

            moving = Moving(items.pair, grace_s=grace_s, tell=tell)
            for key in items.keys:
                moving_files.check_room(items.pair, key)
                moving.bring(key)
                bar.advance(task)
            moving.finish(
                lambda left_s: bar.update(task, description=f"{items.pair.name}: waits {left_s:.0f} s for readers")
            )
        self.stdout.write(f"{moving.files} files, {size_text(moving.bytes)}, are in {items.pair.first.address('')} now")
        return moving.faults
