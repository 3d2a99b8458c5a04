from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hls", "0011_sampling"),
    ]

    operations = [
        migrations.AddField(
            model_name="installation",
            name="least_number",
            field=models.PositiveIntegerField(db_default=1, help_text="See hls.numbering."),
        ),
    ]
