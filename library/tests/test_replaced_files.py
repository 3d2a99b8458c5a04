"""A file that was replaced by mistake: it is in the trash, and `manage.py upkeep --restore-replaced` gives it back."""

import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from hls.models import State
from library import upkeep
from library.models import Video
from library.tests.factories import VideoFactory
from library.tests.test_upload_forms import uploaded_by

pytestmark = pytest.mark.usefixtures("settled")


def restore(video_id: int) -> str:
    said = io.StringIO()
    call_command("upkeep", "--restore-replaced", str(video_id), stdout=said)
    return said.getvalue()


@pytest.fixture
def replaced(at_admin: Client, dora: Any) -> Video:
    """A video that was made of holiday.mp4, and is of harbour.mov now."""
    video = VideoFactory.create(ready=True)
    path = Path(video.video_file.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"holiday")
    entries = {"title": "Holiday", "category": "drama", "upload": str(uploaded_by(dora).pk)}
    at_admin.post(reverse("admin:library_video_change", args=[video.pk]), entries)
    for file in path.parent.iterdir():
        os.utime(file, (time.time() - 7200, time.time() - 7200))
    video.refresh_from_db()
    assert video.original_name == "harbour.mov"
    return video


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_swept", [False, True])
def test_a_replaced_file_is_given_back_and_the_newer_one_after_it(replaced: Video, is_swept: bool) -> None:
    newer = Path(replaced.video_file.path)
    if is_swept:
        upkeep.sweep()
    assert "is made of holiday.mp4 again" in restore(replaced.pk)
    replaced.refresh_from_db()
    assert Path(replaced.video_file.path).read_bytes() == b"holiday"
    assert (replaced.original_name, replaced.transcode.state) == ("holiday.mp4", State.QUEUED)
    assert (replaced.transcode.source, replaced.transcode.served_version) == (replaced.video_file.name, 1)
    upkeep.sweep()
    assert Path(replaced.video_file.path).exists()
    assert not newer.exists(), "it is in the trash now"


@pytest.mark.django_db(transaction=True)
def test_a_replaced_file_that_is_gone_for_good_is_told(replaced: Video) -> None:
    newer = Path(replaced.video_file.path)
    for path in newer.parent.iterdir():
        if path != newer:
            path.unlink()
    with pytest.raises(CommandError, match=r"holiday\.mp4 is neither in .* nor in its trash"):
        restore(replaced.pk)
    replaced.refresh_from_db()
    assert replaced.original_name == "harbour.mov"


def test_a_video_whose_file_was_never_replaced_has_nothing_to_restore() -> None:
    with pytest.raises(CommandError, match="knows no replaced file"):
        restore(VideoFactory.create().pk)
    with pytest.raises(CommandError, match="knows no replaced file"):
        restore(4711)
