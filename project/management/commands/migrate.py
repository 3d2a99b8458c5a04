"""Django's own `migrate`, in one process at a time: two that start together would make the same tables at once."""

from typing import Any

from django.core.management.commands import migrate

from project.first_start import one_at_a_time


class Command(migrate.Command):
    def handle(self, *arguments: Any, **options: Any) -> None:
        with one_at_a_time(options["database"]):
            super().handle(*arguments, **options)
