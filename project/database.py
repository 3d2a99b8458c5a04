"""A quick check whether the database can be reached."""

from django.db import connection


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
