"""Uploads whose length is told later, and uploads made of parts: tus 1.0 "Creation" and "Concatenation"."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from hls import identity
from library import disk, upkeep
from library.errors import UploadBusy
from library.models import Upload, UploadKind, Video
from library.tests.factories import AdministratorFactory
from library.tests.test_uploads import PIECE, ROOT, VIDEO, ask, begun, metadata, send
from library.uploads import concatenation, finishing, in_folder
from library.viewers import Owner

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)  # the upload's own name of a video's file goes with the commit

CUTS = (0, 3000, 3001, 9000, len(VIDEO))
PIECES = [VIDEO[begin:end] for begin, end in pairwise(CUTS)]


def post(client: Client, body: bytes = b"", **headers: str) -> Any:
    given = {"Tus-Resumable": "1.0.0", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.generic("POST", ROOT, body, PIECE if body else "", headers=given)


def part(client: Client, piece: bytes) -> str:
    begun = post(client, piece, Upload_Concat="partial", Upload_Length=str(len(piece)))
    assert (begun.status_code, begun["Upload-Offset"]) == (201, str(len(piece))), begun.content
    return str(begun["Location"])


def joined(client: Client, parts: list[str], **told: str) -> Any:
    named = metadata(**{"filename": "harbour.mp4", **told})
    return post(client, Upload_Concat=f"final;{' '.join(parts)}", Upload_Metadata=named)


@pytest.fixture
def parts(at_admin: Client) -> list[str]:
    return [part(at_admin, piece) for piece in PIECES]


def files(folders: Path) -> list[bytes]:
    uploads = folders / "uploads"
    return [path.read_bytes() for path in uploads.rglob("*") if path.is_file() and path.name != identity.FILE]


def whole() -> Upload:
    return Upload.objects.get(kind=UploadKind.FINAL)


def test_parts_are_joined_in_the_order_that_is_named(at_admin: Client, parts: list[str], folders: Path) -> None:
    final = joined(at_admin, parts)
    assert final.status_code == 201
    told = ask(at_admin, final["Location"])
    assert (told["Upload-Offset"], told["Upload-Length"]) == (str(len(VIDEO)), str(len(VIDEO)))
    assert told["Upload-Concat"] == f"final;{' '.join(parts)}"
    assert ask(at_admin, parts[0])["Upload-Concat"] == "partial"
    assert files(folders) == [VIDEO], "no part keeps a file"


@committed
def test_a_title_makes_a_video_of_the_joined_parts(at_admin: Client, parts: list[str], folders: Path) -> None:
    absolute = [f"https://videos.example.com{part}" for part in parts]
    final = joined(at_admin, absolute, title="Harbour")
    video = Video.objects.get()
    assert final["X-Video-ID"] == str(video.pk)
    assert (video.title, video.original_name) == ("Harbour", "harbour.mp4")
    assert files(folders) == [VIDEO]


def test_a_part_is_sent_in_pieces_and_goes_on_as_any_upload(at_admin: Client) -> None:
    url = post(at_admin, Upload_Concat="partial", Upload_Length=str(len(VIDEO)))["Location"]
    send(at_admin, url, VIDEO[:500], 0)
    assert ask(at_admin, url)["Upload-Offset"] == "500"
    assert send(at_admin, url, VIDEO[500:], 500).status_code == 204
    assert joined(at_admin, [url]).status_code == 201
    assert in_folder.path_of(whole()).read_bytes() == VIDEO


def test_whoever_missed_the_answer_is_told_the_same_whole(at_admin: Client, parts: list[str]) -> None:
    first, again = joined(at_admin, parts, title="Harbour"), joined(at_admin, parts, title="Harbour")
    assert [ask(at_admin, part)["Upload-Offset"] for part in parts] == [str(len(piece)) for piece in PIECES]
    assert (again.status_code, again["Location"]) == (201, first["Location"])
    assert again["X-Video-ID"] == str(Video.objects.get().pk)


@committed
def test_ten_who_join_the_same_parts_at_once_are_told_the_same_whole(at_admin: Client, parts: list[str]) -> None:
    """Some were told that a part is of another upload, or that the upload has expired."""
    gate = threading.Barrier(10)

    def join(_: int) -> tuple[int, str]:
        gate.wait()
        try:
            answer = joined(at_admin, parts, title="Harbour")
            return answer.status_code, answer.get("Location", answer.content.decode())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(join, range(10)))
    assert answers == {(201, f"/api/uploads/{whole().pk}/")}
    assert Video.objects.count() == 1


@committed
@pytest.mark.parametrize("is_of_parts", [False, True])
def test_whoever_asks_while_the_video_is_made_is_told_of_it(
    at_admin: Client, parts: list[str], is_of_parts: bool
) -> None:
    """The file has left the uploads by then: that was 410, as if it were lost, and the client began anew."""
    if is_of_parts:
        given = [UUID(url.split("/")[3]) for url in parts]
        owner, header = Owner(Upload.objects.all()[0].owner_id), metadata(filename="harbour.mp4", title="Harbour")
        asked = concatenation.begin(owner, given, header=header, session=None)
        joined(at_admin, parts, title="Harbour")
    else:
        url = begun(at_admin, title="Harbour")
        asked = Upload.objects.get(pk=url.split("/")[3])
        send(at_admin, url, VIDEO, 0)
    finishing.finish(asked)
    assert asked.video == Video.objects.get()
    assert asked.finished_at is not None


def test_parts_go_with_a_video_that_was_deleted(at_admin: Client, parts: list[str]) -> None:
    final = joined(at_admin, parts, title="Harbour")
    Video.objects.get().delete()
    assert {ask(at_admin, url).status_code for url in (*parts, final["Location"])} == {410}


@pytest.mark.parametrize(
    "wrong", ["", "nonsense", "/api/uploads/", "/api/uploads/not-an-id/", "/api/video/7/", "http://[/"]
)
def test_what_is_no_list_of_parts_is_refused(at_admin: Client, parts: list[str], wrong: str) -> None:
    assert joined(at_admin, [*parts, wrong] if wrong else []).status_code == 400
    assert not Upload.objects.filter(kind=UploadKind.FINAL).exists()


def test_only_complete_parts_of_ones_own_are_joined_and_once(at_admin: Client, parts: list[str]) -> None:
    open_part = post(at_admin, Upload_Concat="partial", Upload_Length="10")["Location"]
    plain = post(at_admin, VIDEO, Upload_Length=str(len(VIDEO)), Upload_Metadata=metadata(filename="a.mp4"))["Location"]
    assert joined(at_admin, [*parts, open_part]).status_code == 400
    assert joined(at_admin, [*parts, plain]).status_code == 400
    assert joined(at_admin, [*parts, parts[0]]).status_code == 400
    other = Client()
    other.force_login(AdministratorFactory.create())
    assert joined(other, parts).status_code == 410
    assert joined(at_admin, parts).status_code == 201
    assert joined(at_admin, parts[:2]).status_code == 400
    assert joined(at_admin, [*reversed(parts)]).status_code == 400


def test_an_upload_of_parts_takes_no_pieces(at_admin: Client, parts: list[str]) -> None:
    """tus: 403."""
    final = joined(at_admin, parts)["Location"]
    assert send(at_admin, final, b"more", len(VIDEO)).status_code == 403
    named = {"Upload_Concat": f"final;{parts[0]}", "Upload_Metadata": metadata(filename="a.mp4")}
    assert post(at_admin, b"more", **named).status_code == 403


def test_limits_hold_for_parts_and_for_the_whole(
    at_admin: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.UPLOAD_MAX_BYTES = 6000
    assert post(at_admin, Upload_Concat="partial", Upload_Length="6001").status_code == 413
    made = [part(at_admin, VIDEO[:5000]), part(at_admin, VIDEO[5000:])]
    assert joined(at_admin, made).status_code == 413
    settings.UPLOAD_MAX_BYTES = 20_000
    monkeypatch.setattr(disk, "free_bytes", lambda: len(VIDEO) - 5000 - 1)
    assert post(at_admin, Upload_Concat="partial", Upload_Length=str(len(VIDEO) - 5000)).status_code == 507
    assert joined(at_admin, made).status_code == 507
    monkeypatch.setattr(disk, "free_bytes", lambda: len(VIDEO) - 5000)
    assert joined(at_admin, made).status_code == 201


def test_a_whole_that_is_no_video_is_refused(at_admin: Client) -> None:
    made = [part(at_admin, b"%PDF-1.7" + bytes(100)), part(at_admin, VIDEO)]
    assert joined(at_admin, made).status_code == 400
    assert joined(at_admin, made[::-1]).status_code == 201


def test_names_and_titles_are_checked_for_the_whole(at_admin: Client, parts: list[str], client: Client) -> None:
    assert list(joined(at_admin, parts, filename="notes.txt").json()) == ["filename"]
    assert list(joined(at_admin, parts, title=" ").json()) == ["title"]
    assert joined(at_admin, parts).status_code == 201


def test_parts_expire(at_admin: Client, parts: list[str], folders: Path) -> None:
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(at_admin, parts[0]).status_code == 410
    upkeep.sweep()
    assert not Upload.objects.exists()
    assert files(folders) == []


def test_a_whole_without_a_title_expires_with_its_parts(at_admin: Client, parts: list[str], folders: Path) -> None:
    joined(at_admin, parts)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    upkeep.sweep()
    assert not Upload.objects.exists()
    assert files(folders) == []


def test_an_ended_whole_takes_its_parts_along_and_a_bound_part_stays(
    at_admin: Client, parts: list[str], folders: Path
) -> None:
    final = joined(at_admin, parts)["Location"]
    assert at_admin.delete(parts[1], headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    assert in_folder.path_of(whole()).read_bytes() == VIDEO
    assert at_admin.delete(final, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    assert not Upload.objects.exists()
    assert files(folders) == []


@pytest.fixture
def broken_off(at_admin: Client, parts: list[str], monkeypatch: pytest.MonkeyPatch, request: Any) -> str:
    """A whole whose joining was killed after so many bytes; its address."""
    left = int(request.param)

    def killed(source: Any, target: Any) -> int:
        nonlocal left
        data = source.read(min(700, left))
        left -= len(data)
        if not data:
            raise OSError("killed")
        return int(target.write(data))

    with monkeypatch.context() as patched:
        patched.setattr(in_folder, "copied", killed)
        final = joined(at_admin, parts, title="Harbour")
    assert final.status_code == 201
    assert "X-Video-ID" not in final
    return str(final["Location"])


@committed
@pytest.mark.parametrize("broken_off", [0, 1, 500, 5000, 7252], indirect=True)
@pytest.mark.parametrize("comes", ["HEAD", "sweep"])
def test_joining_that_was_broken_off_goes_on_with_whoever_comes_next(
    at_admin: Client, broken_off: str, folders: Path, comes: str
) -> None:
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=30))
    if comes == "HEAD":
        assert ask(at_admin, broken_off)["X-Video-ID"] == str(Video.objects.get().pk)
    else:
        upkeep.sweep()
    assert Path(Video.objects.get().video_file.path).read_bytes() == VIDEO
    assert files(folders) == [VIDEO]


@pytest.mark.parametrize("broken_off", [500], indirect=True)
def test_the_offset_of_a_whole_is_told_once_it_is_joined(at_admin: Client, broken_off: str) -> None:
    """tus "HEAD": not before."""
    with in_folder.held(whole()):
        told = ask(at_admin, broken_off)
    assert "Upload-Offset" not in told
    assert told["Upload-Length"] == str(len(VIDEO))


@pytest.mark.parametrize("broken_off", [500], indirect=True)
def test_a_whole_that_lost_a_part_expires(at_admin: Client, broken_off: str, folders: Path) -> None:
    in_folder.path_of(Upload.objects.get(part_number=3, kind=UploadKind.PARTIAL)).unlink()
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    upkeep.sweep()
    upkeep.sweep()
    assert not Upload.objects.exists()
    assert files(folders) == []


def test_a_part_that_lost_its_file_is_gone(at_admin: Client, parts: list[str]) -> None:
    in_folder.path_of(Upload.objects.get(pk=parts[0].split("/")[3])).unlink()
    assert joined(at_admin, parts).status_code == 410
    assert not Upload.objects.filter(kind=UploadKind.FINAL).exists()


def test_two_never_join_at_once(at_admin: Client, parts: list[str]) -> None:
    rows = [Upload.objects.get(pk=part.split("/")[3]) for part in parts]
    made = concatenation.begin(
        Owner(rows[0].owner_id), [row.pk for row in rows], header=metadata(filename="a.mp4"), session=None
    )
    os.rename(in_folder.path_of(rows[0]), in_folder.path_of(made))
    with in_folder.held(made), pytest.raises(UploadBusy):
        concatenation.join(made)
    concatenation.join(made)
    assert in_folder.path_of(made).read_bytes() == VIDEO


def test_bytes_are_copied_where_the_kernel_does_not(
    at_admin: Client, parts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: int) -> int:
        raise OSError("cross-device")

    monkeypatch.setattr(os, "copy_file_range", refused)
    joined(at_admin, parts)
    assert in_folder.path_of(whole()).read_bytes() == VIDEO


def deferred(client: Client, **told: str) -> str:
    begun = post(client, Upload_Defer_Length="1", Upload_Metadata=metadata(**{"filename": "harbour.mp4", **told}))
    assert begun.status_code == 201, begun.content
    return str(begun["Location"])


def test_a_length_may_be_told_with_any_piece(at_admin: Client) -> None:
    url = deferred(at_admin, title="Harbour")
    told = ask(at_admin, url)
    assert (told["Upload-Defer-Length"], "Upload-Length" in told) == ("1", False)
    send(at_admin, url, VIDEO[:5000], 0)
    assert not Video.objects.exists()
    last = send(at_admin, url, VIDEO[5000:], 5000, **{"Upload-Length": str(len(VIDEO))})
    assert last["X-Video-ID"] == str(Video.objects.get().pk)
    told = ask(at_admin, url)
    assert (told["Upload-Length"], "Upload-Defer-Length" in told) == (str(len(VIDEO)), False)


def test_a_length_may_be_told_when_all_bytes_are_there(at_admin: Client) -> None:
    url = deferred(at_admin)
    send(at_admin, url, VIDEO, 0)
    upload = Upload.objects.get()
    assert upload.finished_at is None
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(len(VIDEO)), "Upload-Length": str(len(VIDEO))}
    response = at_admin.patch(url, b"", content_type=PIECE, headers={**headers, "Content-Type": PIECE})
    assert response.status_code == 204
    assert Upload.objects.get().finished_at is not None


def test_a_length_that_was_told_stays(at_admin: Client) -> None:
    url = deferred(at_admin)
    send(at_admin, url, VIDEO[:500], 0)
    for wrong in ("499", "0", "x", "-1"):
        assert send(at_admin, url, VIDEO[500:600], 500, **{"Upload-Length": wrong}).status_code == 400, wrong
    assert send(at_admin, url, VIDEO[500:600], 500, **{"Upload-Length": "1000"}).status_code == 204
    assert send(at_admin, url, VIDEO[600:700], 600, **{"Upload-Length": "2000"}).status_code == 400
    assert send(at_admin, url, VIDEO[600:1100], 600).status_code == 413
    assert send(at_admin, url, VIDEO[600:1000], 600).status_code == 204


def test_limits_hold_where_the_length_is_told_later(at_admin: Client, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    url = deferred(at_admin)
    assert send(at_admin, url, VIDEO[:1001], 0).status_code == 413
    assert send(at_admin, url, VIDEO[:10], 0, **{"Upload-Length": "1001"}).status_code == 413
    assert ask(at_admin, url)["Upload-Offset"] == "0"


@pytest.mark.parametrize(("defer", "length"), [("0", ""), ("2", ""), ("x", ""), ("", ""), ("1", "5")])
def test_a_creation_either_tells_its_length_or_says_that_it_comes_later(
    at_admin: Client, defer: str, length: str
) -> None:
    headers = {"Upload_Defer_Length": defer, "Upload_Metadata": metadata(filename="a.mp4")}
    headers |= {"Upload_Length": length} if length else {}
    assert post(at_admin, b"", **headers).status_code == 400


def test_uploads_of_every_kind_are_listed_as_what_they_are(at_admin: Client, parts: list[str]) -> None:
    deferred(at_admin, title="Later")
    assert [(entry["title"], entry["length"]) for entry in at_admin.get(ROOT).json()] == [("Later", None)]
    joined(at_admin, parts)
    assert [entry["length"] for entry in at_admin.get(ROOT).json()] == [len(VIDEO), None]


def test_an_upload_of_which_a_part_was_ended_is_gone_and_holds_up_no_sweep(
    at_admin: Client, parts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever ended the part had seen it before it was bound."""
    monkeypatch.setattr(concatenation, "join", lambda whole: None)
    final = joined(at_admin, parts, title="Harbour")
    monkeypatch.undo()
    for left in (1, 0):
        Upload.objects.filter(pk__in=[part.pk for part in whole().parts.all()[left:]]).delete()
        assert ask(at_admin, final["Location"]).status_code == 410
        upkeep.sweep()
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    upkeep.sweep()
    assert not Upload.objects.exists()
