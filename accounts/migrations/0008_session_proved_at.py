from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_second_factor"),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="proved_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="when the identity provider last asked who it is, as far as it tells; empty after a password",
                null=True,
            ),
        ),
    ]
