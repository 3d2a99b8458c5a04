"""`manage.py key create|list|revoke`: API keys, as the admin makes and revokes them."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Scope

LONGEST_NAME = 100


class Command(BaseCommand):
    help = "Make, list and revoke API keys, which programs send as `Authorization: Bearer`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="Make a key. It is printed once, on the last line.")
        create.add_argument("--name", required=True, help="What it is for.")
        create.add_argument(
            "--scope",
            dest="scopes",
            required=True,
            nargs="+",
            action="extend",
            choices=Scope.values,
            help="What it may do; may be given several times.",
        )
        create.add_argument("--expires", default="", help="90d, 12h, 3s, or a time such as 2027-01-31T12:00Z.")
        actions.add_parser("list", help="Show all keys; nobody can read their secrets.")
        revoke = actions.add_parser("revoke", help="End a key: the next request with it is refused.")
        revoke.add_argument("id", type=int, help="The number behind vfk_.")

    def handle(self, *args: Any, **options: Any) -> None:
        match options["action"]:
            case "create":
                self.create(options["name"].strip(), options["scopes"], options["expires"])
            case "list":
                for key in ApiKey.objects.select_related("made_by"):
                    self.stdout.write(line(key))
            case _:
                self.revoke(options["id"])

    def create(self, name: str, scopes: list[str], expires: str) -> None:
        if not 0 < len(name) <= LONGEST_NAME:
            raise CommandError(f"A name has 1 to {LONGEST_NAME} characters.")
        try:
            expires_at = keys.moment(expires) if expires else None
        except ValueError as error:
            raise CommandError(f"--expires: {error}") from None
        key, spelled = keys.make(name=name, scopes=scopes, expires_at=expires_at)
        self.stderr.write(line(key))
        self.stdout.write(spelled)

    def revoke(self, key_id: int) -> None:
        found = ApiKey.objects.filter(pk=key_id)
        if not found.exists():
            raise CommandError(f"There is no key {key_id}.")
        if not keys.revoke(found):
            raise CommandError(f"Key {key_id} is revoked already.")
        self.stdout.write(f"Key {key_id} is revoked.")


def line(key: ApiKey) -> str:
    """One key on one line: "7  live  Importer  videos:write  made by carol  last used never  expires never"."""
    state = "revoked" if key.revoked_at else "expired" if key.is_expired else "live"
    maker = f"made by {key.made_by.get_username()}" if key.made_by else "made by a command, or somebody who is gone"
    times = f"last used {told(key.last_used_at)}", f"expires {told(key.expires_at)}"
    return "  ".join([str(key.pk), state, key.name, " ".join(key.scopes), maker, *times])


def told(at: datetime | None) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}" if at else "never"
