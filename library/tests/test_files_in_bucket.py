"""What comes by forms and from the shell, into a bucket: videos, posters, imports that were broken off."""

import io
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from hls import stores
from hls.models import State
from hls.store import connection, sections
from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from hls.store.interface import StoreFailed
from library import disk, upkeep
from library.admin.facts import facts_of
from library.models import Video
from library.storage import uploaded_bytes, video_bytes
from library.tests.factories import picture, uploaded
from library.tests.test_admin_adding import ADD, entries, errors, files_below
from library.tests.test_admin_originals import sent
from library.tests.test_upload_forms import uploaded_by

pytestmark = [pytest.mark.django_db, pytest.mark.bucket]

CONTENT = os.urandom(11 << 20)


@pytest.fixture(autouse=True)
def in_a_bucket(settings: Any, bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BUCKET = bucket
    monkeypatch.setattr(connection, "ATTEMPTS", 1)


@pytest.fixture
def away(settings: Any) -> None:
    settings.BUCKET = replace(settings.BUCKET, endpoint_url="http://127.0.0.1:2")


def kept(name: object) -> bytes:
    return stores.uploads().read(str(name))


def import_video(file: Path, *options: str) -> Video:
    call_command("import_video", str(file), "--title", "Harbour", *options, stdout=io.StringIO())
    return Video.objects.latest("pk")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sections, "USUAL_PART_BYTES", sections.LEAST_PART_BYTES)
    path = tmp_path / "harbour.mp4"
    path.write_bytes(CONTENT)
    return path


def test_a_forms_file_and_poster_are_kept_there_alone(at_admin: Client, folders: Path) -> None:
    at_admin.post(ADD, entries(video_file=uploaded(content=CONTENT), thumbnail=uploaded("poster.png", picture())))
    video = Video.objects.get()
    assert kept(video.video_file.name) == CONTENT
    assert (video.transcode.source_bytes, video.transcode.state) == (len(CONTENT), State.QUEUED)
    assert kept(video.thumbnail.name).startswith(b"\xff\xd8\xff")
    assert video.thumbnail.open().read() == kept(video.thumbnail.name)
    assert (video.video_file.size, video.video_file.storage.exists(str(video.video_file.name))) == (len(CONTENT), True)
    assert files_below(folders) == []
    assert video_bytes(video) == len(CONTENT)
    assert uploaded_bytes() == len(CONTENT)


def test_the_original_is_sent_from_there(at_admin: Client) -> None:
    at_admin.post(ADD, entries(video_file=uploaded(content=CONTENT)))
    address = f"/admin/library/video/{Video.objects.get().pk}/original/"
    assert sent(at_admin.get(address)) == CONTENT
    assert sent(at_admin.get(address, headers={"Range": "bytes=10-19"})) == CONTENT[10:20]


def test_a_form_that_can_not_be_saved_now_is_told_in_a_sentence(at_admin: Client, away: None) -> None:
    answer = at_admin.post(ADD, entries(), follow=True)
    assert answer.redirect_chain == [(ADD, 302)]
    assert "Nothing was saved: The bucket can&#x27;t be reached" in answer.content.decode()
    assert not Video.objects.exists()


def test_a_page_is_shown_while_the_store_is_away(at_admin: Client, settings: Any) -> None:
    at_admin.post(ADD, entries())
    video = Video.objects.get()
    settings.BUCKET = replace(settings.BUCKET, endpoint_url="http://127.0.0.1:2")
    assert "not known now" in {fact.label: fact.value for fact in facts_of(video)}["Size"]
    assert at_admin.get(reverse("admin:library_video_change", args=[video.pk])).status_code == 200


def test_a_form_removes_what_killed_ones_left_on_its_machine(at_admin: Client, folders: Path) -> None:
    old, young = disk.partial_folder() / "1.form", disk.partial_folder() / "2.form"
    for path in (old, young):
        path.touch()
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    at_admin.post(ADD, entries())
    assert (old.exists(), young.exists()) == (False, True)


def test_a_file_that_was_refused_leaves_nothing(at_admin: Client, folders: Path) -> None:
    assert "video_file" in errors(at_admin.post(ADD, entries(video_file=uploaded("notes.txt"))))
    assert (stores.uploads().entries("videos"), files_below(folders)) == ([], [])


def test_an_import_is_sent_in_parts_and_queued_afterwards(file: Path) -> None:
    video = import_video(file)
    assert kept(video.video_file.name) == CONTENT
    assert (video.transcode.source_bytes, video.original_name) == (len(CONTENT), "harbour.mp4")
    assert import_video(file).video_file.name != video.video_file.name


def test_a_moved_file_is_removed_once_it_was_sent(file: Path) -> None:
    video = import_video(file, "--move")
    assert (kept(video.video_file.name), file.exists()) == (CONTENT, False)


def test_a_moved_file_stays_where_the_bucket_is_away(file: Path, away: None) -> None:
    with pytest.raises(CommandError, match="Nothing was added"):
        import_video(file, "--move")
    assert (file.read_bytes(), Video.objects.exists()) == (CONTENT, False)


def test_a_link_into_a_bucket_is_refused_in_a_sentence(file: Path) -> None:
    with pytest.raises(
        CommandError, match=r"second name: uploads are kept in a bucket\. Without --link it is copied\."
    ):
        import_video(file, "--link")
    assert (file.stat().st_nlink, stores.uploads().entries("videos")) == (1, [])


def test_an_import_that_was_broken_off_goes_on_when_it_is_repeated(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put, numbers = BucketStore.put, list[int]()

    def killed(self: BucketStore, begun: Any, number: int, data: Any) -> Any:
        if number == 2:
            raise StoreFailed(5, "The bucket can't be reached.")
        return put(self, begun, number, data)

    def counted(self: BucketStore, begun: Any, number: int, data: Any) -> Any:
        numbers.append(number)
        return put(self, begun, number, data)

    with monkeypatch.context() as patched:
        patched.setattr(BucketStore, "put", killed)
        with pytest.raises(CommandError, match="Nothing was added; the same command again goes on"):
            import_video(file)
    assert not Video.objects.exists()
    monkeypatch.setattr(BucketStore, "put", counted)
    assert kept(import_video(file).video_file.name) == CONTENT
    assert 2 in numbers
    assert len(numbers) < 3
    assert list(stores.bucket_of_uploads().begun()) == []  # type: ignore[union-attr]


def test_a_replaced_file_is_given_back_from_there(at_admin: Client, dora: Any, settled: Path) -> None:
    at_admin.post(ADD, entries())
    video = Video.objects.get()
    first = str(video.video_file.name)
    changed = {"title": "Holiday", "category": "drama", "upload": str(uploaded_by(dora).pk)}
    at_admin.post(reverse("admin:library_video_change", args=[video.pk]), changed)
    upkeep.sweep()
    assert not stores.uploads().exists(first)
    call_command("upkeep", "--restore-replaced", str(video.pk), stdout=io.StringIO())
    video.refresh_from_db()
    assert video.video_file.name == first
    assert kept(first) == b"a video, perhaps"
    upkeep.sweep()
    assert kept(first) == b"a video, perhaps"


def test_a_video_is_made_again_where_its_file_is_there(file: Path) -> None:
    there, gone = import_video(file), import_video(file)
    stores.uploads().remove(str(gone.video_file.name))
    assert upkeep.make_again([there.transcode, gone.transcode]) == [gone.transcode]
