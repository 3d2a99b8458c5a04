"""Django's own commands work here as anywhere: what `dumpdata` writes, `loaddata` brings back."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command

from accounts.models import Mail, User
from accounts.tests.factories import PASSWORD, UserFactory, signed_in
from library.models import Video
from library.tests.factories import VideoFactory

pytestmark = pytest.mark.django_db(transaction=True)


def dumped(*labels: str) -> list[dict[str, Any]]:
    output = StringIO()
    call_command("dumpdata", *labels, stdout=output)
    text = output.getvalue().replace('.000Z"', 'Z"')  # of a moment's microseconds Django writes the thousands alone
    rows: list[dict[str, Any]] = json.loads(text)
    return sorted(rows, key=lambda row: (row["model"], str(row["pk"])))


@pytest.fixture
def installation() -> None:
    """Somebody of everything: staff with a group, a session, a mail, videos with chunks, and the admin's history."""
    editor = UserFactory.create(email="editor@example.com", username="editor", staff=True)
    group = Group.objects.create(name="Translators")
    group.permissions.set(Permission.objects.filter(codename__contains="video"))
    editor.groups.add(group)
    signed_in(editor)
    Mail.objects.create(kind=Mail.Kind.ACTIVATION, address="x@example.com")
    video = VideoFactory.create(title="Grüße aus Köln", processing=True, chunks="drw")
    kind = ContentType.objects.get_for_model(Video)
    LogEntry.objects.create(
        user=editor,
        content_type=kind,
        object_id=str(video.pk),
        object_repr="x",
        action_flag=ADDITION,
        change_message="[]",
    )


@pytest.mark.usefixtures("installation")
def test_what_is_dumped_flushed_and_loaded_is_the_same(tmp_path: Path) -> None:
    before = dumped()
    call_command("dumpdata", output=str(tmp_path / "all.json"), verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    assert not User.objects.exists()
    ContentType.objects.all().delete()  # their ids, and the permissions', are others elsewhere
    ContentType.objects.clear_cache()
    call_command("migrate", verbosity=0)

    call_command("loaddata", str(tmp_path / "all.json"), verbosity=0)

    assert dumped() == before
    assert {"accounts.user", "accounts.session", "library.video", "hls.chunk"} <= {row["model"] for row in before}
    editor = User.objects.get(username="editor")
    assert editor.check_password(PASSWORD)
    assert editor.has_perm("library.change_video")
    entry = LogEntry.objects.get()
    assert entry.content_type is not None
    assert entry.get_edited_object() == Video.objects.get()


def test_one_app_and_one_model_can_be_dumped() -> None:
    assert {row["model"] for row in dumped("contenttypes")} == {"contenttypes.contenttype"}
    assert {row["model"] for row in dumped("auth.permission")} == {"auth.permission"}
    assert dumped("hueystats") == []


def test_check_and_migrate_find_nothing_to_do() -> None:
    call_command("check", stdout=StringIO())
    call_command("migrate", check_unapplied=True, verbosity=0)
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)
