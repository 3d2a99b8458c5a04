import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hls", "0002_error_reason")]

    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("identity", models.UUIDField(default=uuid.uuid4, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="Discarded",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("root", models.CharField(choices=[("uploads", "Uploads"), ("hls", "Hls")], max_length=10)),
                ("name", models.CharField(help_text="Relative to its root.", max_length=500)),
            ],
        ),
        migrations.AddConstraint(
            model_name="discarded",
            constraint=models.UniqueConstraint(fields=("root", "name"), name="discarded_once"),
        ),
    ]
