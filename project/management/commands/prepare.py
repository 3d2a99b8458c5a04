"""`manage.py prepare`: migrations and the administrator, without starting anything."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from project.first_start import NoDatabase, prepare


class Command(BaseCommand):
    help = "Bring the database up to date and make the administrator if there is none. Safe to run twice at once."

    def handle(self, *arguments: Any, **options: Any) -> None:
        try:
            made = prepare()
        except NoDatabase as error:
            raise CommandError(str(error)) from error
        self.stdout.write("The database is up to date.")
        if made:
            password = f" with the password {made.new_password}" if made.new_password else ""
            self.stdout.write(f"Made the administrator {made.username}{password}.")
