"""What the minutely sweeps may take away, and what they leave whatever the database says."""

import io
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
import time_machine
from django.core import serializers
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from structlog.testing import capture_logs

from hls import tasks as engine_tasks
from hls import upkeep as engine
from hls.folders import transcode_folder, version_folder
from hls.identity import FILE
from hls.models import Discarded, Installation, PeriodicTask, Transcode
from hls.removal import TRASH
from library import tasks, upkeep
from library.models import Video
from library.tests.videos import published, serve_version
from library.uploads.form_files import PartialFile
from library.videos import store_upload

pytestmark = pytest.mark.django_db

LONG_AGO = time.time() - 7200


def sweep_for(minutes: int) -> None:
    """What a worker does each minute, so many times."""
    PeriodicTask.objects.update(due_at=None)
    begin = timezone.now()
    for minute in range(minutes):
        with time_machine.travel(begin + timedelta(minutes=minute + 1)):
            engine_tasks.keep_house.call_local()
            tasks.sweep_uploads.call_local()


def videos(number: int, *, with_pictures: bool = True) -> list[Video]:
    made = []
    for _ in range(number):
        video = published(title=uuid4().hex)
        if with_pictures:
            video.thumbnail.name = f"thumbnails/{uuid4().hex}.jpg"
            video.save()
        for name in filter(None, (video.video_file.name, video.thumbnail.name)):
            write(Path(video.video_file.path).parents[1] / name)
        made.append(video)
    return made


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(path.name.encode())
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def contents(folders: Path) -> dict[str, bytes]:
    """Every byte where viewers and editors expect it: not in the trash."""
    files = [path for path in folders.rglob("*") if path.is_file() and path.name != FILE]
    return {str(path.relative_to(folders)): path.read_bytes() for path in files if TRASH not in path.parts}


def forget_everything() -> None:
    """The database as a new one is, right after `migrate`."""
    Video.objects.all()._raw_delete("default")
    for model in (Transcode, Discarded, Installation, PeriodicTask):
        model.objects.all()._raw_delete("default")


def upkeep_says(*options: str) -> str:
    said = io.StringIO()
    try:
        call_command("upkeep", *options, stdout=said, stderr=said)
    except CommandError as error:
        said.write(f"refused: {error}")
    return said.getvalue()


@pytest.mark.parametrize("number", [1, 12])
@pytest.mark.parametrize("is_known", [True, False], ids=["swept before", "never swept before"])
def test_an_hour_of_sweeps_with_an_empty_database_over_full_folders_leaves_every_byte(
    folders: Path, number: int, is_known: bool
) -> None:
    videos(number)
    if is_known:
        sweep_for(1)
    before = contents(folders)
    assert len(before) > 10
    forget_everything()
    with capture_logs() as told:
        sweep_for(60)
    assert contents(folders) == before
    assert not list(folders.rglob(TRASH))
    assert [line["event"] for line in told].count("nothing removed") == 2 * 60


def test_videos_that_are_added_to_a_wrong_database_do_not_make_it_the_right_one(folders: Path) -> None:
    videos(12)
    forget_everything()
    videos(3)
    before = contents(folders)
    sweep_for(60)
    assert contents(folders) == before


def test_an_installation_from_before_there_were_identities_is_taken_up(folders: Path) -> None:
    videos(3)
    before = contents(folders)
    sweep_for(1)
    identity = str(Installation.objects.get().identity)
    assert [(folders / root / FILE).read_text() for root in ("uploads", "hls")] == [identity] * 2
    assert contents(folders) == before


def test_a_dump_of_the_right_database_is_known_again(folders: Path) -> None:
    """As `dumpdata` and `loaddata` move it to PostgreSQL: the identity goes along, and replaces the new one."""
    video = videos(1)[0]
    sweep_for(1)
    dump = serializers.serialize("json", [*Installation.objects.all(), video.transcode, video])
    forget_everything()
    assert upkeep.doubts()
    for row in serializers.deserialize("json", dump):
        row.save()
    assert not upkeep.doubts()


@pytest.mark.parametrize("in_bulk", [True, False])
def test_all_videos_that_somebody_deletes_are_gone_with_the_next_sweep(folders: Path, in_bulk: bool) -> None:
    """However many: a deletion is written down, so that nothing has to be concluded from rows that are not there."""
    videos(30)
    sweep_for(1)
    if in_bulk:
        Video.objects.all().delete()
    else:
        for video in Video.objects.all():
            video.delete()
    sweep_for(2)
    assert contents(folders) == {}
    assert not Discarded.objects.exists()


def test_a_large_share_of_the_files_stays_where_its_rows_vanish(folders: Path) -> None:
    kept, *lost = videos(30, with_pictures=False)
    sweep_for(1)
    before = contents(folders)
    pks = [video.transcode_id for video in lost]
    Video.objects.exclude(pk=kept.pk)._raw_delete("default")
    Transcode.objects.filter(pk__in=pks)._raw_delete("default")
    sweep_for(3)
    assert contents(folders) == before

    assert "No row names 29 things" in (said := upkeep_says())
    assert "upkeep --yes" in said
    assert contents(folders) == before
    upkeep_says("--yes")
    assert {Path(name).parts[1] for name in contents(folders)} == {"videos", str(kept.transcode_id)}


def test_what_was_removed_by_mistake_is_taken_back_when_rows_name_it_again(folders: Path) -> None:
    videos(3)
    sweep_for(1)
    before = contents(folders)
    rows = serializers.serialize("json", [*Transcode.objects.all(), *Video.objects.all()])
    Video.objects.all()._raw_delete("default")
    Transcode.objects.all()._raw_delete("default")
    stray = write(folders / "uploads/videos/nobodys.mp4")
    sweep_for(1)
    assert contents(folders) == {}
    for row in serializers.deserialize("json", rows):
        row.save()

    said = upkeep_says("--restore")
    assert contents(folders) == before
    assert said.count("restored") == 9
    assert f"{stray.name}, which no row names" in said
    assert not upkeep.lost()


def test_the_trash_is_emptied_when_its_days_are_over(folders: Path, settings: Any) -> None:
    settings.TRASH_DAYS = 2
    video = videos(1)[0]
    sweep_for(1)
    video.delete()
    sweep_for(1)
    assert list(folders.rglob("segment_000.ts"))
    with time_machine.travel(timezone.now() + timedelta(days=2, minutes=2)):
        sweep_for(1)
    assert [path.name for path in folders.rglob("*") if path.is_file()] == [FILE, FILE]


def test_a_full_disk_gets_its_room_back_at_once(folders: Path) -> None:
    video = videos(1)[0]
    sweep_for(1)
    video.delete()
    sweep_for(1)
    assert "freed" in upkeep_says("--empty-trash")
    assert [path.name for path in folders.rglob("*") if path.is_file()] == [FILE, FILE]


def test_folders_of_another_database_are_reported_and_can_be_adopted(folders: Path) -> None:
    videos(1)
    sweep_for(1)
    Installation.objects.update(identity=uuid4())
    for options in ((), ("--yes",), ("--check",)):
        assert "belongs to another installation" in upkeep_says(*options)
    assert "belongs to the installation" in upkeep_says("--adopt")
    assert "0 bytes in 0 places" in upkeep_says()


def test_empty_folder_in_the_place_of_the_uploads_is_reported_and_not_taken_up(folders: Path) -> None:
    videos(2)
    sweep_for(1)
    shutil.rmtree(folders / "uploads")
    for options in ((), ("--yes",), ("--check",)):
        assert "None of the 2 files that the database names is in" in upkeep_says(*options)
    assert upkeep.doubts()
    assert "belongs to the installation" in upkeep_says("--adopt")
    assert not upkeep.doubts()


def test_an_unfinished_upload_whose_row_is_gone_can_be_taken_back_and_a_forms_file_not(settled: Path) -> None:
    upload = write(settled / "uploads/partial" / str(uuid4()))
    form = write(settled / "uploads/partial/4711.form")
    upkeep.sweep()
    assert not upload.exists()
    assert not form.exists()
    assert [path.name for path in (settled / "uploads" / TRASH).rglob("*") if path.is_file()] == [upload.name]


def test_a_folder_that_a_crash_left_among_uploads_stops_no_sweep(settled: Path) -> None:
    """`posters.choose` works in such a folder."""
    left = write(settled / "uploads/partial/tmp4711/still.jpg").parent
    os.utime(left, (LONG_AGO, LONG_AGO))
    stray = write(settled / "uploads/videos/stray.mp4")
    upkeep.sweep()
    assert not left.exists()
    assert not stray.exists()


@contextmanager
def unremovable(name: str) -> Iterator[None]:
    """Everything of this name stays, as in a folder that was mounted read-only."""
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    with patch.object(Path, "rename", refuse):
        yield


def test_what_can_not_be_removed_is_passed_over_and_told_once(settled: Path) -> None:
    stuck, stray = (write(settled / "uploads/videos" / name) for name in ("1.mp4", "2.mp4"))
    video = published()
    video.delete()
    shutil.rmtree(settled / "hls" / str(video.transcode_id))
    orphans = [write(settled / "hls" / name / "1/segment").parents[1] for name in ("8000001", "8000002")]
    with unremovable("1.mp4"), unremovable("8000001"), capture_logs() as told:
        for _ in range(3):
            engine.sweep()
            upkeep.sweep()
    assert (stuck.exists(), stray.exists()) == (True, False)
    assert [orphan.exists() for orphan in orphans] == [True, False]
    complaints = [line for line in told if line["event"] == "can't be removed"]
    assert sorted(Path(line["path"]).name for line in complaints) == ["1.mp4", "8000001"]


def test_videos_are_looked_into_by_and_by(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOOKED_INTO_AT_ONCE", 2)
    made = videos(5, with_pictures=False)
    old = [write(version_folder(video.transcode_id, 7) / "segment").parent for video in made]
    left = []
    for _ in range(3):
        sweep_for(1)
        left.append(sum(folder.exists() for folder in old))
    assert left == [3, 1, 0]


def test_a_sweep_asks_as_much_of_the_database_whatever_the_library(
    settled: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    engine.sweep()
    upkeep.sweep()
    videos(12)
    with django_assert_num_queries(12):
        engine.sweep()
    with django_assert_num_queries(11):
        upkeep.sweep()


def test_versions_kept_for_viewers_go_when_their_time_is_over_however_many(settled: Path) -> None:
    made = videos(14, with_pictures=False)
    for video in made:
        serve_version(video, 2)
    Transcode.objects.update(retired_until=timezone.now() - timedelta(seconds=1))
    sweep_for(1)
    assert {folder.name for video in made for folder in transcode_folder(video.transcode_id).iterdir()} == {"2"}
    assert set(Transcode.objects.values_list("served_bytes", flat=True)) == {4 * 1_880}


def test_a_forms_file_is_safe_until_its_row_is_there_however_long_the_form_took(folders: Path) -> None:
    with PartialFile("harbour.mp4", "video/mp4", None) as arrived:
        arrived.write(b"video")
        arrived.flush()
        os.utime(arrived.temporary_file_path(), (LONG_AGO, LONG_AGO))
        store_upload(Video(title="Harbour"), arrived)
    [stray] = upkeep.strays()
    assert not stray.is_old
