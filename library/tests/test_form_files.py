"""A form's files while they arrive: on the uploads' own disk, for staff alone, and nothing left of what is refused."""

import os
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.uploadhandler import SkipFile, StopUpload
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from library import disk
from library.tests.factories import uploaded
from library.uploads.form_files import Receiver, refusals

STAFF = SimpleNamespace(is_staff=True)
VIEWER = SimpleNamespace(is_staff=False)


def partials() -> list[Path]:
    return list(disk.partial_folder().iterdir())


def request_of(user: Any) -> HttpRequest:
    request = HttpRequest()
    if user is not None:
        request.user = user
    return request


def parsed(request: HttpRequest, **fields: Any) -> tuple[Any, Any]:
    body = encode_multipart(BOUNDARY, fields)
    meta = {"CONTENT_TYPE": MULTIPART_CONTENT, "CONTENT_LENGTH": str(len(body))}
    return MultiPartParser(meta, BytesIO(body), [Receiver(request)]).parse()


def test_a_file_of_the_staff_is_whole_and_on_the_uploads_disk() -> None:
    content = bytes(range(256)) * 9000  # more than two blocks
    words, files = parsed(request_of(STAFF), title="Harbour", video_file=uploaded("harbour.mp4", content))
    file = files["video_file"]
    assert (words["title"], file.name, file.size, file.read()) == ("Harbour", "harbour.mp4", len(content), content)
    assert Path(file.temporary_file_path()).parent == disk.partial_folder()
    file.close()
    assert partials() == [], "what no video took is gone with the request"


def test_a_large_file_is_brought_to_the_disk_while_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last byte waits for no more than what came since."""
    sizes, fsync = list[int](), os.fsync

    def noting(descriptor: int) -> None:
        fsync(descriptor)
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", noting)
    monkeypatch.setattr(disk, "SYNCED_BYTES", 4 << 20)
    monkeypatch.setattr(disk, "WRITTEN_BACK_BYTES", 1 << 20)
    content = os.urandom(9 << 20)
    _, files = parsed(request_of(STAFF), title="Harbour", video_file=uploaded("harbour.mp4", content))
    assert [size >> 20 for size in sizes] == [4, 8, 9]
    assert files["video_file"].read() == content
    files["video_file"].close()


@pytest.mark.parametrize("user", [None, VIEWER])
def test_whoever_may_not_upload_is_cut_off_before_the_first_byte(user: Any) -> None:
    receiver = Receiver(request_of(user))
    with pytest.raises(StopUpload) as raised:
        receiver.new_file("video_file", "a.mp4", "video/mp4", 10)
    assert raised.value.connection_reset
    assert partials() == []


def test_files_that_are_moved_away_stay_where_they_were_moved(tmp_path: Path) -> None:
    _, files = parsed(request_of(STAFF), video_file=uploaded("a.mp4", b"video"))
    Path(files["video_file"].temporary_file_path()).rename(tmp_path / "kept.mp4")
    files["video_file"].close()
    assert (tmp_path / "kept.mp4").read_bytes() == b"video"


def test_each_of_two_files_is_its_own() -> None:
    _, files = parsed(
        request_of(STAFF), video_file=uploaded("a.mp4", b"video"), thumbnail=uploaded("a.png", b"picture")
    )
    assert [files[name].read() for name in ("video_file", "thumbnail")] == [b"video", b"picture"]
    for name in files:
        files[name].close()


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [("DISK_RESERVE_BYTES", 1 << 60, "not enough free space"), ("UPLOAD_MAX_BYTES", -1, "too large")],
)
def test_a_file_that_can_not_be_kept_is_read_to_its_end_and_told(
    settings: Any, setting: str, value: int, sentence: str
) -> None:
    setattr(settings, setting, value)
    request = request_of(STAFF)
    words, files = parsed(request, video_file=uploaded("a.mp4", bytes(3 << 20)), title="Harbour")
    assert words["title"] == "Harbour", "the fields behind the file arrive"
    assert "video_file" not in files
    assert sentence in refusals(request)["video_file"]
    assert partials() == []


def test_a_file_that_grows_past_the_limit_is_dropped_on_its_way(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.uploads.form_files.LOOK_AT_DISK_EVERY", 1 << 20)
    settings.UPLOAD_MAX_BYTES = 2 << 20
    request = request_of(STAFF)
    _, files = parsed(request, video_file=uploaded("a.mp4", bytes(5 << 20)))
    assert "too large" in refusals(request)["video_file"]
    assert not files
    assert partials() == []


def test_a_refused_file_goes_at_once_and_not_with_the_request(settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = -1
    receiver = Receiver(request_of(STAFF))
    with pytest.raises(SkipFile):
        receiver.new_file("video_file", "a.mp4", "video/mp4", 10)
    assert partials() == []
    assert receiver.file_complete(10) is None


def test_a_connection_that_is_lost_leaves_nothing() -> None:
    receiver = Receiver(request_of(STAFF))
    receiver.new_file("video_file", "a.mp4", "video/mp4", 10)
    receiver.receive_data_chunk(b"12345", 0)
    assert len(partials()) == 1
    receiver.upload_interrupted()
    assert partials() == []
    with pytest.raises(SkipFile):
        receiver.receive_data_chunk(b"67890", 5)
    assert receiver.file_complete(10) is None


def test_a_request_without_files_has_no_refusals() -> None:
    assert refusals(HttpRequest()) == {}
    assert refusals(None) == {}
