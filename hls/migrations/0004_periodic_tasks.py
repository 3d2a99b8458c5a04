from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hls", "0003_installation")]

    operations = [
        migrations.CreateModel(
            name="PeriodicTask",
            fields=[
                ("name", models.CharField(max_length=50, primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("lease_token", models.CharField(blank=True, default="", max_length=32)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("position", models.PositiveBigIntegerField(default=0, help_text="Where it goes on next time.")),
            ],
        ),
    ]
