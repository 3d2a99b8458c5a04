"""Which models have tables, and a quick check whether the database can be reached."""

from django.db import connection
from django.db.models import Model


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
