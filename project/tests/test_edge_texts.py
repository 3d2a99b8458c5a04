"""Segments of subtitles at the edge: kept for all viewers of a video, given to nobody else, with no viewer's headers.

Real nginx, and a web server that answers as Django does and remembers what it was asked.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import pytest

from project.tests.edge import newer_nginx_binary, nginx, nginx_binary
from project.tests.text_server import ORIGIN, OTHER_REVISION, TEXT, Asked, TextServer

pytestmark = pytest.mark.edge

QUERY = "?v=1&r=2"
numbers = count(1)
BINARIES = {"Debian's": nginx_binary(), "as in containers": newer_nginx_binary()}


@dataclass
class Edge:
    """The edge, the server behind it, and a video that is new to both."""

    web: TextServer
    client: httpx.Client
    video: int

    @property
    def path(self) -> str:
        return f"/api/video/{self.video}/tracks/3/segment_000.vtt"

    @property
    def kept(self) -> str:
        return f"{self.path}{QUERY}"

    @property
    def asked(self) -> list[Asked]:
        return [asked for asked in self.web.asked if str(self.video) in asked.path.split("/")]

    @property
    def checks(self) -> list[Asked]:
        return [asked for asked in self.web.asked if f"check?video={self.video}&" in asked.path]

    def get(self, path: str = "", viewer: str = "ada", method: str = "GET", **headers: str) -> httpx.Response:
        named = {"Accept-Encoding": "identity", "Cookie": f"playback_token={viewer}", **headers}
        if not viewer:
            del named["Cookie"]
        return self.client.request(method, path or self.kept, headers=named)


@contextmanager
def edge_of(folder: Path, binary: str | None) -> Iterator[tuple[TextServer, httpx.Client]]:
    if binary is None:
        pytest.skip("no nginx found")
    with TextServer() as web:
        threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
        upstream = f"127.0.0.1:{web.server_address[1]}"
        with (
            nginx(folder / "nginx", upstream=upstream, data=folder, binary=binary) as address,
            httpx.Client(base_url=address, timeout=20) as client,
        ):
            yield web, client
        web.end()


@pytest.fixture(params=BINARIES, scope="module")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TextServer, httpx.Client]]:
    with edge_of(tmp_path_factory.mktemp("edge"), BINARIES[request.param]) as found:
        yield found


@pytest.fixture
def edge(running: tuple[TextServer, httpx.Client]) -> Edge:
    web, client = running
    web.is_refusing = False
    return Edge(web, client, 1000 + next(numbers))


def test_second_request_is_answered_without_asking_for_the_text(edge: Edge) -> None:
    for viewer in ("ada", "ada", "bob", "bob"):
        response = edge.get(viewer=viewer)
        assert (response.status_code, response.text) == (200, f"{TEXT}2")
        assert response.headers["Content-Type"] == "text/vtt; charset=utf-8"
        assert response.headers["Content-Length"] == str(len(response.content))
    assert len(edge.asked) == 1
    assert len(edge.checks) == 2, "once for each viewer"


def test_nobody_gets_a_kept_text_unchecked(edge: Edge) -> None:
    assert edge.get().status_code == 200
    for viewer in ("", "stranger"):
        response = edge.get(viewer=viewer)
        assert (response.status_code, response.json()) == (401, {"detail": "from Django"})


def test_each_version_revision_and_segment_is_another_text(edge: Edge) -> None:
    addresses = [
        edge.kept,
        f"{edge.path}?v=1&r=3",
        f"{edge.path}?v=2&r=2",
        edge.kept.replace("000", "1234"),
        edge.kept.replace("/3/", "/4/"),
    ]
    for _ in range(2):
        assert [edge.get(address).text[-1] for address in addresses] == ["2", "3", "2", "2", "2"]
    assert [asked.path for asked in edge.asked] == addresses


@pytest.mark.parametrize("query", ["", "?v=1", "?r=2", "?v=0&r=2", "?v=1&r=x", "?v=1%26r=2", "?v=1&r=2x"])
def test_text_of_no_certain_revision_is_never_kept(edge: Edge, query: str) -> None:
    for _ in range(2):
        assert edge.get(f"{edge.path}{query}").headers["X-Frame-Options"] == "DENY", "Django's whole answer"
    assert [asked.path for asked in edge.asked] == [f"{edge.path}{query}"] * 2


def test_text_of_a_video_of_which_no_folder_is_told_is_never_kept(edge: Edge) -> None:
    """A draft is there for staff alone, and what is still being made grows."""
    for _ in range(2):
        assert edge.get(viewer="newcomer").status_code == 200
    assert len(edge.asked) == 2
    assert edge.get(viewer="ada").status_code == 200
    edge.web.is_refusing = True
    assert edge.get(viewer="newcomer").json() == {"detail": "from Django"}
    assert edge.get(viewer="ada").status_code == 200


def test_text_of_another_revision_is_not_kept_under_the_one_asked_for(edge: Edge) -> None:
    path = f"{edge.path}?v=1&r={OTHER_REVISION}"
    for _ in range(2):
        assert edge.get(path).headers["Cache-Control"] == "no-store"
    assert [asked.path for asked in edge.asked] == [path] * 2


def test_refusals_are_django_s_and_are_never_kept(edge: Edge) -> None:
    edge.web.is_refusing = True
    refused = edge.get()
    assert (refused.status_code, refused.json()) == (401, {"detail": "from Django"})
    assert refused.headers["X-Frame-Options"] == "DENY"
    edge.web.is_refusing = False
    assert edge.get().status_code == 200
    for _ in range(2):
        assert edge.get(f"{edge.path}?v=1&r=9").json() == {"detail": "from Django"}


def test_django_is_asked_for_what_the_text_is_kept_under(edge: Edge) -> None:
    """Of two `r` the edge takes the first one and Django the last: nobody may put another text in its place."""
    assert edge.get(f"{edge.path}?v=1&r=2&r=3&x=4").text == f"{TEXT}2"
    assert edge.get().text == f"{TEXT}2"
    [asked] = edge.asked
    assert asked.path == edge.kept
    assert "x-playback-address" not in asked.headers


@pytest.mark.parametrize(
    ("accepted", "is_gzip"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5, zstd", True),
        ("deflate,gzip;q=1.0", True),
        ("", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*", False),
        ("x-gzip-not, agzip", False),
    ],
)
def test_gzip_is_for_those_who_take_it(edge: Edge, accepted: str, is_gzip: bool) -> None:
    for encoding in (accepted, "gzip", "identity", accepted):
        response = edge.get(**{"Accept-Encoding": encoding})
        assert response.text == f"{TEXT}2"
        assert response.headers["Vary"] == "Accept-Encoding, origin"
    assert (response.headers.get("Content-Encoding") == "gzip") == is_gzip
    assert sorted(asked.headers.get("accept-encoding", "") for asked in edge.asked) == ["", "gzip"]


def test_no_header_of_another_viewer_comes_out_of_the_cache(edge: Edge) -> None:
    answers = [
        edge.get(viewer="ada", Origin=ORIGIN),
        edge.get(viewer="bob"),
        edge.get(viewer="bob", Origin="https://evil.example"),
        edge.get("/api/play/a-token" + edge.kept.removeprefix("/api"), viewer="", Origin="https://www.gstatic.com"),
        edge.get(viewer="bob", Origin=ORIGIN),
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    allowed = [answer.headers.get("Access-Control-Allow-Origin") for answer in answers]
    assert allowed == [ORIGIN, None, None, "*", ORIGIN]
    credentials = [answer.headers.get("Access-Control-Allow-Credentials") for answer in answers]
    assert credentials == ["true", None, None, None, "true"]
    assert "ETag" in answers[0].headers["Access-Control-Expose-Headers"]
    assert "X-Other" not in answers[0].headers["Access-Control-Expose-Headers"]
    assert [answer.headers.get("Referrer-Policy") for answer in answers] == [None, None, None, "no-referrer", None]
    for answer in answers:
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "private, max-age=5"
    assert len({answer.headers["X-Request-ID"] for answer in answers}) == 5
    assert len(edge.asked) == 1
    assert edge.asked[0].headers["x-request-id"] == answers[0].headers["X-Request-ID"]


def test_unchanged_text_is_not_sent_again(edge: Edge) -> None:
    etag = edge.get().headers["ETag"]
    for known in (etag, f"W/{etag}", "*"):
        response = edge.get(**{"If-None-Match": known}, Origin=ORIGIN)
        assert (response.status_code, response.content) == (304, b""), known
        assert response.headers["ETag"] == etag
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert edge.get(**{"If-None-Match": '"another"'}).status_code == 200
    assert len(edge.asked) == 1


@pytest.mark.parametrize("is_kept", [True, False])
def test_parts_and_heads_come_out_of_the_whole(edge: Edge, is_kept: bool) -> None:
    whole = f"{TEXT}2".encode()
    if is_kept:
        edge.get()
    head = edge.get(method="HEAD")
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(whole)))
    for wanted, content in (("bytes=0-5", whole[:6]), ("bytes=-4", whole[-4:]), ("bytes=8-", whole[8:])):
        part = edge.get(Range=wanted, Origin=ORIGIN)
        assert (part.status_code, part.content) == (206, content), wanted
        assert part.headers["Content-Range"].endswith(f"/{len(whole)}")
        assert part.headers["Access-Control-Allow-Origin"] == ORIGIN
    absurd = edge.get(Range="bytes=9999-")
    assert (absurd.status_code, absurd.json()) == (416, {"detail": "Range Not Satisfiable."})
    assert absurd.headers["Content-Range"] == f"bytes */{len(whole)}"
    assert len(edge.asked) == 1


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", {}),
        ("GET", {"If-Match": '"another"'}),
        ("GET", {"Range": "bytes=0-1,1-2"}),
        ("HEAD", {"Range": "bytes=0-1"}),
    ],
)
def test_what_nginx_would_do_wrongly_is_django_s(edge: Edge, method: str, headers: dict[str, str]) -> None:
    edge.get()
    for _ in range(2):
        assert edge.get(method=method, **headers).headers["X-Frame-Options"] == "DENY"
    assert len(edge.asked) == 3


def test_trailing_slash_makes_no_difference(edge: Edge) -> None:
    assert edge.get(f"{edge.path}/?v=1&r=2").text == f"{TEXT}2"
    assert edge.get().text == f"{TEXT}2"
    assert len(edge.asked) == 1


@pytest.mark.parametrize(
    "name",
    [
        "tracks/3.vtt",
        "tracks/3.vtt/",
        "tracks/3/index.m3u8",
        "tracks/3/index.m3u8/",
        "tracks/chapters.vtt",
        "tracks/3/segment_00.vtt",
        "tracks/03/segment_000.vtt",
        "tracks/3/segment_000.vttx",
        "storyboard.vtt/",
    ],
)
def test_everything_else_is_passed_on_as_it_is(edge: Edge, name: str) -> None:
    path = f"/api/video/{edge.video}/{name}{QUERY}"
    for _ in range(2):
        edge.get(path)
    assert [asked.path for asked in edge.asked] == [path] * 2
    assert edge.checks == []


@pytest.mark.parametrize("binary", BINARIES.values(), ids=BINARIES)
def test_kept_text_is_there_while_django_is_away(tmp_path: Path, binary: str | None) -> None:
    with edge_of(tmp_path, binary) as (web, client):
        edge = Edge(web, client, 7)
        assert edge.get().status_code == 200
        web.end()
        assert edge.get().text == f"{TEXT}2"
        away = edge.get(f"{edge.path}?v=1&r=3")
        assert (away.status_code, away.json().keys()) == (503, {"detail"})
        assert away.headers["Retry-After"] == "5"
