"""Segments, pictures and playlists over the full stack: headers, ranges, validators, and what nobody gets."""

import gzip
import time
from email.utils import formatdate
from typing import Any
from urllib.parse import urljoin

import pytest

from library.delivery import places
from library.models import Video
from library.tests.videos import (
    MEDIA,
    SEGMENT_BYTES,
    Player,
    make_viewer,
    published,
    segment_bytes,
    serve_version,
    sign_in,
)

pytestmark = pytest.mark.django_db

FOREVER = "private, max-age=31536000, immutable"


@pytest.fixture
def video(db: None) -> Video:
    return published()


@pytest.fixture
def client() -> Player:
    return Player()


@pytest.fixture
def ada(client: Player) -> Player:
    make_viewer()
    return sign_in(client)


@pytest.fixture
def segment(video: Video) -> str:
    return f"/api/video/{video.pk}/480p/segment_000.ts"


def test_segment_is_whole_typed_and_kept_for_ever(ada: Player, video: Video, segment: str) -> None:
    response = ada.get(segment)
    assert response.status_code == 200
    assert response.sent == segment_bytes(video.transcode_id, 1, "480p", 0)
    assert response["Content-Type"] == "video/MP2T"
    assert response["Content-Length"] == str(SEGMENT_BYTES)
    assert response["Cache-Control"] == FOREVER
    assert response["Accept-Ranges"] == "bytes"
    assert response["ETag"].startswith('"')
    assert "Content-Disposition" not in response
    assert response["Vary"] == "origin"


def test_segment_answers_with_and_without_its_slash(ada: Player, segment: str) -> None:
    assert ada.get(f"{segment}/").sent == ada.get(segment).sent


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=-1", 1879, 1879), ("bytes=188-375", 188, 375), ("bytes=1000-", 1000, 1879)],
)
def test_part_of_a_segment_is_sent_alone(
    ada: Player, video: Video, segment: str, wanted: str, first: int, last: int
) -> None:
    response = ada.get(segment, headers={"Range": wanted})
    assert response.status_code == 206
    assert response.sent == segment_bytes(video.transcode_id, 1, "480p", 0)[first : last + 1]
    assert response["Content-Range"] == f"bytes {first}-{last}/{SEGMENT_BYTES}"
    assert response["Content-Length"] == str(last - first + 1)
    assert response["Content-Type"] == "video/MP2T"


@pytest.mark.parametrize("wanted", ["bytes=99999-", "bytes=9-1", "bytes=0-5,3-9", "bytes=0-,0-,0-"])
def test_absurd_range_is_refused_in_json_and_not_kept(ada: Player, segment: str, wanted: str) -> None:
    response = ada.get(segment, headers={"Range": wanted})
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{SEGMENT_BYTES}"
    assert response["Cache-Control"] == "no-store"
    assert response.json().keys() == {"detail"}


@pytest.mark.parametrize("wanted", ["bytes=0-1,3-4", "lines=1-2"])
def test_ranges_that_lie_apart_or_count_otherwise_send_the_whole(ada: Player, segment: str, wanted: str) -> None:
    response = ada.get(segment, headers={"Range": wanted})
    assert (response.status_code, len(response.sent)) == (200, SEGMENT_BYTES)


def test_known_segment_is_not_sent_again(ada: Player, segment: str) -> None:
    first = ada.get(segment)
    for headers in ({"If-None-Match": first["ETag"]}, {"If-Modified-Since": first["Last-Modified"]}):
        again = ada.get(segment, headers=headers)
        assert (again.status_code, again.sent) == (304, b"")
        assert again["ETag"] == first["ETag"]
        assert again["Cache-Control"] == FOREVER
        assert "Content-Type" not in again


def test_a_named_tag_outweighs_the_date(ada: Player, segment: str) -> None:
    """RFC 9110 13.1.3: If-Modified-Since is ignored beside If-None-Match."""
    first = ada.get(segment)
    headers = {"If-None-Match": '"another"', "If-Modified-Since": first["Last-Modified"]}
    assert ada.get(segment, headers=headers).status_code == 200


def test_range_counts_only_for_the_bytes_it_was_meant_for(ada: Player, segment: str) -> None:
    """RFC 9110 13.1.5."""
    first = ada.get(segment)
    for condition, status in [
        (first["ETag"], 206),
        (first["Last-Modified"], 206),
        ('"another"', 200),
        (f"W/{first['ETag']}", 200),
        (formatdate(0, usegmt=True), 200),
    ]:
        response = ada.get(segment, headers={"Range": "bytes=0-9", "If-Range": condition})
        assert response.status_code == status, condition


def test_request_for_other_bytes_is_refused(ada: Player, segment: str) -> None:
    """RFC 9110 13.1.1, 13.1.4: strong comparison, and a named tag outweighs the date."""
    first = ada.get(segment)
    tag, long_ago = first["ETag"], formatdate(0, usegmt=True)
    for headers, status in [
        ({"If-Match": tag}, 200),
        ({"If-Match": f'"another", {tag}'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"another"'}, 412),
        ({"If-Match": f"W/{tag}"}, 412),
        ({"If-Unmodified-Since": first["Last-Modified"]}, 200),
        ({"If-Unmodified-Since": long_ago}, 412),
        ({"If-Unmodified-Since": "yesterday"}, 200),
        ({"If-Unmodified-Since": "Fri, 31 Dec 9999 23:59:59 -2359"}, 200),
        ({"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 -0000"}, 412),
        ({"If-Match": tag, "If-Unmodified-Since": long_ago}, 200),
        ({"If-Match": '"another"', "If-None-Match": tag, "Range": "bytes=0-1"}, 412),
    ]:
        response = ada.get(segment, headers=headers)
        assert response.status_code == status, headers
        if status == 412:
            assert (response["Cache-Control"], response.json().keys()) == ("no-store", {"detail"})


@pytest.mark.parametrize(
    "name",
    [
        "master.m3u8",
        "480p/index.m3u8",
        "720p/iframes.m3u8",
        "480p/segment_001.ts",
        "storyboard.vtt",
        "storyboard_00.jpg",
        "thumbnail.jpg",
        "",
        "transcode/",
    ],
)
def test_head_tells_what_get_would(client: Player, video: Video, name: str) -> None:
    """RFC 9110 9.3.2; also for the JSON beside the streams."""
    make_viewer(is_staff=True, is_superuser=True)
    sign_in(client)
    whole = client.get(f"/api/video/{video.pk}/{name}")
    alone = client.head(f"/api/video/{video.pk}/{name}")
    assert (alone.status_code, alone.content) == (200, b"")
    assert alone["Content-Length"] == str(len(whole.sent))
    unlike = {"X-Request-ID", "Set-Cookie"}
    assert {k: v for k, v in alone.items() if k not in unlike} == {k: v for k, v in whole.items() if k not in unlike}


def test_head_ignores_a_range(ada: Player, segment: str) -> None:
    """RFC 9110 14.2: Range is defined for GET alone."""
    response = ada.head(segment, headers={"Range": "bytes=0-1"})
    assert (response.status_code, response["Content-Length"]) == (200, str(SEGMENT_BYTES))


def test_other_methods_are_refused_and_told_so(ada: Player, segment: str) -> None:
    response = ada.post(segment, headers={"Sec-Fetch-Site": "same-origin"})
    assert response.status_code == 405
    assert set(response["Allow"].split(", ")) == {"GET", "HEAD"}


def test_playlist_is_short_lived_and_tagged(ada: Player, video: Video) -> None:
    response = ada.get(f"/api/video/{video.pk}/480p/index.m3u8")
    assert response.sent.decode() == MEDIA
    assert response["Content-Type"] == "application/vnd.apple.mpegurl"
    assert response["Cache-Control"] == "private, max-age=5"
    again = ada.get(f"/api/video/{video.pk}/480p/index.m3u8", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["master.m3u8", "480p/index.m3u8", "720p/iframes.m3u8", "storyboard.vtt"])
def test_slash_behind_a_name_leads_to_the_same_segments(ada: Player, video: Video, name: str) -> None:
    serve_version(video, 2)
    plain, slashed = (f"/api/video/{video.pk}/{name}{slash}" for slash in ("", "/"))
    first, second = ada.get(plain), ada.get(slashed)
    assert (first.status_code, second.status_code) == (200, 200)
    assert [urljoin(slashed, uri) for uri in uris(second)] == [urljoin(plain, uri) for uri in uris(first)]
    for header in ("Content-Type", "Cache-Control"):
        assert first[header] == second[header]
    assert "playback_token" in second.cookies or name == "storyboard.vtt"
    assert first["ETag"] != second["ETag"]
    again = ada.get(slashed, headers={"If-None-Match": second["ETag"]})
    assert (again.status_code, again.sent) == (304, b"")


def uris(response: Any) -> list[str]:
    lines = response.sent.decode().removeprefix("WEBVTT").splitlines()
    return [line for line in lines if line and line[0] != "#" and "-->" not in line]


def test_slash_behind_the_name_of_a_file_that_is_gone_is_not_found(ada: Player, video: Video, settings: Any) -> None:
    (settings.HLS_ROOT / str(video.transcode_id) / "1" / "master.m3u8").unlink()
    response = ada.get(f"/api/video/{video.pk}/master.m3u8/")
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "*", "GZIP ; q=1"])
def test_playlist_is_gzipped_where_the_client_takes_it(ada: Player, video: Video, accepted: str) -> None:
    response = ada.get(f"/api/video/{video.pk}/480p/index.m3u8", headers={"Accept-Encoding": accepted})
    sent = response.sent
    assert gzip.decompress(sent).decode() == MEDIA
    assert response["Content-Encoding"] == "gzip"
    assert response["Content-Length"] == str(len(sent))
    assert "Accept-Encoding" in response["Vary"]


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br", "gzip; q=0.0"])
def test_playlist_is_plain_for_everybody_else(ada: Player, video: Video, accepted: str) -> None:
    response = ada.get(f"/api/video/{video.pk}/480p/index.m3u8", headers={"Accept-Encoding": accepted})
    assert response.sent.decode() == MEDIA
    assert "Content-Encoding" not in response
    assert "Accept-Encoding" in response["Vary"]


def test_gzipped_and_plain_playlist_have_tags_of_their_own(ada: Player, video: Video) -> None:
    """RFC 9110 8.8.3: a strong tag belongs to one sequence of bytes."""
    path = f"/api/video/{video.pk}/480p/index.m3u8"
    assert ada.get(path)["ETag"] != ada.get(path, headers={"Accept-Encoding": "gzip"})["ETag"]


def test_name_above_the_source_plays_the_best_there_is(ada: Player, video: Video) -> None:
    response = ada.get(f"/api/video/{video.pk}/1080p/segment_001.ts")
    assert response.sent == segment_bytes(video.transcode_id, 1, "720p", 1)


def test_pictures_are_kept_for_ever(ada: Player, video: Video) -> None:
    for name, content in (("thumbnail.jpg?v=1", b"poster"), ("storyboard_00.jpg", b"sheet")):
        response = ada.get(f"/api/video/{video.pk}/{name}")
        assert response.sent.startswith(content)
        assert (response["Content-Type"], response["Cache-Control"]) == ("image/jpeg", FOREVER)


@pytest.mark.parametrize("query", ["", "?v="])
def test_a_poster_whose_address_names_no_picture_is_asked_for_again(ada: Player, video: Video, query: str) -> None:
    """It stayed in browsers for a year, whatever picture the video got."""
    response = ada.get(f"/api/video/{video.pk}/thumbnail.jpg{query}")
    assert (response.sent[:6], response["Cache-Control"]) == (b"poster", "private, max-age=5")


@pytest.mark.parametrize(
    "name",
    [
        "480p/segment_002.ts",
        "480p/segment_1.ts",
        "480p/segment_0000.ts",
        "480p/segment_00\uff10.ts",
        "480p/segment_000.ts.gz",
        "480p/segment_000.ts%00",
        "480p/segment_000%00.ts",
        "480p/%2e%2e%2fsegment_000.ts",
        "480p/..%2f720p%2fsegment_000.ts",
        "480p/../../../../etc/passwd",
        "480p/%2e%2e/%2e%2e/%2e%2e/db.sqlite3",
        "480p/.work/segment_000.ts",
        "480p/index.m3u8.gz",
        "360p/index.m3u8",
        "360p/segment_000.ts",
        "..%5c480p/segment_000.ts",
        "storyboard_01.jpg",
        "storyboard_0.jpg",
        "storyboard_00%00.jpg",
        "poster.jpg",
        "..%2fposter.jpg",
        "../../secret_key",
        "480p/" + "9" * 5000 + ".ts",
    ],
)
def test_names_that_are_not_the_videos_lead_nowhere(ada: Player, video: Video, name: str) -> None:
    response = ada.get(f"/api/video/{video.pk}/{name}")
    assert response.status_code == 404
    assert response.json() == {"detail": "Not found."}


@pytest.mark.parametrize("number", ["0", "-1", "999", "1e3", "1%00", "9" * 30, "\u0661"])
def test_ids_of_no_video_lead_nowhere(ada: Player, video: Video, number: str) -> None:
    for name in ("master.m3u8", "480p/index.m3u8", "480p/segment_000.ts", "storyboard_00.jpg", "thumbnail.jpg", ""):
        response = ada.get(f"/api/video/{number}/{name}")
        assert response.status_code == 404, name
        assert response.json().keys() == {"detail"}


@pytest.mark.parametrize("version", ["0", "-1", "x", "1%00", "1.5", "9" * 30])
def test_versions_that_are_no_number_are_input_errors(ada: Player, segment: str, version: str) -> None:
    response = ada.get(f"{segment}?v={version}")
    assert response.status_code == 400
    assert response.json().keys() == {"v"}


@pytest.mark.parametrize("name", ["master.m3u8", "480p/index.m3u8", "480p/segment_000.ts", "storyboard_00.jpg"])
def test_strangers_get_nothing(client: Player, video: Video, name: str) -> None:
    for credentials in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": "playback_token=WzEsMl0:a:b"}):
        response = client.get(f"/api/video/{video.pk}/{name}", headers=credentials)
        assert response.status_code == 401
        assert response.json().keys() == {"detail"}


def test_playlists_cookie_alone_opens_its_video_and_no_other(ada: Player, video: Video) -> None:
    """What an iOS player has: the cookie, no headers of its own. It is of no use for another video."""
    other = published(title="Another")
    granted = ada.get(f"/api/video/{video.pk}/master.m3u8").cookies["playback_token"].value
    ada.cookies.clear()
    ada.cookies["playback_token"] = granted
    assert ada.get(f"/api/video/{video.pk}/480p/segment_000.ts").status_code == 200
    assert ada.get(f"/api/video/{video.pk}/480p/index.m3u8").status_code == 200
    assert ada.get(f"/api/video/{other.pk}/480p/segment_000.ts").status_code == 401
    assert ada.get("/api/video/").status_code == 401


def test_deleted_video_is_gone_with_its_place(ada: Player, video: Video, segment: str) -> None:
    assert ada.get(segment).status_code == 200
    video.delete()
    places.memory.clear()
    assert ada.get(segment).status_code == 404


def test_file_that_is_swept_away_meanwhile_is_not_found(ada: Player, video: Video, segment: str, settings: Any) -> None:
    assert ada.get(segment).status_code == 200
    (settings.HLS_ROOT / str(video.transcode_id) / "1" / "480p" / "segment_000.ts").unlink()
    assert ada.get(segment).status_code == 404


def test_replaced_video_is_the_old_one_or_the_new_one_but_never_a_mix(
    ada: Player, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds the old multivariant playlist goes on with the old video, in every resolution."""
    old = ada.get(f"/api/video/{video.pk}/master.m3u8").sent.decode()
    serve_version(video, 2)
    later = time.monotonic() + places.CURRENT_REMEMBERED_S + 0.1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    new = ada.get(f"/api/video/{video.pk}/master.m3u8").sent.decode()
    for text, version in ((old, 1), (new, 2)):
        for playlist in [line for line in text.splitlines() if not line.startswith("#")]:
            assert playlist.endswith(f"?v={version}")
            resolution = playlist.partition("/")[0]
            media = ada.get(f"/api/video/{video.pk}/{playlist}").sent.decode()
            for number, uri in enumerate(line for line in media.splitlines() if not line.startswith("#")):
                sent = ada.get(f"/api/video/{video.pk}/{resolution}/{uri}").sent
                assert sent == segment_bytes(video.transcode_id, version, resolution, number)


def test_segment_costs_no_query_once_the_viewer_and_the_place_are_known(
    ada: Player, video: Video, segment: str, django_assert_num_queries: Any
) -> None:
    ada.get(f"/api/video/{video.pk}/master.m3u8")
    ada.get(segment)
    with django_assert_num_queries(0):
        assert ada.get(segment.replace("480p", "720p")).status_code == 200


def test_cors_lets_an_allowed_page_read_and_no_other(ada: Player, segment: str, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example.com"]
    allowed = ada.get(segment, headers={"Origin": "https://app.example.com"})
    assert allowed["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert allowed["Access-Control-Allow-Credentials"] == "true"
    assert "Content-Range" in allowed["Access-Control-Expose-Headers"]
    foreign = ada.get(segment, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in foreign
    assert allowed["Vary"] == foreign["Vary"] == "origin"


def test_preflight_allows_ranges_with_credentials(client: Player, segment: str, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example.com"]
    headers = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    response = client.options(segment, headers=headers)
    assert response.status_code == 200
    assert response["Access-Control-Allow-Credentials"] == "true"
    for name in ("content-type", "x-csrftoken", "authorization", "range"):
        assert name in response["Access-Control-Allow-Headers"]
