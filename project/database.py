"""Which models have tables, whether the database can be reached, and in a sentence why it can't be used."""

import re

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connection
from django.db.models import Model

from hls.core.errors import first_line

# As SQLite and PostgreSQL say it, whose words are English or the server's own: then the code stands in.
NO_TABLES = re.compile(r"no such (table|column)|(relation|column) \S+ does not exist")
UNDEFINED = ("42P01", "42703")  # a table, a column: PostgreSQL's codes


class OnlyTables:
    """A database router for Django's own commands: models that only give the admin a page have no rows to write out.

    huey's statistics have such a model. Without this `dumpdata` looks for its table.
    """

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, model: type[Model] | None = None, **hints: object
    ) -> bool | None:
        return None if model is None or model._meta.managed else False


def check_reachable() -> None:
    """Raise OperationalError if not. Connects without the pool, which would try for seconds and log each try."""
    if "pool" not in connection.settings_dict["OPTIONS"]:
        return  # a file is opened when it is needed
    probe = connection.copy()
    del probe.settings_dict["OPTIONS"]["pool"]
    try:
        probe.ensure_connection()
    finally:
        probe.close()


def why_unusable(error: Error) -> str | None:
    """One line for people: where the database should be, and what is wrong with it; None where it isn't to blame."""
    if NO_TABLES.search(str(error)) or getattr(error.__cause__, "sqlstate", None) in UNDEFINED:
        return f"The database at {place()} isn't up to date: `manage.py prepare` makes its tables ({said(error)})."
    is_broken = type(error) is DatabaseError  # a file that is none of SQLite's, or no longer
    if not is_broken and not isinstance(error, OperationalError | InterfaceError):
        return None
    try:
        check_reachable()  # its answer says more than the pool's, which only got none in time
    except OperationalError as refusal:
        error = refusal
    return f"The database at {place()} can't be used: {said(error)}"


def place() -> str:
    """Where the settings say that it is."""
    told = connection.settings_dict
    return f"{told['HOST']}:{told['PORT']}" if told["HOST"] else str(told["NAME"])


def said(error: Error) -> str:
    return first_line(error.__cause__ or error) or type(error).__name__
