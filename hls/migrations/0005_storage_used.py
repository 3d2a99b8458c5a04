"""How much room each film takes stands in its row: summed up from an index, where all files were looked at."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

AT_ONCE = 500


def fill(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """From what was written down when the films were read and published; no file is looked at."""
    films = apps.get_model("hls", "Transcode").objects.using(editor.connection.alias)
    read = []
    for film in films.only("plan", "served", "retired").iterator(chunk_size=AT_ONCE):
        film.source_bytes = film.plan["source"]["size_bytes"] if film.plan else 0
        film.served_bytes = sum(edition["size_bytes"] for edition in (film.served, film.retired) if edition)
        read.append(film)
        if len(read) == AT_ONCE:
            films.bulk_update(read, ["source_bytes", "served_bytes"])
            read.clear()
    films.bulk_update(read, ["source_bytes", "served_bytes"])


class Migration(migrations.Migration):
    dependencies = [("hls", "0004_periodic_tasks")]

    operations = [
        migrations.AddField(
            model_name="transcode",
            name="source_bytes",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="transcode",
            name="served_bytes",
            field=models.PositiveBigIntegerField(default=0, help_text="Of the served and the retired version."),
        ),
        migrations.AddIndex(
            model_name="transcode",
            index=models.Index(fields=["source_bytes", "served_bytes"], name="transcode_storage"),
        ),
        migrations.AddIndex(
            model_name="transcode",
            index=models.Index(
                condition=models.Q(("retired_until", None), _negated=True),
                fields=["retired_until"],
                name="transcode_retired",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
