"""Uploads of unknown length, of parts, and bound to the sign-in that began them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("library", "0005_search_text"),
    ]

    operations = [
        migrations.AddField(
            model_name="upload",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[("", "A file"), ("partial", "A part of a file"), ("final", "Made of parts")],
                default="",
                max_length=7,
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="part_number",
            field=models.PositiveSmallIntegerField(default=0, help_text="Which part of the whole it is."),
        ),
        migrations.AddField(
            model_name="upload",
            name="session",
            field=models.UUIDField(
                blank=True, help_text="The sign-in that began it, and may go on with it.", null=True
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="whole",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="parts",
                to="library.upload",
            ),
        ),
        migrations.AlterField(
            model_name="upload",
            name="length",
            field=models.PositiveBigIntegerField(
                help_text="Bytes, once complete; none where it is told later.", null=True
            ),
        ),
    ]
