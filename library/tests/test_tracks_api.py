"""Tracks over the API: what staff upload, change and delete, and what everybody is told of them."""

from typing import Any

import pytest
from django.test import Client

from hls.core.subtitles.writing import parse
from hls.models import Track, TrackText, Transcode
from library.models import Video
from library.tests.tracks import SUBRIP, put
from library.tests.videos import make_viewer, published, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def video() -> Video:
    return published()


@pytest.fixture
def dora() -> Client:
    make_viewer("dora@example.com", is_staff=True, is_superuser=True)
    return sign_in(Client(), "dora@example.com")


@pytest.fixture
def ada() -> Client:
    make_viewer()
    return sign_in(Client())


def detail(client: Client, video: Video) -> Any:
    return client.get(f"/api/video/{video.pk}/").json()


def test_uploaded_subtitles_are_told_to_everybody(dora: Client, ada: Client, video: Video) -> None:
    response = put(dora, video, language="eng", is_default="true")
    assert response.status_code == 200, response.content
    told = response.json()
    assert (told["kind"], told["language"], told["label"]) == ("subtitles", "en", "English")
    assert (told["origin"], told["state"], told["error"]) == ("uploaded", "ready", None)
    site = f"http://testserver/api/video/{video.pk}"
    assert detail(ada, video)["tracks"] == [
        {
            "id": told["id"],
            "kind": "subtitles",
            "language": "en",
            "label": "English",
            "is_default": True,
            "is_forced": False,
            "url": f"{site}/tracks/{told['id']}.vtt",
            "hls_url": f"{site}/tracks/{told['id']}/index.m3u8",
        }
    ]


def test_video_without_tracks_says_so(ada: Client, video: Video) -> None:
    told = detail(ada, video)
    assert (told["tracks"], told["chapters"]) == ([], [])


def test_same_kind_language_and_label_is_replaced(dora: Client, video: Video) -> None:
    first = put(dora, video).json()
    again = put(dora, video, SUBRIP.replace("boats", "nets")).json()
    other = put(dora, video, label="English (UK)").json()
    assert again["id"] == first["id"] != other["id"]
    assert "nets" in dora.get(f"/api/video/{video.pk}/tracks/{first['id']}.vtt").content.decode()
    assert list(TrackText.objects.filter(track=first["id"]).values_list("revision", flat=True)) == [1, 2]


def test_upload_changes_no_version_and_queues_nothing(dora: Client, video: Video) -> None:
    before = Transcode.objects.values().get(pk=video.transcode_id)
    put(dora, video)
    assert Transcode.objects.values().get(pk=video.transcode_id) == before


@pytest.mark.parametrize(
    ("fields", "name", "wrong"),
    [
        ({"kind": "audio"}, "en.srt", "kind"),
        ({"kind": None}, "en.srt", "kind"),
        ({"language": "not a language"}, "en.srt", "language"),
        ({"language": None}, "en.srt", "language"),
        ({"label": "x" * 101}, "en.srt", "label"),
        ({"is_default": "perhaps"}, "en.srt", "is_default"),
        ({"file": None}, "en.srt", "file"),
        ({}, "en.docx", "file"),
    ],
)
def test_wrong_field_is_named(dora: Client, video: Video, fields: dict[str, Any], name: str, wrong: str) -> None:
    response = put(dora, video, name=name, **fields)
    assert response.status_code == 400
    assert list(response.json()) == [wrong]
    assert all(sentence.endswith(".") for sentence in response.json()[wrong])
    assert not Track.objects.exists()


def test_text_that_is_none_is_refused_in_a_sentence(dora: Client, video: Video) -> None:
    response = put(dora, video, b"\0\1\2 no times at all")
    assert response.status_code == 400
    assert list(response.json()) == ["file"]


def test_text_of_50_mb_is_refused(dora: Client, video: Video) -> None:
    response = put(dora, video, b"x" * 50_000_000)
    assert (response.status_code, response.json()) == (413, {"detail": "A text has at most 5 MB."})


def test_json_instead_of_a_form_is_refused(dora: Client, video: Video) -> None:
    response = dora.put(f"/api/video/{video.pk}/tracks/", {"kind": "subtitles"}, content_type="application/json")
    assert (response.status_code, response.json()) == (415, {"detail": "Send the content type multipart/form-data."})


def test_broken_form_is_refused(dora: Client, video: Video) -> None:
    broken = "multipart/form-data; boundary="
    response = dora.put(f"/api/video/{video.pk}/tracks/", b"--x", content_type=broken)
    assert response.status_code == 400


def test_viewers_and_strangers_change_nothing(ada: Client, video: Video) -> None:
    assert put(ada, video).status_code == 403
    assert put(Client(), video).status_code == 401
    assert ada.get(f"/api/video/{video.pk}/tracks/").status_code == 403
    make_viewer("max@example.com", is_staff=True)
    refused = put(sign_in(Client(), "max@example.com"), video)
    assert (refused.status_code, refused.json()) == (403, {"detail": "You may not change videos."})


def test_track_is_changed_and_deleted(dora: Client, ada: Client, video: Video) -> None:
    track = put(dora, video).json()
    address = f"/api/video/{video.pk}/tracks/{track['id']}/"
    changes = {"label": "English (UK)", "language": "en-gb", "is_forced": True}
    changed = dora.patch(address, changes, content_type="application/json")
    assert changed.status_code == 200, changed.content
    assert (changed.json()["language"], changed.json()["label"]) == ("en-GB", "English (UK)")
    assert detail(ada, video)["tracks"][0]["is_forced"] is True
    assert dora.delete(address).status_code == 204
    assert detail(ada, video)["tracks"] == []
    assert dora.delete(address).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [{"label": ""}, {"is_described": True}, {"language": "??"}, {"is_default": "off"}, {"is_forced": 1}],
    ids=str,
)
def test_wrong_change_is_named(dora: Client, video: Video, changes: dict[str, Any]) -> None:
    track = put(dora, video).json()
    response = dora.patch(f"/api/video/{video.pk}/tracks/{track['id']}/", changes, content_type="application/json")
    assert response.status_code == 400
    assert list(response.json()) == list(changes)


def test_kind_of_a_track_stays_whatever_is_sent(dora: Client, video: Video) -> None:
    """As everywhere, what a request has beside the fields that there are is ignored."""
    track = put(dora, video).json()
    address = f"/api/video/{video.pk}/tracks/{track['id']}/"
    changed = dora.patch(address, {"kind": "captions", "is_forced": True}, content_type="application/json")
    assert (changed.status_code, changed.json()["kind"]) == (200, "subtitles")
    assert changed.json()["is_forced"] is True


def test_track_is_not_called_like_another(dora: Client, video: Video) -> None:
    put(dora, video)
    other = put(dora, video, label="English (UK)").json()
    address = f"/api/video/{video.pk}/tracks/{other['id']}/"
    response = dora.patch(address, {"label": "English"}, content_type="application/json")
    assert response.status_code == 409
    assert "English" not in response.json()["detail"], "what was sent is never repeated"


def test_chapters_are_not_forced(dora: Client, video: Video) -> None:
    text = "WEBVTT\n\n00:00.000 --> 00:05.000\nAt the quay\n"
    refused = put(dora, video, text, name="chapters.vtt", kind="chapters", is_forced="true")
    assert (refused.status_code, list(refused.json())) == (400, ["is_forced"])
    track = put(dora, video, text, name="chapters.vtt", kind="chapters").json()
    address = f"/api/video/{video.pk}/tracks/{track['id']}/"
    for is_forced, status in ((True, 400), (False, 200)):
        answer = dora.patch(address, {"is_forced": is_forced}, content_type="application/json")
        assert answer.status_code == status


def test_label_of_several_lines_is_refused_in_a_sentence(dora: Client, video: Video) -> None:
    answer = put(dora, video, label="a\tb")
    assert answer.json() == {"label": ["Line breaks and control characters are not allowed."]}


def test_one_text_at_most_is_the_default(dora: Client, ada: Client, video: Video) -> None:
    first = put(dora, video, is_default="true").json()
    second = put(dora, video, kind="captions", is_default="true").json()
    told = {track["id"]: track["is_default"] for track in detail(ada, video)["tracks"]}
    assert told == {first["id"]: False, second["id"]: True}


def test_track_of_another_video_is_not_found(dora: Client, video: Video) -> None:
    track = put(dora, video).json()
    other = published(title="Another")
    assert dora.delete(f"/api/video/{other.pk}/tracks/{track['id']}/").status_code == 404
    assert dora.get(f"/api/video/{other.pk}/tracks/{track['id']}.vtt").status_code == 404


def test_chapters_are_listed_in_the_detail(dora: Client, ada: Client, video: Video) -> None:
    text = "WEBVTT\n\n00:00.000 --> 00:05.000\nAt the quay\n\n00:05.000 --> 00:12.000\nOut at sea & back\n"
    track = put(dora, video, text, name="chapters.vtt", kind="chapters").json()
    assert (track["label"], track["hls_url"]) == ("Chapters", None)
    assert detail(ada, video)["chapters"] == [
        {"start": 0.0, "end": 5.0, "title": "At the quay"},
        {"start": 5.0, "end": 12.0, "title": "Out at sea & back"},
    ]
    written = ada.get(f"/api/video/{video.pk}/tracks/chapters.vtt")
    assert (written.status_code, written["Content-Type"]) == (200, "text/vtt; charset=utf-8")


def test_uploaded_chapters_are_shown_one_after_another_and_within_the_video(
    dora: Client, ada: Client, video: Video
) -> None:
    """What begins at its end or later would never be reached."""
    lasts_s = detail(ada, video)["duration"]
    times = [(0, 9, "One"), (3, 4, "Two"), (4, 5, "Three"), (lasts_s, lasts_s + 9, "Late"), (2, lasts_s + 9, "More")]
    text = "WEBVTT\n" + "".join(f"\n00:{begin:06.3f} --> 00:{end:06.3f}\n{title}\n" for begin, end, title in times)
    track = put(dora, video, text, name="chapters.vtt", kind="chapters").json()
    assert detail(ada, video)["chapters"] == [
        {"start": 0.0, "end": 2.0, "title": "One"},
        {"start": 2.0, "end": 3.0, "title": "More"},
        {"start": 3.0, "end": 4.0, "title": "Two"},
        {"start": 4.0, "end": lasts_s, "title": "Three"},
    ]
    in_turn = [(0, 2_000), (2_000, 3_000), (3_000, 4_000), (4_000, round(lasts_s * 1_000))]
    for name in ("chapters.vtt", f"{track['id']}.vtt"):
        shown = parse(ada.get(f"/api/video/{video.pk}/tracks/{name}").content.decode())
        assert [(cue.start_ms, cue.end_ms) for cue in shown] == in_turn


def test_failed_track_says_why_to_staff_alone(dora: Client, ada: Client, video: Video) -> None:
    Track.objects.create(
        transcode=video.transcode,
        kind="subtitles",
        label="English",
        origin="embedded",
        source=video.transcode.source,
        source_index=2,
        state="failed",
        error_code="empty",
    )
    [told] = dora.get(f"/api/video/{video.pk}/tracks/").json()
    assert (told["state"], told["error"]["code"], told["url"]) == ("failed", "empty", None)
    assert detail(ada, video)["tracks"] == []
