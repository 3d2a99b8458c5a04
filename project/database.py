"""Whether the database can be reached at all, told quickly and once."""

from django.db import connection


def check_reachable() -> None:
    """Ask over a connection of its own: a pool would try for seconds, and log each try. Raises OperationalError."""
    if "pool" not in connection.settings_dict["OPTIONS"]:
        return  # a file is opened when it is needed
    probe = connection.copy()
    del probe.settings_dict["OPTIONS"]["pool"]
    try:
        probe.ensure_connection()
    finally:
        probe.close()
