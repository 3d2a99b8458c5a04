"""`manage.py upkeep [--check | --remake]`: remove bytes that no row names; make again what rows name and is gone."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hls import upkeep as engine
from hls.models import Transcode
from library import upkeep as films


class Command(BaseCommand):
    help = "Take back lapsed leases, remove files that belong to nobody, and tell which films have lost theirs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--check", action="store_true", help="Change nothing; exit 1 where there is anything.")
        which.add_argument("--remake", action="store_true", help="Also queue films whose served files are gone.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            engine.take_back_lapsed()
            engine.retry_due()
            engine.sweep()
            films.sweep()
        lost = films.lost()
        found = self.tell_of_bytes()
        if options["remake"]:
            self.remake(lost)
            return
        for film in lost:
            self.stdout.write(f"{name(film)} is listed, but its files are gone: `manage.py upkeep --remake`")
        if options["check"] and found:
            raise CommandError("There are bytes that no row names; `manage.py upkeep` removes them.")
        if lost:
            raise CommandError("There are films without their files.")

    def tell_of_bytes(self) -> int:
        found = [(orphan.path, orphan.size_bytes) for orphan in engine.orphans()]
        found += [(stray.path, stray.size_bytes) for stray in films.strays()]
        for path, size_bytes in found:
            self.stdout.write(f"{size_bytes:>14,} {path}")
        total = sum(size_bytes for _, size_bytes in found)
        self.stdout.write(f"{total} bytes in {len(found)} places that no row names")
        return len(found)

    def remake(self, lost: list[Transcode]) -> None:
        hopeless = films.make_again(lost)
        queued = len(lost) - len(hopeless)
        self.stdout.write(f"{queued} of {len(lost)} films without files are queued to be made again")
        for film in hopeless:
            self.stderr.write(f"{name(film)} can't be made again: its uploaded file {film.source} is gone too")
        if hopeless:
            raise CommandError("Restore these files from a backup, or delete the films.")


def name(film: Transcode) -> str:
    return f"Film {film.video.pk} ({film.video.title})"
