"""Words within titles and descriptions are found by trigrams on PostgreSQL; SQLite reads through the table."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.utils import Error

COLUMNS = ("title", "description")


def add_trigrams(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Nothing where pg_trgm is missing or may not be created: search is slower then, and finds the same."""
    connection = editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT before_trigrams")
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except Error:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK TO SAVEPOINT before_trigrams")
        return
    for column in COLUMNS:
        editor.execute(
            f"CREATE INDEX library_video_{column}_words ON library_video"
            f" USING gin (upper({column}::text) gin_trgm_ops)"  # as Django writes `icontains`
        )


def remove_trigrams(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        for column in COLUMNS:
            editor.execute(f"DROP INDEX IF EXISTS library_video_{column}_words")


class Migration(migrations.Migration):
    dependencies = [("library", "0003_editors")]

    operations = [migrations.RunPython(add_trigrams, remove_trigrams)]
