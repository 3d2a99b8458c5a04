from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hls", "0010_awaited_sources"),
    ]

    operations = [
        migrations.AddField(
            model_name="transcode",
            name="is_sampling_due",
            field=models.BooleanField(
                default=False,
                help_text="Whether its own CRFs are still to be found; until then its later chunks wait.",
            ),
        ),
    ]
