"""Whether the database can be reached at all, told quickly and once."""

from django.db import connection


def check_reachable() -> None:
    """Ask over a connection of its own: a pool would try for seconds, and log each try. Raises OperationalError."""
    probe = connection.copy()
    probe.settings_dict["OPTIONS"].pop("pool", None)
    try:
        probe.ensure_connection()
    finally:
        probe.close()
