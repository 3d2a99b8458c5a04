"""`manage.py second_factor reset USER`: the way in for somebody who has neither phone nor recovery codes any more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.admin_sign_in import second_factor
from accounts.backends import find


class Command(BaseCommand):
    help = "Reset somebody's second factor. A superuser does the same in the admin, for others."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        reset = actions.add_parser("reset", help="Remove it, and sign them out everywhere.")
        reset.add_argument("user", help="A username or an e-mail.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = find(options["user"])
        if user is None:
            raise CommandError(f"There is no user {options['user']}.")
        if not second_factor.reset(user):
            raise CommandError(f"{user} has no second factor.")
        self.stdout.write(f"{user} has no second factor any more, and is signed out everywhere.")
