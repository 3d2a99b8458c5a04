"""`manage.py upkeep [--check]`: remove, or only tell, the bytes that no row names."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hls import upkeep as engine
from library import upkeep as uploads


class Command(BaseCommand):
    help = "Take back lapsed leases and remove files that belong to nobody."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Change nothing; exit 1 where there is anything.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            engine.take_back_lapsed()
            engine.retry_due()
            engine.sweep()
            uploads.sweep()
        found = [(orphan.path, orphan.size_bytes) for orphan in engine.orphans()]
        found += [(stray.path, stray.size_bytes) for stray in uploads.strays()]
        for path, size_bytes in found:
            self.stdout.write(f"{size_bytes:>14,} {path}")
        total = sum(size_bytes for _, size_bytes in found)
        self.stdout.write(f"{total} bytes in {len(found)} places that no row names")
        if found and options["check"]:
            raise CommandError("There are bytes that no row names; `manage.py upkeep` removes them.")
