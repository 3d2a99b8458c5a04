"""`manage.py check_hls` against servers that misbehave: a finding or a sentence, never a traceback."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from library.management.commands import check_hls

type Answer = Callable[[BaseHTTPRequestHandler], None]

MASTER = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n480p/index.m3u8\n"
TYPE = "application/vnd.apple.mpegurl"


def reply(body: bytes, **headers: str) -> Answer:
    def send(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        for name, value in {"Content_Type": TYPE, "Content_Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return send


def redirect(request: BaseHTTPRequestHandler) -> None:
    if request.path == "/moved.m3u8":
        reply(MASTER)(request)
        return
    request.send_response(302)
    request.send_header("Location", "/moved.m3u8")
    request.end_headers()


def nothing(request: BaseHTTPRequestHandler) -> None:
    """The connection is closed without an answer."""


def refuse(request: BaseHTTPRequestHandler) -> None:
    request.send_error(503)


@pytest.fixture
def server() -> Iterator[Callable[[Answer], str]]:
    """Starts a server that answers every request alike. Returns the URL of its master playlist."""
    servers: list[HTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *arguments: Any) -> None:
                """Be silent."""

        made = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(made)
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{made.server_port}/master.m3u8"

    yield start
    for made in servers:
        made.shutdown()
        made.server_close()


def rules(url: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(CommandError, match="breaks rules"):
        call_command("check_hls", url)
    *found, last = capsys.readouterr().out.splitlines()
    assert last == f"{len(found)} violations"
    return {line.partition(" ")[0] for line in found}


PACKED = gzip.compress(MASTER)


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (reply(MASTER), "Apple-10"),
        (reply(MASTER, Content_Type="text/plain"), "RFC8216-4"),
        (redirect, "Apple-10"),
        (refuse, "RFC8216-4.1"),
        (nothing, "RFC8216-4.1"),
        (reply(b"\xff\xfe"), "RFC8216-4.1"),
        (reply(MASTER, Content_Length="5000"), "RFC8216-4.1"),
        (reply(PACKED[:-9], Content_Encoding="gzip"), "RFC8216-4.1"),
        (reply(b"\x1f\x8b" + b"x" * 30, Content_Encoding="gzip"), "RFC8216-4.1"),
        (reply(PACKED[:12] + b"\xff" * 20 + PACKED[30:], Content_Encoding="gzip"), "RFC8216-4.1"),
        (reply(MASTER, Content_Encoding="gzip"), "RFC8216-4.1"),
    ],
)
def test_a_server_that_misbehaves_is_a_finding(
    server: Callable[[Answer], str], capsys: pytest.CaptureFixture[str], answer: Answer, rule: str
) -> None:
    assert rule in rules(server(answer), capsys)


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", TYPE)
    request.end_headers()
    with suppress(OSError):  # it hangs up
        while True:
            request.wfile.write(b"#" * 65_536)


@pytest.mark.parametrize(
    "answer",
    [
        endless,
        reply(gzip.compress(MASTER + b"#" * (65 << 20), 1), Content_Encoding="gzip"),
        reply(MASTER + b"#" * (65 << 20)),
    ],
)
def test_a_body_without_end_is_a_finding(
    server: Callable[[Answer], str], capsys: pytest.CaptureFixture[str], answer: Answer
) -> None:
    assert rules(server(answer), capsys) == {"RFC8216-4.1"}


def test_a_body_that_comes_too_slowly_is_a_finding(
    server: Callable[[Answer], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_hls, "LONGEST_S", 0.0)
    assert rules(server(reply(MASTER)), capsys) == {"RFC8216-4.1"}


def test_a_server_that_is_not_there_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert rules("http://127.0.0.1:9/master.m3u8", capsys) == {"RFC8216-4.1"}


@pytest.mark.parametrize("uri", ["a b.m3u8", "http://[/", "http://127.0.0.1:x/", "ftp://127.0.0.1/a", "data:,x"])
def test_an_address_that_can_not_be_fetched_is_a_finding(
    server: Callable[[Answer], str], capsys: pytest.CaptureFixture[str], uri: str
) -> None:
    body = MASTER.replace(b"480p/index.m3u8", uri.encode())
    assert "RFC8216-4.1" in rules(server(reply(body)), capsys)


def test_no_file_of_this_machine_is_read_for_a_playlist(
    server: Callable[[Answer], str], capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    """urllib would open file: addresses too."""
    local = tmp_path / "index.m3u8"
    local.write_text("#EXTM3U\n#EXT-X-PLAYLIST-TYPE:SECRET\n")
    url = server(reply(MASTER.replace(b"480p/index.m3u8", f"file://{local}".encode())))
    assert "RFC8216-4.3.3.5" not in rules(url, capsys)


def test_the_token_is_told_to_the_masters_own_host_alone(server: Callable[[Answer], str]) -> None:
    told: dict[str, str | None] = {}

    def note(request: BaseHTTPRequestHandler, answer: Answer = refuse) -> None:
        told[f"{request.headers['Host']}{request.path}"] = request.headers["Authorization"]
        answer(request)

    stranger = server(note).replace("master", "index")
    there = stranger.removeprefix("http://")

    def home(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/moved.m3u8":
            request.send_response(302)
            request.send_header("Location", stranger.replace("index", "landed"))
            request.end_headers()
            return
        note(request, reply(b"#EXTM3U\n" + b"".join(b"#EXT-X-STREAM-INF:X=1\n%s\n" % uri for uri in uris)))

    uris = (stranger.encode(), b"moved.m3u8", b"own.m3u8")
    master = server(home)
    with pytest.raises(CommandError):
        call_command("check_hls", master, "--bearer", "secret")
    here = master.removeprefix("http://")
    assert told[here] == told[here.replace("master", "own")] == "Bearer secret"
    assert told[there] is told[there.replace("index", "landed")] is None


def test_queries_and_folders_above_are_asked_for_as_they_are_named(server: Callable[[Answer], str]) -> None:
    """As in the playlist of one of a video's resolutions, which names sounds beside its own folder."""
    asked: list[str] = []

    def note(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        (reply(body) if request.path.startswith("/1/480p/index") else refuse)(request)

    body = (
        b'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sounds",NAME="a",URI="../audio_0/index.m3u8?v=1&r=2"\n'
        b"#EXT-X-STREAM-INF:X=1\nvideo.m3u8\n"
    )
    with pytest.raises(CommandError):
        call_command("check_hls", server(note).replace("master.m3u8", "1/480p/index.m3u8?v=1&from=a/b"))
    assert asked == ["/1/480p/index.m3u8?v=1&from=a/b", "/1/480p/video.m3u8", "/1/audio_0/index.m3u8?v=1&r=2"]


@pytest.mark.parametrize("target", ["", "-", "master.m3u8", "file:///etc/passwd", "//host/master.m3u8", "\u0661"])
def test_only_ids_and_web_addresses_are_taken(target: str) -> None:
    with pytest.raises(CommandError, match=r"Give a video's id|required"):
        call_command("check_hls", "--", target)


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["0", "7", "9" * 30])
def test_an_id_of_no_video_is_said(target: str) -> None:
    with pytest.raises(CommandError, match="There is no video"):
        call_command("check_hls", target)
