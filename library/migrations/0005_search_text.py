"""Films keep what they are searched by: title and description, folded. The trigrams go over to it."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from library.folding import folded

AT_ONCE = 500
OLD_COLUMNS = ("title", "description")


def fold(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Row by row of what is there, some hundred at once."""
    videos = apps.get_model("library", "Video").objects.order_by("pk")
    last = 0
    while rows := list(videos.filter(pk__gt=last).only("title", "description", "original_name")[:AT_ONCE]):
        for row in rows:
            row.search_text = folded(f"{row.title}\n{row.description}")
            row.name_text = folded(row.original_name)
        videos.bulk_update(rows, ["search_text", "name_text"])
        last = rows[-1].pk


def has_trigrams(editor: BaseDatabaseSchemaEditor) -> bool:
    if editor.connection.vendor != "postgresql":
        return False
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        return cursor.fetchone() is not None


def move_trigrams(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Nothing where pg_trgm is missing: search is slower then, and finds the same."""
    if not has_trigrams(editor):
        return
    for column in OLD_COLUMNS:
        editor.execute(f"DROP INDEX IF EXISTS library_video_{column}_words")
    editor.execute("CREATE INDEX library_video_search_words ON library_video USING gin (search_text gin_trgm_ops)")


def move_trigrams_back(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if not has_trigrams(editor):
        return
    editor.execute("DROP INDEX IF EXISTS library_video_search_words")
    for column in OLD_COLUMNS:
        editor.execute(
            f"CREATE INDEX library_video_{column}_words ON library_video USING gin (upper({column}::text) gin_trgm_ops)"
        )


class Migration(migrations.Migration):
    dependencies = [("library", "0004_search")]

    operations = [
        migrations.AddField(
            model_name="video",
            name="search_text",
            field=models.TextField(default="", editable=False, help_text="Title and description, folded."),
        ),
        migrations.AddField(
            model_name="video",
            name="name_text",
            field=models.TextField(default="", editable=False, help_text="The file's own name, folded."),
        ),
        migrations.RunPython(fold, migrations.RunPython.noop),
        migrations.RunPython(move_trigrams, move_trigrams_back),
    ]
