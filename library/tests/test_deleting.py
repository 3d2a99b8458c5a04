"""A deleted video leaves no row and, soon, no byte."""

import os
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from hls.folders import version_folder
from hls.identity import FILE
from hls.models import Transcode
from hls.removal import TRASH
from library import catalogue, upkeep
from library.models import Video
from library.tests.factories import VideoFactory
from library.tests.videos import published

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("settled")]

LONG_AGO = time.time() - 3600


def uploaded(folders: Path, name: str = "videos/a.mp4", *, written_at: float = LONG_AGO) -> Path:
    path = folders / "uploads" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"video")
    os.utime(path, (written_at, written_at))
    return path


def deletable(folders: Path) -> Video:
    uploaded(folders)
    video: Video = VideoFactory.create(ready=True, video_file="videos/a.mp4")
    Transcode.objects.filter(pk=video.transcode_id).update(source="videos/a.mp4")
    folder = version_folder(video.transcode_id, 1) / "480p"
    folder.mkdir(parents=True)
    (folder / "segment_000.ts").write_bytes(b"segment")
    return video


def bytes_left(folders: Path) -> list[Path]:
    """The files of viewers and editors, without those in the trash."""
    files = [path for path in folders.rglob("*") if path.is_file()]
    return [path for path in files if TRASH not in path.parts and path.name != FILE]


@pytest.mark.parametrize("in_bulk", [False, True])
def test_a_deleted_video_leaves_nothing_after_the_sweep(folders: Path, in_bulk: bool) -> None:
    video = deletable(folders)
    assert len(bytes_left(folders)) == 2
    if in_bulk:
        Video.objects.filter(pk=video.pk).delete()
    else:
        video.delete()
    assert not Transcode.objects.exists()
    call_command("upkeep")
    assert bytes_left(folders) == []


def test_every_deletion_makes_a_new_revision_so_that_the_list_is_read_anew(folders: Path) -> None:
    one, two = deletable(folders), [VideoFactory.create(), VideoFactory.create()]
    seen = [catalogue.revision()]
    one.delete()
    seen.append(catalogue.revision())
    Video.objects.filter(pk__in=[video.pk for video in two]).delete()
    seen.append(catalogue.revision())
    assert len(set(seen)) == 3


def test_a_file_that_is_just_being_added_is_left_alone(folders: Path) -> None:
    young = uploaded(folders, "videos/young.mp4", written_at=time.time())
    old = uploaded(folders, "videos/old.mp4")
    upkeep.sweep()
    assert young.exists()
    assert not old.exists()


def test_the_check_tells_and_changes_nothing(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stray = uploaded(folders, "videos/stray.mp4")
    with pytest.raises(CommandError, match="no row names"):
        call_command("upkeep", "--check")
    assert str(stray) in capsys.readouterr().out
    assert stray.exists()


def test_a_settled_system_has_no_byte_that_no_row_names(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = published()
    uploaded(folders, str(video.video_file.name))
    Transcode.objects.filter(pk=video.transcode_id).update(source=str(video.video_file.name))
    call_command("upkeep", "--check")
    assert capsys.readouterr().out.strip() == "0 bytes in 0 places that no row names"
