"""The edge as it is deployed: real nginx with our template in front of real gunicorn, over real connections."""

import json
import os
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from accounts.tests.serving import installed, web_server
from library.tests.videos import PASSWORD, SEGMENT_BYTES, segment_bytes
from project.middleware import REQUEST_ID
from project.tests.console import Console, console
from project.tests.edge import nginx, nginx_binary

pytestmark = [
    pytest.mark.services,
    pytest.mark.edge,
    pytest.mark.skipif(nginx_binary() is None, reason="no nginx found"),
]

CHECK_S = 1
ORIGIN = "https://app.example.com"
SETUP = """
from hls.models import Track, TrackText
from library.tests.videos import leave_largest_out, make_viewer, published, serve_version
for name in ("ada", "bob", "carl", "dora"):
    make_viewer(f"{name}@example.com", is_staff=name == "dora")
videos = [published(title=title) for title in ("One", "Two", "Three", "Replaced", "Deleted")]
serve_version(videos[3], 2)
videos.append(published(title="Several sounds", sounds=2))
track = Track.objects.create(transcode=videos[5].transcode, kind="subtitles", language="en", label="EN", revision=1)
cues = "WEBVTT\\n\\n00:00:01.000 --> 00:00:03.500\\nThe boats come in.\\n"
TrackText.objects.create(track=track, revision=1, webvtt=cues, cue_count=1, size_bytes=len(cues))
videos.append(published(title="Left out"))
leave_largest_out(videos[6])
print([(video.pk, video.transcode_id) for video in videos])
"""

DEACTIVATE = """
from accounts.models import User
carl = User.objects.get(email="carl@example.com")
carl.is_active = False
carl.save()
"""

WITHOUT_POSTER = """
from library.tests.videos import published
video = published(title="Without a poster")
video.transcode.refresh_from_db()
video.transcode.served["has_poster"] = False
video.transcode.save(update_fields=["served"])
print(video.pk)
"""


@dataclass(frozen=True)
class Site:
    """The edge, the server behind it, and the videos there are."""

    edge: str
    behind: str
    folder: Path
    videos: list[tuple[int, int]]  # (video, transcode)
    console: Console  # of the server behind it

    @property
    def video(self) -> int:
        return self.videos[0][0]

    @property
    def transcode(self) -> int:
        return self.videos[0][1]


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("served")
    os.environ["CSRF_TRUSTED_ORIGINS"] = ORIGIN
    with django_db_blocker.unblock():
        with web_server(folder) as behind, console(installed(folder, {})) as opened:
            del os.environ["CSRF_TRUSTED_ORIGINS"]
            videos = json.loads(opened.run(SETUP).strip().replace("(", "[").replace(")", "]"))
            upstream = urlsplit(behind).netloc
            with nginx(folder / "nginx", upstream=upstream, data=folder, check_time=f"{CHECK_S}s") as edge:
                yield Site(edge, behind, folder, [(video, transcode) for video, transcode in videos], opened)
        call_command("flush", interactive=False, verbosity=0)


@contextmanager
def signed_in(site: Site, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.edge, timeout=30, follow_redirects=False) as client:
        response = client.post("/api/login/", json={"email": f"{name}@example.com", "password": PASSWORD})
        assert response.status_code == 200
        yield client


def open_video(client: httpx.Client, video_id: int) -> str:
    """Fetch the playlist and keep nothing but the playback cookie it sets, as if the access token had expired."""
    response = client.get(f"/api/video/{video_id}/master.m3u8")
    assert response.status_code == 200
    return response.cookies["playback_token"]


@pytest.fixture
def player(site: Site) -> Iterator[httpx.Client]:
    """Ada's player: it holds the cookie for the first video and nothing else."""
    with signed_in(site, "ada") as client:
        cookie = open_video(client, site.video)
    with httpx.Client(base_url=site.edge, timeout=30, headers={"Cookie": f"playback_token={cookie}"}) as client:
        yield client


def is_from_nginx(response: httpx.Response) -> bool:
    return response.headers["server"].startswith("nginx") and "x-frame-options" not in response.headers


def test_segment_comes_from_nginx_with_the_headers_django_gives_it(site: Site, player: httpx.Client) -> None:
    path = f"/api/video/{site.video}/480p/segment_001.ts"
    edge, behind = player.get(path), httpx.get(f"{site.behind}{path}", headers=player.headers)
    assert is_from_nginx(edge)
    assert edge.status_code == behind.status_code == 200
    assert edge.content == behind.content == segment_bytes(site.transcode, 1, "480p", 1)
    for name in ("Content-Type", "Content-Length", "Cache-Control", "ETag", "Last-Modified", "Accept-Ranges", "Vary"):
        assert edge.headers[name] == behind.headers[name], name
    assert edge.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["480p/segment_000.ts", "storyboard_00.jpg", "thumbnail.jpg"])
def test_every_header_of_a_file_is_as_django_gives_it(site: Site, player: httpx.Client, name: str) -> None:
    """nginx says less: what Django says to browsers about its pages means nothing to a player."""
    headers = {"Origin": ORIGIN, "Cookie": player.headers["Cookie"]}
    path = f"/api/video/{site.video}/{name}"
    edge, behind = (httpx.get(f"{base}{path}", headers=headers) for base in (site.edge, site.behind))
    assert is_from_nginx(edge)
    for header in edge.headers.keys() - {"server", "date", "connection", "x-request-id"}:
        told, wanted = (set(answer.headers[header].split(", ")) for answer in (edge, behind))
        assert told <= wanted if header == "access-control-expose-headers" else told == wanted, header


def test_name_above_the_source_plays_the_best_there_is(site: Site, player: httpx.Client) -> None:
    response = player.get(f"/api/video/{site.video}/1080p/segment_000.ts")
    assert is_from_nginx(response)
    assert response.content == segment_bytes(site.transcode, 1, "720p", 0)


@pytest.mark.parametrize("name", ["720p", "1080p"])
@pytest.mark.parametrize(("number", "plays"), [(0, "720p"), (1, "480p")])
def test_a_rendition_that_is_left_out_keeps_its_first_segments_and_goes_on_with_another(
    site: Site, name: str, number: int, plays: str
) -> None:
    video, transcode = site.videos[6]
    with signed_in(site, "ada") as client:
        headers = {"Cookie": f"playback_token={open_video(client, video)}"}
        listed = client.get(f"/api/video/{video}/{name}/index.m3u8").text
    path = f"/api/video/{video}/{name}/segment_{number:03d}.ts"
    edge, behind = (httpx.get(f"{base}{path}", headers=headers) for base in (site.edge, site.behind))
    assert edge.content == behind.content == segment_bytes(transcode, 1, plays, number)
    assert is_from_nginx(edge) == (plays == "720p")
    addresses = [line for line in listed.splitlines() if line.endswith(".ts")]
    assert addresses == ["segment_000.ts", "../480p/segment_001.ts"]
    for address in addresses:
        assert is_from_nginx(httpx.get(f"{site.edge}/api/video/{video}/{name}/{address}", headers=headers))


@pytest.mark.parametrize("name", ["audio_0", "audio_1"])
def test_segment_of_a_sound_comes_from_nginx_as_those_of_pictures_do(site: Site, name: str) -> None:
    video, transcode = site.videos[5]
    path, whole = f"/api/video/{video}/{name}/segment_001.ts", segment_bytes(transcode, 1, name, 1)
    with signed_in(site, "ada") as client:
        headers = {"Cookie": f"playback_token={open_video(client, video)}", "Origin": ORIGIN}
    for wanted, status, content in (({}, 200, whole), ({"Range": "bytes=8-15"}, 206, whole[8:16])):
        edge, behind = (httpx.get(f"{base}{path}", headers=headers | wanted) for base in (site.edge, site.behind))
        assert is_from_nginx(edge)
        assert (edge.status_code, edge.content) == (behind.status_code, behind.content) == (status, content)
        for told in ("Content-Type", "Cache-Control", "ETag", "Access-Control-Allow-Origin", "Vary"):
            assert edge.headers[told] == behind.headers[told], told
    assert is_from_nginx(httpx.get(f"{site.edge}{path}/", headers=headers))
    assert httpx.get(f"{site.edge}{path}").status_code == 401


@pytest.mark.parametrize("name", ["audio_2/segment_000.ts", "audio_0/segment_002.ts", "audio_0/segment_000.ts?v=9"])
def test_sound_that_a_video_does_not_have_is_not_found(site: Site, name: str) -> None:
    video, _ = site.videos[5]
    with signed_in(site, "ada") as client:
        headers = {"Cookie": f"playback_token={open_video(client, video)}"}
    for base in (site.edge, site.behind):
        response = httpx.get(f"{base}/api/video/{video}/{name}", headers=headers)
        assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


def segment_of_subtitles(client: httpx.Client, video: int) -> str:
    """The path of the first one, found as a player finds it."""
    base = f"/api/video/{video}/"
    master = client.get(f"{base}master.m3u8").text
    playlist = base + next(uri for uri in re.findall('URI="([^"]+)"', master) if uri.startswith("tracks/"))
    [name, *_] = [line for line in client.get(playlist).text.splitlines() if not line.startswith("#")]
    return f"{playlist.rpartition('/')[0]}/{name}"


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_segment_of_subtitles_comes_out_of_the_edges_memory_as_django_gave_it(site: Site, accepted: str) -> None:
    video, _ = site.videos[5]
    with signed_in(site, "ada") as client:
        path, cookie = segment_of_subtitles(client, video), open_video(client, video)
    headers = {"Cookie": f"playback_token={cookie}", "Origin": ORIGIN, "Accept-Encoding": accepted}
    behind, first, again = (httpx.get(f"{base}{path}", headers=headers) for base in (site.behind, site.edge, site.edge))
    assert "The boats come in." in behind.text
    for edge in (first, again):
        assert (edge.status_code, edge.text) == (200, behind.text)
        for header in edge.headers.keys() - {"server", "date", "connection", "x-request-id", "accept-ranges"}:
            told, wanted = (set(answer.headers[header].split(", ")) for answer in (edge, behind))
            assert told <= wanted if header == "access-control-expose-headers" else told == wanted, header
    assert (
        httpx.get(f"{site.edge}{path}", headers=headers | {"If-None-Match": again.headers["ETag"]}).status_code == 304
    )
    assert httpx.get(f"{site.edge}{path}").status_code == 401
    assert "upstream_status" in logged(site, again.headers["X-Request-ID"])


@pytest.mark.parametrize("name", ["storyboard_00.jpg", "thumbnail.jpg", "thumbnail.jpg?v=abcd"])
def test_pictures_come_from_nginx_too(site: Site, player: httpx.Client, name: str) -> None:
    edge = player.get(f"/api/video/{site.video}/{name}")
    behind = httpx.get(f"{site.behind}/api/video/{site.video}/{name}", headers=player.headers)
    assert is_from_nginx(edge)
    assert (edge.status_code, edge.content) == (200, behind.content)
    assert edge.headers["Content-Type"] == behind.headers["Content-Type"]
    assert edge.headers["ETag"] == behind.headers["ETag"]


@pytest.mark.parametrize("name", ["thumbnail.jpg", "thumbnail.jpg?v=", "thumbnail.jpg?v=1", "storyboard_00.jpg"])
def test_nginx_keeps_a_picture_as_long_as_django_does(site: Site, player: httpx.Client, name: str) -> None:
    path = f"/api/video/{site.video}/{name}"
    edge, behind = player.get(path), httpx.get(f"{site.behind}{path}", headers=player.headers)
    assert is_from_nginx(edge)
    assert edge.headers["Cache-Control"] == behind.headers["Cache-Control"]


CHANGE_POSTER = """
from pathlib import Path
from django.conf import settings
from library.models import Video
picture = Path(settings.MEDIA_ROOT, "thumbnails/fedcba9876543210.jpg")
picture.parent.mkdir(parents=True, exist_ok=True)
picture.write_bytes(b"another picture")
Video.objects.filter(pk={video}).update(thumbnail="thumbnails/fedcba9876543210.jpg")
"""


def test_a_new_posters_address_never_leads_to_the_one_before(site: Site, tmp_path: Path) -> None:
    """The check's answer is kept for nearly a minute, and what the browser gets under this address for a year."""
    video, _ = site.videos[2]
    upstream = urlsplit(site.behind).netloc
    with nginx(tmp_path / "nginx", upstream=upstream, data=site.folder) as edge, signed_in(site, "ada") as client:
        headers = {"Cookie": f"playback_token={open_video(client, video)}"}
        address = f"{edge}/api/video/{video}/thumbnail.jpg"
        assert httpx.get(f"{address}?v=1", headers=headers).content.startswith(b"poster of")
        site.console.run(CHANGE_POSTER.format(video=video))
        found = httpx.get(f"{address}?v=fedcba98", headers=headers)
        assert is_from_nginx(found)
        assert found.content == b"another picture"


@pytest.mark.parametrize(
    ("wanted", "status", "first", "length"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=-1", 206, SEGMENT_BYTES - 1, 1),
        ("bytes=100-199", 206, 100, 100),
        ("bytes=100-99999", 206, 100, SEGMENT_BYTES - 100),
        ("bytes=-99999", 206, 0, SEGMENT_BYTES),
        ("bytes=0-1,4-5", 200, 0, SEGMENT_BYTES),
        ("lines=0-1", 200, 0, SEGMENT_BYTES),
        ("bytes=x", 200, 0, SEGMENT_BYTES),
        (f"bytes=0-{9**40}", 206, 0, SEGMENT_BYTES),
    ],
)
def test_single_ranges_are_served(
    site: Site, player: httpx.Client, wanted: str, status: int, first: int, length: int
) -> None:
    path = f"/api/video/{site.video}/480p/segment_000.ts"
    for base in (site.edge, site.behind):
        response = player.get(f"{base}{path}", headers={"Range": wanted})
        assert response.status_code == status
        assert response.content == segment_bytes(site.transcode, 1, "480p", 0)[first : first + length]


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=99999-",
        "bytes=-0",
        "bytes=9-1",
        "bytes=0-5,3-9",
        "bytes=0-,0-,0-",
        f"bytes={9**40}-",
    ],
)
def test_absurd_range_is_416_in_json(site: Site, player: httpx.Client, wanted: str) -> None:
    for base in (site.edge, site.behind):
        response = player.get(f"{base}/api/video/{site.video}/480p/segment_000.ts", headers={"Range": wanted})
        assert response.status_code == 416
        assert response.json() == {"detail": "Range Not Satisfiable."}
        assert response.headers["Content-Range"] == f"bytes */{SEGMENT_BYTES}"
        assert "no-store" in response.headers["Cache-Control"]


def test_request_for_other_bytes_is_412_in_json(site: Site, player: httpx.Client) -> None:
    path = f"/api/video/{site.video}/480p/segment_000.ts"
    for base in (site.edge, site.behind):
        for headers in ({"If-Match": '"another"'}, {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}):
            response = player.get(f"{base}{path}", headers=headers)
            assert (response.status_code, response.json()) == (412, {"detail": "Precondition Failed."})
            assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize("header", ['If-Match: "another"', "Range: bytes=99999-"])
def test_connection_outlives_a_request_for_other_bytes(site: Site, player: httpx.Client, header: str) -> None:
    """nginx closes it after a 412 of its own, while the answer says that it stays open."""
    address = urlsplit(site.edge)
    path = f"/api/video/{site.video}/480p/segment_000.ts"
    asked = f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {player.headers['Cookie']}\r\n{header}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=1) as connected:
        connected.sendall(asked.encode())
        while b'"}' not in connected.recv(65_536):
            continue
        with pytest.raises(TimeoutError):
            connected.recv(1)


@pytest.mark.parametrize("name", ["480p/segment_000.ts", "storyboard_00.jpg", "thumbnail.jpg"])
def test_trailing_slash_makes_no_difference(site: Site, player: httpx.Client, name: str) -> None:
    response = player.get(f"/api/video/{site.video}/{name}/")
    assert response.content == player.get(f"/api/video/{site.video}/{name}").content
    assert response.status_code == 200
    assert is_from_nginx(response)


def test_poster_that_is_not_there_is_404_and_no_redirect(site: Site) -> None:
    video = int(site.console.run(WITHOUT_POSTER))
    with signed_in(site, "ada") as client:
        headers = {"Cookie": f"playback_token={open_video(client, video)}"}
    for base in (site.edge, site.behind):
        response = httpx.get(f"{base}/api/video/{video}/thumbnail.jpg", headers=headers)
        assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


def test_validators_hold_across_edge_and_server(site: Site, player: httpx.Client) -> None:
    path = f"/api/video/{site.video}/480p/segment_000.ts"
    etag = httpx.get(f"{site.behind}{path}", headers=player.headers).headers["ETag"]
    assert player.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert player.get(path, headers={"If-Range": etag, "Range": "bytes=0-1"}).status_code == 206
    assert player.get(path, headers={"If-Range": '"other"', "Range": "bytes=0-1"}).status_code == 200


def test_head_tells_the_length_and_sends_nothing(site: Site, player: httpx.Client) -> None:
    for headers in ({}, {"Range": "bytes=0-1"}):
        response = player.head(f"/api/video/{site.video}/480p/segment_000.ts", headers=headers)
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["Content-Length"] == str(SEGMENT_BYTES)


@pytest.mark.parametrize("name", ["480p/segment_000.ts", "thumbnail.jpg", "master.m3u8", ""])
def test_host_that_is_not_served_is_refused_for_what_nginx_sends_too(
    site: Site, player: httpx.Client, name: str
) -> None:
    path = f"/api/video/{site.video}/{name}"
    assert player.get(path).status_code == (200 if name else 401)
    refused = player.get(path, headers={"Host": "foreign.example.net"})
    assert (refused.status_code, refused.json()) == (400, {"detail": "This host name is not served here."})
    assert httpx.get(f"{site.edge}/api/health/", headers={"Host": "foreign.example.net"}).status_code == 200


def test_other_methods_are_django_s_to_refuse(site: Site, player: httpx.Client) -> None:
    response = player.put(f"/api/video/{site.video}/480p/segment_000.ts", headers={"Sec-Fetch-Site": "same-origin"})
    assert response.status_code in (401, 405)
    assert response.json().keys() == {"detail"}


@pytest.mark.parametrize("cookie", ["", "x", "WzEsMl0:1abc:AAAAAAAAAAAAAAAAAAAAAAAA", "a" * 5000])
def test_strangers_get_401_in_json(site: Site, cookie: str) -> None:
    for name in ("480p/segment_000.ts", "storyboard_00.jpg", "thumbnail.jpg", "master.m3u8"):
        response = httpx.get(
            f"{site.edge}/api/video/{site.video}/{name}", headers={"Cookie": f"playback_token={cookie}"}
        )
        assert response.status_code == 401, name
        assert response.json().keys() == {"detail"}


def test_viewer_without_a_playback_cookie_is_served_through_django(site: Site) -> None:
    """An app that sends its access token with each request, and holds no cookies."""
    with signed_in(site, "ada") as client:
        access = client.cookies["access_token"]
    for name in ("480p/segment_000.ts", "storyboard_00.jpg", "thumbnail.jpg"):
        response = httpx.get(
            f"{site.edge}/api/video/{site.video}/{name}", headers={"Authorization": f"Bearer {access}"}
        )
        assert response.status_code == 200, name
        assert not is_from_nginx(response)


def test_cookie_of_one_video_opens_no_other(site: Site, player: httpx.Client) -> None:
    other = site.videos[1][0]
    for path in (
        f"/api/video/{other}/480p/segment_000.ts",
        f"/api/video/{site.video}/../{other}/480p/segment_000.ts",
        f"/api/video/{site.video}/480p/..%2f..%2f{other}/480p/segment_000.ts",
        f"/api/video/{site.video}/480p/%2e%2e/%2e%2e/{other}/480p/segment_000.ts",
    ):
        status, content = raw(site, path, player)
        assert status in (401, 404), path
        assert b"<" not in content, path


@pytest.mark.parametrize(
    "path",
    [
        "/hls/{transcode}/1/480p/segment_000.ts",
        "/data/hls/{transcode}/1/480p/segment_000.ts",
        "/uploads/videos/One.mp4",
        "/secret_key",
        "/db.sqlite3",
        "/-/playback-check",
        "/api/video/{video}/480p/segment_000.ts/../../../../../secret_key",
        "/api/video/{video}/480p/..%2f..%2f..%2f..%2fsecret_key",
        "/api/video/{video}/480p/segment_00%30.ts%00",
        "/api/video/{video}/480p/segment_000.ts%0a",
        "/api/video/{video}/storyboard_00.jpg%0a",
        "/api/video/{video}/thumbnail.jpg/%0a",
        "/api/video/{video}/480p/segment_002.ts",
        "/api/video/{video}/480p/segment_0000.ts",
        "/api/video/{video}/360p/segment_000.ts",
        "/api/video/{video}/480p/index.m3u8.gz",
        "/api/video/{video}/storyboard_77.jpg",
        "/api/video/0{video}/480p/segment_000.ts/x",
        "/api/video/{video}/480p/segment_000.ts?v=9",
        "/api/video/{video}/480p/segment_000.ts?v=1%26video=2",
        "/api/video/{video}/480p/segment_000.ts?v=../1",
    ],
)
def test_path_tricks_lead_nowhere(site: Site, player: httpx.Client, path: str) -> None:
    status, content = raw(site, path.format(video=site.video, transcode=site.transcode), player)
    assert status in (400, 401, 404), content
    is_page = content.lstrip().startswith(b"<")
    assert is_page != path.startswith(("/api/", "/-/")), "JSON below the API, the house's page elsewhere"
    assert b"nginx" not in content


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("TRACE {path} HTTP/1.1", 405),
        ("CONNECT {path} HTTP/1.1", 405),
        ("GET {path} HTTP/2.0", 505),
        ("GET {path}?{long} HTTP/1.1", 414),
        ("get {path} HTTP/1.1", 400),
        ("GET {path}\xff HTTP/1.1", 400),
        ("GET {path} HTTP/1.1\r\nX-Long: {long}", 431),
        ("GET {path} HTTP/1.1\r\nTransfer-Encoding: gzip", 501),
    ],
)
def test_what_cannot_be_read_is_refused_in_json(site: Site, line: str, status: int) -> None:
    address = urlsplit(site.edge)
    asked = line.format(path=f"/api/video/{site.video}/480p/segment_000.ts", long="x" * 20_000)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connected:
        connected.sendall(f"{asked}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("latin-1"))
        received = b"".join(iter(lambda: connected.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert json.loads(body).keys() == {"detail"}


def raw(site: Site, path: str, player: httpx.Client) -> tuple[int, bytes]:
    """The path exactly as written; clients tidy up dots before they send them."""
    address = urlsplit(site.edge)
    cookie = player.headers["Cookie"]
    with socket.create_connection((address.hostname, address.port), timeout=10) as connected:
        head = f"GET {path} HTTP/1.0\r\nHost: {address.netloc}\r\nCookie: {cookie}\r\n\r\n"
        connected.sendall(head.encode("latin-1"))
        received = b"".join(iter(lambda: connected.recv(65_536), b""))
    headers, _, content = received.partition(b"\r\n\r\n")
    return int(headers.split()[1]), content


def test_client_of_http_1_0_need_not_name_a_host(site: Site, player: httpx.Client) -> None:
    """nginx asks gunicorn in HTTP/1.1, in which there has to be one."""
    address = urlsplit(site.edge)
    for path in ("/api/health/", f"/api/video/{site.video}/480p/segment_000.ts"):
        with socket.create_connection((address.hostname, address.port), timeout=10) as connected:
            connected.sendall(f"GET {path} HTTP/1.0\r\nCookie: {player.headers['Cookie']}\r\n\r\n".encode())
            received = b"".join(iter(lambda: connected.recv(65_536), b""))
        assert received.startswith(b"HTTP/1.1 200 "), received


def test_check_itself_tells_a_stranger_nothing(site: Site, player: httpx.Client) -> None:
    for query in ("", "?video=x", f"?video={site.video}", f"?video={site.video}&v=x"):
        response = httpx.get(f"{site.edge}/api/playback/check{query}")
        assert response.status_code in (400, 401)
        assert not [name for name in response.headers if name.startswith("x-video")]
    assert player.get(f"/api/playback/check?video={site.video}").status_code == 204
    assert player.get(f"/api/playback/check?video={site.videos[1][0]}").status_code == 401


def test_retired_and_new_version_are_served_side_by_side(site: Site) -> None:
    video, transcode = site.videos[3]
    with signed_in(site, "carl") as client:
        client.cookies.set("playback_token", open_video(client, video))
        for version in (1, 2):
            response = client.get(f"/api/video/{video}/480p/segment_000.ts?v={version}")
            assert is_from_nginx(response)
            assert response.content == segment_bytes(transcode, version, "480p", 0)


def test_allowed_page_may_read_with_credentials_and_no_other(site: Site, player: httpx.Client) -> None:
    path = f"/api/video/{site.video}/480p/segment_000.ts"
    for origin, allowed in ((ORIGIN, ORIGIN), ("https://evil.example", None), (ORIGIN, ORIGIN)):
        response = player.get(path, headers={"Origin": origin})
        assert is_from_nginx(response)
        assert response.headers.get("Access-Control-Allow-Origin") == allowed
        assert response.headers["Vary"] == "origin"
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Content-Range" in response.headers["Access-Control-Expose-Headers"]
    preflight = httpx.options(f"{site.edge}{path}", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "GET"})
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "range" in preflight.headers["Access-Control-Allow-Headers"]


def test_server_is_not_asked_while_its_answer_holds(site: Site, tmp_path: Path) -> None:
    """At most once in 55 s for each viewer and video: the price is that a video goes on for so long after a logout."""
    path = f"/api/video/{site.video}/480p/segment_000.ts"
    upstream = urlsplit(site.behind).netloc
    with nginx(tmp_path / "nginx", upstream=upstream, data=site.folder) as patient, signed_in(site, "bob") as client:
        headers = {"Cookie": f"playback_token={open_video(client, site.video)}"}
        assert is_from_nginx(httpx.get(f"{patient}{path}", headers=headers))
        assert client.post("/api/logout/").status_code == 200
        for name in ("480p/segment_000.ts", "720p/segment_001.ts", "480p/segment_001.ts"):
            response = httpx.get(f"{patient}/api/video/{site.video}/{name}", headers=headers)
            assert response.status_code == 200
            assert is_from_nginx(response)


def logged(site: Site, what: str) -> str:
    """The line of nginx's log with this in it; they are written about once a second."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        lines = (site.folder / "nginx" / "access.log").read_text().splitlines()
        if found := [line for line in lines if what in line]:
            return found[0]
        time.sleep(0.2)
    raise AssertionError(f"{what} is not in the log")


def stops(client: httpx.Client, path: str) -> bool:
    """Whether the video stops before the check's answer, kept by nginx and by no one else, has run out twice."""
    deadline = time.monotonic() + 2 * CHECK_S + 2
    while time.monotonic() < deadline:
        if client.get(path).status_code in (401, 404):
            return True
        time.sleep(0.2)
    return False


@pytest.fixture
def address(site: Site) -> str:
    """Where a player without cookies finds the first video's files, by Ada's leave."""
    with signed_in(site, "ada") as client:
        url = client.post(f"/api/video/{site.video}/playback-address/").json()["url"]
    assert url.startswith(f"{site.edge}/api/play/")
    return urlsplit(str(url)).path.removesuffix("master.m3u8")


FOREIGN = "https://www.gstatic.com"


@pytest.mark.parametrize(
    "name", ["480p/segment_001.ts", "1080p/segment_000.ts?v=1", "storyboard_00.jpg", "thumbnail.jpg"]
)
@pytest.mark.parametrize("headers", [{}, {"Origin": FOREIGN}, {"Origin": ORIGIN}, {"Range": "bytes=0-9"}])
def test_playback_address_is_served_by_nginx_as_by_django(
    site: Site, address: str, name: str, headers: dict[str, str]
) -> None:
    edge, behind = (httpx.get(f"{base}{address}{name}", headers=headers) for base in (site.edge, site.behind))
    assert is_from_nginx(edge)
    assert edge.status_code == behind.status_code == (206 if "Range" in headers else 200)
    assert edge.content == behind.content
    for told in ("Content-Type", "Cache-Control", "ETag", "Access-Control-Allow-Origin", "Referrer-Policy"):
        assert edge.headers[told] == behind.headers[told], told
    assert edge.headers["Access-Control-Allow-Origin"] == (ORIGIN if headers.get("Origin") == ORIGIN else "*")
    assert edge.headers.get("Access-Control-Allow-Credentials") == behind.headers.get(
        "Access-Control-Allow-Credentials"
    )


def test_playlists_below_a_playback_address_lead_to_it_through_the_edge(site: Site, address: str) -> None:
    master = httpx.get(f"{site.edge}{address}master.m3u8", headers={"Origin": FOREIGN})
    assert (master.status_code, master.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert "Set-Cookie" not in master.headers
    assert "://" not in master.text
    media = httpx.get(f"{site.edge}{address}480p/index.m3u8")
    assert media.status_code == 200
    assert "segment_000.ts" in media.text


def test_spoilt_playback_address_opens_nothing(site: Site, address: str, player: httpx.Client) -> None:
    """With somebody's cookies beside it, too."""
    token = address.split("/")[3]
    other = address.replace(f"/video/{site.video}/", f"/video/{site.videos[1][0]}/")
    for path in (other, address.replace(token, f"{token}x"), address.replace(token, "a.b"), f"{address}../"):
        response = player.get(f"{path}480p/segment_000.ts")
        assert response.status_code in (401, 404), path
        assert response.json().keys() == {"detail"}
    assert httpx.post(f"{site.edge}{address}480p/segment_000.ts").status_code in (401, 405)


def test_token_of_a_playback_address_stays_out_of_the_edges_log(site: Site, address: str) -> None:
    token = address.split("/")[3]
    for path in (f"{address}480p/segment_000.ts", f"{address}master.m3u8", f"/api/play/{token}/nowhere"):
        httpx.get(f"{site.edge}{path}", headers={"Referer": f"{site.edge}{address}"})
    assert json.loads(logged(site, "/api/play/"))["path"] == "/api/play/***"
    assert token not in (site.folder / "nginx" / "access.log").read_text()


def test_token_of_an_upload_grant_stays_out_of_the_edges_log(site: Site) -> None:
    httpx.get(f"{site.edge}/api/uploads/granted/pK3v0nXqk1uV0mB2/")
    assert json.loads(logged(site, "/api/uploads/granted/"))["path"] == "/api/uploads/granted/***"
    assert "pK3v0nXqk1uV0mB2" not in (site.folder / "nginx" / "access.log").read_text()


def test_client_can_not_hand_on_a_token_by_itself(site: Site, address: str) -> None:
    headers = {"X-Playback-Address": address.split("/")[3]}
    for name in ("480p/segment_000.ts", "master.m3u8"):
        assert httpx.get(f"{site.edge}/api/video/{site.video}/{name}", headers=headers).status_code == 401


def test_logout_ends_the_playback_address(site: Site) -> None:
    with signed_in(site, "bob") as client:
        url = client.post(f"/api/video/{site.video}/playback-address/").json()["url"]
        path = urlsplit(url).path.replace("master.m3u8", "480p/segment_000.ts")
        with httpx.Client(base_url=site.edge) as television:
            assert television.get(path).status_code == 200
            assert client.post("/api/logout/").status_code == 200
            assert stops(television, path)


def test_logout_stops_the_video(site: Site) -> None:
    path = f"/api/video/{site.video}/480p/segment_000.ts"
    with signed_in(site, "bob") as client:
        cookie = open_video(client, site.video)
        with httpx.Client(base_url=site.edge, headers={"Cookie": f"playback_token={cookie}"}) as watching:
            assert watching.get(path).status_code == 200
            assert client.post("/api/logout/").status_code == 200
            assert stops(watching, path)


def test_deactivation_stops_the_video(site: Site) -> None:
    path = f"/api/video/{site.video}/480p/segment_000.ts"
    with signed_in(site, "carl") as client:
        cookie = open_video(client, site.video)
    with httpx.Client(base_url=site.edge, headers={"Cookie": f"playback_token={cookie}"}) as watching:
        assert watching.get(path).status_code == 200
        site.console.run(
            "from accounts.models import User; u = User.objects.get(email='carl@example.com')"
            "; u.is_active = False; u.save()"
        )
        assert stops(watching, path)


def test_unpublishing_the_video_stops_it_and_publishing_goes_on(site: Site) -> None:
    path = f"/api/video/{site.videos[1][0]}/480p/segment_000.ts"
    change = f"from library.models import Video; Video.objects.filter(pk={site.videos[1][0]}).update(is_published=%s)"
    with signed_in(site, "ada") as client:
        cookie = open_video(client, site.videos[1][0])
    with httpx.Client(base_url=site.edge, headers={"Cookie": f"playback_token={cookie}"}) as watching:
        assert watching.get(path).status_code == 200
        site.console.run(change % False)
        assert stops(watching, path)
        assert watching.get(path).json() == {"detail": "Not found."}
        site.console.run(change % True)
        assert watching.get(path).status_code == 200


def test_deleting_the_video_stops_it(site: Site) -> None:
    video, _ = site.videos[4]
    path = f"/api/video/{video}/480p/segment_000.ts"
    with signed_in(site, "ada") as client:
        cookie = open_video(client, video)
    with httpx.Client(base_url=site.edge, headers={"Cookie": f"playback_token={cookie}"}) as watching:
        assert watching.get(path).status_code == 200
        site.console.run(f"from library.models import Video; Video.objects.get(pk={video}).delete()")
        assert stops(watching, path)


def test_api_and_static_files_are_proxied_with_absolute_urls(site: Site) -> None:
    with signed_in(site, "ada") as client:
        listed = client.get("/api/video").json()
        assert listed[0]["hls_url"].startswith(f"{site.edge}/api/video/")
        assert client.get("/static/admin/css/base.css").status_code == 200
        assert client.get("/api/nowhere").json().keys() == {"detail"}


def test_request_id_is_the_edges_own_and_reaches_the_log(site: Site, player: httpx.Client) -> None:
    response = player.get(f"/api/video/{site.video}/480p/segment_000.ts", headers={"X-Request-ID": "made-up-by-client"})
    identity = response.headers["X-Request-ID"]
    assert REQUEST_ID.fullmatch(identity)
    assert identity != "made-up-by-client"
    again = player.get(f"/api/video/{site.video}/480p/segment_000.ts")
    assert again.headers["X-Request-ID"] != identity
    assert json.loads(logged(site, identity))["request_id"] == identity


def test_links_in_mails_stay_out_of_the_edges_log(site: Site) -> None:
    httpx.get(f"{site.edge}/api/activate/MQ/very-secret-token/")
    assert json.loads(logged(site, "/api/activate/"))["path"] == "/api/activate/***"
    assert "very-secret-token" not in (site.folder / "nginx" / "access.log").read_text()


@pytest.mark.parametrize("path", ["/api/odd%ff", "/api/odd%c3%a4", "/api/odd%0a", "/api/odd\xff"])
def test_odd_letters_in_an_address_leave_the_log_readable(site: Site, player: httpx.Client, path: str) -> None:
    status, _ = raw(site, path, player)
    assert status in (400, 404)
    assert json.loads(logged(site, '"(not ASCII)"'))["path"] == "(not ASCII)"
    (site.folder / "nginx" / "access.log").read_bytes().decode("ascii")


def test_large_requests_are_refused_in_json_save_for_uploads(site: Site) -> None:
    """nginx limits the API's bodies; how large an upload may be is for Django to say."""
    too_large = b"x" * 1_100_000
    response = httpx.post(f"{site.edge}/api/login/", content=too_large, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json().keys()) == (413, {"detail"})
    upload = httpx.post(f"{site.edge}/api/uploads/", content=too_large)
    assert upload.status_code != 413


@pytest.mark.parametrize("path", ["tracks", "tracks/"])
def test_text_of_more_than_a_megabyte_reaches_django_with_and_without_the_slash(site: Site, path: str) -> None:
    text = {"file": ("en.srt", b"x" * 1_100_000)}
    assert httpx.put(f"{site.edge}/api/video/1/{path}", files=text).status_code == 401


def test_refusal_of_a_large_body_reaches_the_client(site: Site) -> None:
    """nginx still sends the body when the answer comes. One of six used to be 503: the connection was broken then."""
    text = {"file": ("en.srt", b"x" * 4_400_000)}
    answers = Counter(httpx.put(f"{site.edge}/api/video/1/tracks/", files=text).status_code for _ in range(20))
    assert answers == {401: 20}


def test_edge_says_so_in_json_while_the_server_is_away(tmp_path: Path) -> None:
    with nginx(tmp_path / "nginx", upstream="127.0.0.1:9", data=tmp_path) as edge:
        cookie = {"Cookie": f"playback_token={'a' * 40}"}
        for path in ("/api/video/", "/api/video/1/480p/segment_000.ts"):
            response = httpx.get(f"{edge}{path}", headers=cookie)
            assert (response.status_code, response.json().keys()) == (503, {"detail"})
            assert response.headers["Retry-After"] == "5"
