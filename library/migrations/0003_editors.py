"""The group "Editors": may manage films, and nothing else."""

from django.db import migrations

ACTIONS = ("add", "change", "delete", "view")


def add_editors(apps, schema_editor):
    """Django makes a model's permissions only after all migrations, so they are made here where they are missing."""
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label="library", model="video")
    editors, _ = Group.objects.get_or_create(name="Editors")
    for action in ACTIONS:
        permission, _ = Permission.objects.get_or_create(
            codename=f"{action}_video", content_type=kind, defaults={"name": f"Can {action} video"}
        )
        editors.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("library", "0002_upload"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(add_editors, migrations.RunPython.noop)]
