from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_email_index")]

    operations = [migrations.RenameModel("Letter", "Mail")]
