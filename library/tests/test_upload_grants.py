"""Upload grants: somebody without an account uploads one file, once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Scope
from library import upkeep
from library.errors import UploadGone
from library.grants import granting
from library.models import Upload, UploadGrant, Video
from library.tests.test_uploads import VIDEO, metadata
from library.tests.videos import Player, make_viewer, sign_in
from library.tests.writing import TUS, Program
from library.uploads import finishing, resumable
from library.viewers import Owner

pytestmark = pytest.mark.django_db

PIECE = "application/offset+octet-stream"
GRANT = {"title": "Entry 17", "max_bytes": 1_000_000, "expires_in": 3_600}


@pytest.fixture
def program(db: None) -> Program:
    return Program(Scope.UPLOADS_WRITE)


def granted(program: Program, **changes: Any) -> str:
    """The path of a new grant's address."""
    answer = program.send("POST", "upload-grants/", GRANT | changes)
    assert answer.status_code == 201, answer.sent
    url: str = answer.json()["url"]
    return url.removeprefix("http://testserver")


def anybody(method: str, path: str, piece: bytes = b"", **headers: str) -> Any:
    sent = TUS | {name.replace("_", "-"): value for name, value in headers.items()}
    return Player().generic(method, path, piece, content_type=PIECE if piece else "", headers=sent)


def begin(path: str, *, length: int = len(VIDEO), piece: bytes = b"", **told: Any) -> Any:
    named = metadata(**({"filename": "my holiday.mp4"} | told))
    return anybody("POST", path, piece, Upload_Length=str(length), Upload_Metadata=named)


def send(path: str, piece: bytes, offset: int = 0) -> Any:
    return anybody("PATCH", path, piece, Upload_Offset=str(offset))


def test_file_of_a_stranger_becomes_the_granters_video(program: Program, folders: Path) -> None:
    path = granted(program)
    assert anybody("HEAD", path).status_code == 404, "nothing was begun"
    begun = begin(path, title="Mine", category="action", is_published="false", replaces="1")
    assert (begun.status_code, begun["Location"]) == (201, path)
    assert begun["Tus-Resumable"] == "1.0.0"
    first = send(path, VIDEO[:5_000])
    assert (first.status_code, first["Upload-Offset"]) == (204, "5000")
    asked = anybody("HEAD", path)
    assert (asked["Upload-Offset"], asked["Upload-Length"]) == ("5000", str(len(VIDEO)))
    done = send(path, VIDEO[5_000:], 5_000)
    video = Video.objects.get(pk=done["X-Video-ID"])
    assert (video.title, video.category, video.is_published) == ("Entry 17", "drama", True)
    assert video.original_name == "my holiday.mp4"
    assert (folders / "uploads" / str(video.video_file.name)).read_bytes() == VIDEO


def test_client_that_is_given_the_address_as_its_endpoint_needs_nothing_else(program: Program) -> None:
    """With creation-with-upload: one request."""
    answer = begin(granted(program, title=None, category="vlog", is_published=False), piece=VIDEO)
    video = Video.objects.get(pk=answer["X-Video-ID"])
    assert (video.title, video.category, video.is_published) == ("my holiday", "vlog", False)


def test_address_works_once(program: Program) -> None:
    path = granted(program)
    begin(path, piece=VIDEO)
    assert begin(path).status_code == 410
    assert anybody("DELETE", path).status_code == 410
    assert anybody("HEAD", path)["Upload-Offset"] == str(len(VIDEO)), "a client whose answer was lost is told"
    Upload.objects.all().delete()
    for answer in (begin(path), anybody("HEAD", path), send(path, b"x")):
        assert answer.status_code == 410, "also when the upload's row is gone"
    assert Video.objects.count() == 1


def test_beginning_again_gives_up_what_was_begun(program: Program) -> None:
    path = granted(program)
    begin(path)
    send(path, VIDEO[:100])
    begin(path, length=len(VIDEO))
    assert (Upload.objects.count(), anybody("HEAD", path)["Upload-Offset"]) == (1, "0")
    assert anybody("DELETE", path).status_code == 204
    assert anybody("HEAD", path).status_code == 404
    assert begin(path, piece=VIDEO).status_code == 201


@pytest.mark.parametrize("way", ["beginning again", "ending"])
def test_last_byte_that_races_with_giving_up_makes_no_second_video(
    program: Program, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """It comes when the address is free for another upload, and the bytes are still there."""
    path = granted(program)
    begin(path)
    given_up = Upload.objects.get()
    discard = resumable.discard

    def discard_late(upload: Upload) -> None:
        resumable.append(given_up, offset=0, blocks=[VIDEO])
        with pytest.raises(UploadGone):
            finishing.finish(given_up)
        discard(upload)

    monkeypatch.setattr(resumable, "discard", discard_late)
    answer = begin(path) if way == "beginning again" else anybody("DELETE", path)
    assert answer.status_code in (201, 204)
    monkeypatch.undo()
    assert begin(path, piece=VIDEO).status_code == 201
    assert Video.objects.count() == 1


def test_wrong_file_leaves_the_grant_for_the_right_one(program: Program) -> None:
    path = granted(program)
    assert begin(path, piece=b"%PDF-1.7" + VIDEO[8:]).status_code == 400
    begin(path)
    assert send(path, b"%PDF-1.7").status_code == 400
    assert begin(path, piece=VIDEO).status_code == 201


def test_size_is_bound_and_told_first(program: Program) -> None:
    path = granted(program, max_bytes=100)
    assert anybody("OPTIONS", path)["Tus-Max-Size"] == "100"
    too_large = begin(path)
    assert (too_large.status_code, too_large.json()["detail"]) == (
        413,
        "The file is too large: at most 100 bytes can be uploaded here.",
    )
    begin(path, length=100)
    assert send(path, VIDEO[:101]).status_code == 413
    deferred = anybody("POST", path, Upload_Defer_Length="1", Upload_Metadata=metadata(filename="a.mp4"))
    assert deferred.status_code == 400
    part = anybody("POST", path, Upload_Length="5", Upload_Concat="partial", Upload_Metadata=metadata(filename="a.mp4"))
    assert part.status_code == 400


@pytest.mark.parametrize("told", [{"filename": ""}, {"filename": "a.exe"}, {"filename": "/"}])
def test_file_needs_the_name_of_a_video(program: Program, told: dict[str, Any]) -> None:
    assert begin(granted(program), **told).status_code == 400


def test_grant_ends_in_time_but_not_an_upload_under_way(program: Program) -> None:
    late, under_way = granted(program), granted(program)
    begin(under_way)
    UploadGrant.objects.update(expires_at=timezone.now())
    assert begin(late).status_code == 410
    assert send(under_way, VIDEO).status_code == 204


def test_client_that_can_not_send_patch_names_the_method_in_a_header(program: Program) -> None:
    """tus "X-HTTP-Method-Override": the address to begin at is the one for pieces, too."""
    path = granted(program)
    begin(path)
    first = anybody("POST", path, VIDEO[:100], Upload_Offset="0", X_HTTP_Method_Override="PATCH")
    assert (first.status_code, first["Upload-Offset"]) == (204, "100")
    assert anybody("POST", path, X_HTTP_Method_Override="delete").status_code == 204
    assert anybody("HEAD", path).status_code == 404, "it was given up"
    assert anybody("POST", path, X_HTTP_Method_Override="PUT").status_code == 400
    begin(path)
    done = anybody("POST", path, VIDEO, Upload_Offset="0", X_HTTP_Method_Override="PATCH")
    assert Video.objects.filter(pk=done["X-Video-ID"]).exists()


@pytest.mark.parametrize("token", ["x", "ü", "a" * 43, "a" * 3_000, "..", "%00"])
def test_address_that_was_guessed_opens_nothing(program: Program, token: str) -> None:
    granted(program)
    assert begin(f"/api/uploads/granted/{token}/").status_code == 404


def test_grant_opens_its_own_upload_alone(program: Program) -> None:
    mine, other = granted(program), granted(program)
    begin(mine)
    upload = Upload.objects.get()
    assert anybody("HEAD", other).status_code == 404
    assert anybody("HEAD", f"/api/uploads/{upload.pk}/").status_code == 401
    assert Player().get("/api/video/").status_code == 401
    assert program.send("GET", "uploads/").json() == [], "the granter has nothing to go on with"
    assert resumable.unfinished(Owner(None, program.row.pk)) == []


def test_grant_ends_with_who_made_it(program: Program) -> None:
    path = granted(program)
    begin(path)
    keys.revoke(ApiKey.objects.all())
    assert send(path, VIDEO).status_code == 401
    user = make_viewer("dora@example.com", is_staff=True, is_superuser=True)
    dora = sign_in(Player(), "dora@example.com")
    made = dora.post("/api/upload-grants/", GRANT, content_type="application/json")
    path = made.json()["url"].removeprefix("http://testserver")
    assert begin(path).status_code == 201
    get_user_model().objects.filter(pk=user.pk).update(is_staff=False)
    assert send(path, VIDEO).status_code == 401


def test_grant_ends_with_the_right_to_add_videos(db: None) -> None:
    editor = make_viewer("dora@example.com", is_staff=True)
    right = Permission.objects.get(codename="add_video")
    editor.user_permissions.add(right)
    made = sign_in(Player(), editor.email).post("/api/upload-grants/", GRANT, content_type="application/json")
    path = made.json()["url"].removeprefix("http://testserver")
    assert begin(path).status_code == 201
    editor.user_permissions.remove(right)
    assert send(path, VIDEO).status_code == 401
    assert begin(path).status_code == 401


def test_grants_are_made_by_staff_and_keys_of_the_scope(program: Program, ada: Player) -> None:
    others = Program(*(scope for scope in Scope.values if scope != Scope.UPLOADS_WRITE))
    assert others.send("POST", "upload-grants/", GRANT).status_code == 403
    assert ada.post("/api/upload-grants/", GRANT, content_type="application/json").status_code == 403
    make_viewer("clerk@example.com", is_staff=True)
    clerk = sign_in(Player(), "clerk@example.com")
    assert clerk.post("/api/upload-grants/", GRANT, content_type="application/json").status_code == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"max_bytes": 0}, "max_bytes"),
        ({"max_bytes": 2**50}, "max_bytes"),
        ({"max_bytes": None}, "max_bytes"),
        ({"max_bytes": "5"}, "max_bytes"),
        ({"is_published": 0}, "is_published"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": 10**9}, "expires_in"),
        ({"title": " "}, "title"),
        ({"category": "poems"}, "category"),
    ],
)
def test_grant_that_can_not_be_made_is_refused(program: Program, changes: dict[str, Any], field: str) -> None:
    answer = program.send("POST", "upload-grants/", GRANT | changes)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_token_is_kept_as_a_hash_and_not_logged(program: Program, capfd: Any) -> None:
    path = granted(program)
    begin(path)
    token = path.rstrip("/").rpartition("/")[2]
    assert len(token) == 43
    assert token not in str(UploadGrant.objects.values())
    assert token not in "".join(capfd.readouterr())


def test_foreign_page_is_refused_and_an_allowed_one_welcome(program: Program, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS, settings.WELCOMES_THIS_MACHINE = ["https://app.example.com"], False
    path = granted(program)
    told: dict[str, Any] = {"Upload_Length": "5", "Upload_Metadata": metadata(filename="a.mp4")}
    assert anybody("POST", path, Origin="https://evil.example.net", **told).status_code == 403
    welcome = anybody("POST", path, Origin="https://app.example.com", **told)
    assert (welcome.status_code, welcome["Access-Control-Allow-Origin"]) == (201, "https://app.example.com")
    asked: dict[str, Any] = {
        "Access_Control_Request_Method": "PATCH",
        "Access_Control_Request_Headers": "tus-resumable",
    }
    assert anybody("OPTIONS", path, Origin="https://app.example.com", **asked).status_code == 200


def test_grants_that_nobody_used_are_forgotten(program: Program, settled: Path) -> None:
    unused, used = granted(program), granted(program)
    begin(used)
    UploadGrant.objects.update(expires_at=timezone.now() - granting.KEPT_FOR - timedelta(seconds=1))
    upkeep.sweep()
    assert [grant.upload is None for grant in UploadGrant.objects.all()] == [False]
    assert begin(unused).status_code == 404
