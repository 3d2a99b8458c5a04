"""API keys at the real endpoints: what each scope opens, and that no key leaves a trace."""

import io
import logging
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.views.debug import SafeExceptionReporterFilter

from accounts import cookies, keys
from accounts.models import ApiKey, Scope, User
from accounts.tests.factories import UserFactory as PersonFactory
from accounts.tests.factories import signed_in
from library.models import Upload, Video
from library.tests.test_uploads import VIDEO, metadata
from library.tests.videos import Player, make_viewer, published
from project.tests.test_logs import Lines, lines

__all__ = ["lines"]

pytestmark = pytest.mark.django_db

TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Any) -> None:
    settings.HLS_ROOT, settings.MEDIA_ROOT = tmp_path / "hls", tmp_path / "uploads"
    settings.DISK_RESERVE_BYTES = 0


def key_for(*scopes: str, **fields: Any) -> str:
    return keys.make(name="Importer", scopes=scopes, **fields)[1]


def send(
    method: str,
    path: str,
    key: str,
    body: bytes = b"",
    *,
    kind: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Any:
    sent = {"Authorization": f"Bearer {key}"} | (headers or {})
    return Player().generic(method, f"/api/{path}", body, content_type=kind, headers=sent)


OPENED = {
    "video/": {Scope.VIDEOS_READ},
    "video/{id}/": {Scope.VIDEOS_READ},
    "video/{id}/transcode/": {Scope.VIDEOS_READ, Scope.VIDEOS_WRITE},
    "video/{id}/master.m3u8": {Scope.VIDEOS_READ},
    "video/{id}/480p/index.m3u8": {Scope.VIDEOS_READ},
    "video/{id}/480p/segment_000.ts": {Scope.VIDEOS_READ},
    "video/{id}/thumbnail.jpg": {Scope.VIDEOS_READ},
    "video/{id}/tracks/": {Scope.TRACKS_WRITE},
    "categories/": {Scope.VIDEOS_READ, Scope.VIDEOS_WRITE},
    "uploads/": {Scope.UPLOADS_WRITE},
    "me/": set(),
}


@pytest.mark.parametrize("path", OPENED)
def test_each_scope_opens_its_own_endpoints_and_no_other(path: str) -> None:
    video = published()
    for scope in Scope.values:
        answer = send("GET", path.format(id=video.pk), key_for(scope))
        assert answer.status_code == (200 if scope in OPENED[path] else 403), (scope, answer.sent)


def test_reading_key_sees_drafts_as_staff_do() -> None:
    draft = published(is_published=False)
    assert send("GET", f"video/{draft.pk}/master.m3u8", key_for(Scope.VIDEOS_READ)).status_code == 200


def test_playback_address_of_a_key_ends_with_the_key() -> None:
    video = published()
    key = key_for(Scope.VIDEOS_READ)
    url = send("POST", f"video/{video.pk}/playback-address/", key).json()["url"].removeprefix("http://testserver")
    assert Player().get(url).status_code == 200
    keys.revoke(ApiKey.objects.all())
    other = send("POST", f"video/{video.pk}/playback-address/", key_for(Scope.VIDEOS_READ)).json()["url"]
    assert Player().get(other.removeprefix("http://testserver")).status_code == 200
    assert Player().get("/api/playback/check", {"video": video.pk}, headers=by_edge(url)).status_code == 401
    assert Player().get("/api/playback/check", {"video": video.pk}, headers=by_edge(other)).status_code == 204


def by_edge(url: str) -> dict[str, str]:
    return {"X-Playback-Address": url.partition("/play/")[2].partition("/")[0]}


def test_upload_of_a_key_becomes_a_video_and_is_nobody_elses() -> None:
    key, other = key_for(Scope.UPLOADS_WRITE), key_for(Scope.UPLOADS_WRITE)
    told = {"Upload-Length": str(len(VIDEO)), "Upload-Metadata": metadata(filename="a.mp4", title="Harbour")}
    begun = send("POST", "uploads/", key, headers=TUS | told)
    assert begun.status_code == 201, begun.sent
    path = begun["Location"].removeprefix("/api/")
    piece, kind = TUS | {"Upload-Offset": "0"}, "application/offset+octet-stream"
    assert send("PATCH", path, other, VIDEO, kind=kind, headers=piece).status_code == 410
    assert send("GET", "uploads/", other).json() == []
    assert len(send("GET", "uploads/", key).json()) == 1
    done = send("PATCH", path, key, VIDEO, kind=kind, headers=piece)
    video = Video.objects.get(pk=done["X-Video-ID"])
    assert (video.title, video.added_by) == ("Harbour", None)
    assert Upload.objects.get().owner is None


def test_track_of_a_key_is_kept_and_told_in_the_log(lines: Lines) -> None:
    video = published()
    text = b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"
    body = {"kind": "subtitles", "language": "en", "file": io.BytesIO(text)}
    body["file"].name = "a.vtt"  # type: ignore[attr-defined]
    sent = encode_multipart(BOUNDARY, body)
    path, key = f"video/{video.pk}/tracks/", key_for(Scope.TRACKS_WRITE)
    made = send("PUT", path, key, sent, kind=MULTIPART_CONTENT)
    assert made.status_code == 200, made.sent
    renamed = send("PATCH", f"{path}{made.json()['id']}/", key, b'{"label": "British"}')
    assert renamed.json()["label"] == "British"
    assert send("DELETE", f"{path}{made.json()['id']}/", key).status_code == 204
    assert [line["event"] for line in lines.read()].count("tracks changed by a key") == 3


def test_track_of_a_key_is_in_the_history_under_whoever_made_it() -> None:
    maker: User = PersonFactory.create(superuser=True)
    video = published()
    body = {"kind": "subtitles", "language": "en", "file": io.BytesIO(b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n")}
    body["file"].name = "a.vtt"  # type: ignore[attr-defined]
    key = key_for(Scope.TRACKS_WRITE, made_by=maker)
    sent = encode_multipart(BOUNDARY, body)
    assert send("PUT", f"video/{video.pk}/tracks/", key, sent, kind=MULTIPART_CONTENT).status_code == 200
    [entry] = LogEntry.objects.filter(user=maker)
    assert entry.get_change_message() == "Added subtitles “English (en)” with the key “Importer”."


def test_cookies_are_not_looked_at_where_nobody_has_to_be_signed_in() -> None:
    """Else a key, even a bad one, would be a way around the origin rule for signing somebody out."""
    session, pair = signed_in(PersonFactory.create())
    client = Client()
    client.cookies[cookies.REFRESH] = pair.refresh
    headers = {"Authorization": f"Bearer {key_for(Scope.VIDEOS_READ)}", "Origin": "https://evil.example.net"}
    assert client.post("/api/logout/", headers=headers).status_code == 400
    session.refresh_from_db()
    assert session.is_live


def test_staffs_own_token_works_as_before() -> None:
    user = make_viewer(is_staff=True, is_superuser=True)
    video = published()
    assert send("GET", f"video/{video.pk}/transcode/", signed_in(user)[1].access).status_code == 200


def test_metrics_are_open_to_the_scope_for_them() -> None:
    def status(key: str) -> int:
        return Client(REMOTE_ADDR="192.0.2.1").get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code

    assert status(key_for(Scope.STATS_READ)) == 200
    assert status(key_for(Scope.VIDEOS_READ)) == 401
    assert status("vfk_1_x") == 401


def test_key_is_in_no_log_line_and_in_no_redirect(lines: Lines) -> None:
    key = key_for(Scope.VIDEOS_READ)
    answers = [
        send("GET", "video", key),
        send("GET", f"video/?key={key}", key),
        send("GET", f"{key}/", key),
        Client().get(f"/admin/?next={key}", headers={"Authorization": f"Bearer {key}"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 302]
    logging.getLogger("some.library").warning("sent %s", {"Authorization": f"Bearer {key}", "x": key})
    secret = key.rpartition("_")[2]
    assert secret not in lines.stream.getvalue()
    assert "vfk_***" in lines.stream.getvalue()
    assert not any(secret in str(dict(answer.headers)) for answer in answers[:3])


def test_request_says_in_the_log_which_key_it_was(lines: Lines) -> None:
    send("GET", "video/", key_for(Scope.VIDEOS_READ))
    [line] = [line for line in lines.read() if line["event"] == "request"]
    assert (line["key_id"], "user_id" in line) == (ApiKey.objects.get().pk, False)


def test_error_reports_leave_the_key_out() -> None:
    request = Client().get("/", headers={"Authorization": "Bearer vfk_1_secret"}).wsgi_request
    assert "vfk_1_secret" not in str(SafeExceptionReporterFilter().get_safe_request_meta(request))


def test_schema_names_the_scope_of_each_operation() -> None:
    schema = Client().get("/api/openapi.json").json()
    assert schema["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    listing = schema["paths"]["/api/video/"]["get"]
    assert {"apiKey": ["videos:read"]} in listing["security"]
    assert "API keys need the scope `videos:read`." in listing["description"]
    assert {"403", "429"} <= set(listing["responses"])
    assert all("apiKey" not in choice for choice in schema["paths"]["/api/me/"]["get"]["security"])


def test_maker_who_is_gone_takes_no_key_along() -> None:
    maker: User = PersonFactory.create(superuser=True)
    key = key_for(Scope.VIDEOS_READ, made_by=maker)
    maker.delete()
    assert send("GET", "video/", key).status_code == 200
