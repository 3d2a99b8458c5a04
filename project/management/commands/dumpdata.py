"""Django's own `dumpdata`, whose output can be loaded into any database of the same version.

Content types and permissions are made by `migrate` and `flush`, with ids that differ between databases. They are left
out unless somebody asks for them, and rows that point to them name them in words.
"""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import dumpdata

MADE_BY_MIGRATE = ("contenttypes", "auth.permission")


class Command(dumpdata.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(use_natural_foreign_keys=True)

    def handle(self, *app_labels: str, **options: Any) -> None:
        if not app_labels:
            options["exclude"] = [*options["exclude"], *MADE_BY_MIGRATE]
        super().handle(*app_labels, **options)
