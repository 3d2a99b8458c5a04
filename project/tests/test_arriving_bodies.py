"""Bodies in chunks, and bodies that break off, as a web process without an edge gets them over a real connection."""

import json
import os
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings

from project.tests.installation import ADMIN_EMAIL, ADMIN_PASSWORD, Installation, wait_for
from project.tests.test_killed_web import MAKE_TOKEN, encoded, execute, gunicorn

pytestmark = pytest.mark.services

SIGN_IN = json.dumps({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}).encode()
JSON = {"Content-Type": "application/json"}
PIECE = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0"}
FORM = {"Content-Type": "multipart/form-data; boundary=border"}
IN_CHUNKS = {"Transfer-Encoding": "chunked"}
UNREADABLE = {"detail": "The request can't be read."}
VIDEO = b"\0\0\0\x18ftypmp42" + os.urandom(3_000_000)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: dict[str, str] = field(default_factory=dict)

    def json(self) -> object:
        return json.loads(self.body)


@dataclass
class Site:
    installation: Installation
    token: str

    def open(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.installation.port), timeout=20)

    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", *, breaks_off: bool = False
    ) -> Answer:
        """The answer to this request; the client says that no more will come where the body breaks off."""
        with self.open() as connected:
            connected.sendall(head(method, path, headers) + body)
            if breaks_off:
                connected.shutdown(socket.SHUT_WR)
            return answer(connected)

    def offset(self, upload: str) -> int:
        told = self.ask("HEAD", upload, {**self.bearer(), "Tus-Resumable": "1.0.0"})
        return int(told.headers["upload-offset"])

    def reached(self, upload: str, least: int) -> int:
        """How far an upload is, once it is so far at least."""
        wait_for(lambda: self.offset(upload) >= least, seconds=20, what=f"{least} bytes count")
        return self.offset(upload)

    def is_free(self, upload: str) -> bool:
        """Whether the server is done with the piece before. The next one may begin anywhere but there."""
        headers = {**self.bearer(), **PIECE, "Upload-Offset": "1", "Content-Length": "0"}
        return self.ask("PATCH", upload, headers).status == 409

    def begun(self, length: int = len(VIDEO), *, title: str = "") -> str:
        """A new upload's address."""
        texts = {"filename": "harbour.mp4"} | ({"title": title} if title else {})
        metadata = ",".join(f"{name} {encoded(text)}" for name, text in texts.items())
        named = {"Upload-Length": str(length), "Upload-Metadata": metadata}
        made = self.ask("POST", "/api/uploads/", {**self.bearer(), **PIECE, **named, "Content-Type": ""})
        assert made.status == 201, made
        return made.headers["location"]

    def first_name(self) -> object:
        return execute(self.installation, "SELECT first_name FROM accounts_user WHERE username = 'dora'")[0]


def head(method: str, path: str, headers: Mapping[str, str], *, version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", "Connection: close"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


def answer(connected: socket.socket) -> Answer:
    received = b"".join(iter(lambda: connected.recv(65_536), b""))
    first, _, body = received.partition(b"\r\n\r\n")
    lines = first.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value) for name, value in (line.split(": ", 1) for line in lines[1:])]
    cookies = dict(value.split(";")[0].split("=", 1) for name, value in headers if name == "set-cookie")
    return Answer(int(lines[0].split()[1]), dict(headers), body, cookies)


def chunked(content: bytes, size: int = 50) -> bytes:
    chunks = (content[start : start + size] for start in range(0, len(content), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def form(*parts: tuple[str, bytes]) -> bytes:
    """A multipart form of texts and files: a part whose name has a full stop is a file of this name."""
    text = b""
    for name, content in parts:
        field_name, _, file_name = name.partition("=")
        named = f'name="{field_name}"' + (f'; filename="{file_name}"' if file_name else "")
        text += f"--border\r\nContent-Disposition: form-data; {named}\r\n\r\n".encode() + content + b"\r\n"
    return text + b"--border--\r\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    installation = Installation(
        tmp_path_factory.mktemp("site"), environment={"WEB_WORKERS": "1", "SECRET_KEY": "only-for-tests-" * 5}
    )
    installation.prepare()
    with gunicorn(installation, "project.wsgi"):
        yield Site(installation, installation.shell(MAKE_TOKEN).strip())


@pytest.fixture(scope="module")
def video(site: Site) -> str:
    """Its id."""
    length = {"Upload-Offset": "0", "Content-Length": str(len(VIDEO))}
    return site.ask("PATCH", site.begun(title="Harbour"), {**site.bearer(), **PIECE, **length}, VIDEO).headers[
        "x-video-id"
    ]


@pytest.mark.parametrize(
    "body",
    [
        chunked(SIGN_IN),
        chunked(SIGN_IN, size=1),
        b"%x;name=value\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(SIGN_IN), SIGN_IN),
    ],
)
def test_json_in_chunks_is_read(site: Site, body: bytes) -> None:
    told = site.ask("POST", "/api/login/", JSON | IN_CHUNKS, body)
    assert (told.status, "access_token" in told.cookies) == (200, True), told


def test_connection_goes_on_after_a_body_in_chunks(site: Site) -> None:
    with site.open() as connected:
        keeping = head("POST", "/api/login/", JSON | IN_CHUNKS).replace(b"Connection: close\r\n", b"")
        connected.sendall(keeping + chunked(b"{}") + head("GET", "/api/health/", {}))
        received = b"".join(iter(lambda: connected.recv(65_536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"400", b"200"]


def test_body_in_chunks_may_be_as_long_as_one_whose_length_is_told(site: Site) -> None:
    most = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    for length, status in ((most, 200), (most + 1, 413), (3 * most, 413)):
        content = SIGN_IN.ljust(length)
        told = site.ask("POST", "/api/login/", {**JSON, "Content-Length": str(length)}, content)
        in_chunks = site.ask("POST", "/api/login/", JSON | IN_CHUNKS, chunked(content, size=60_000))
        assert (told.status, in_chunks.status) == (status, status)
        assert status == 200 or in_chunks.json() == told.json() == {"detail": "The request is too large."}


@pytest.mark.parametrize(
    "body",
    [
        b"nothing\r\n" + SIGN_IN,
        b"-1\r\n" + SIGN_IN,
        b"5\r\n" + SIGN_IN + b"\r\n0\r\n\r\n",
        b"%x\r\n%s\r\n0\r\nContent-Length: 5\r\n\r\n" % (len(SIGN_IN), SIGN_IN),
        b"%x\r\n%s\r\n0\r\nno trailer\r\n\r\n" % (len(SIGN_IN), SIGN_IN),
        b"%x;bad extension\r\n%s\r\n0\r\n\r\n" % (len(SIGN_IN), SIGN_IN),
    ],
)
@pytest.mark.parametrize("method_and_path", ["POST /api/login/", "PATCH /api/me/", "POST /api/token/refresh/"])
def test_malformed_chunks_are_refused(site: Site, body: bytes, method_and_path: str) -> None:
    method, path = method_and_path.split()
    told = site.ask(method, path, {**site.bearer(), "X-Token-Transport": "body", **JSON, **IN_CHUNKS}, body)
    assert (told.status, told.json(), told.headers["connection"]) == (400, UNREADABLE, "close")


@pytest.mark.parametrize("size", [10, len(SIGN_IN)])
def test_body_that_breaks_off_is_not_taken_for_a_whole_one(site: Site, size: int) -> None:
    """Also where what came of it is a whole object."""
    told = {**JSON, "Content-Length": str(len(SIGN_IN) + 2)}
    for headers, body in (
        (told, SIGN_IN[:size]),
        (JSON | IN_CHUNKS, b"%x\r\n%s" % (len(SIGN_IN) + 2, SIGN_IN[:size])),
        (JSON | IN_CHUNKS, b"%x\r\n%s\r\n" % (size, SIGN_IN[:size])),
    ):
        answered = site.ask("POST", "/api/login/", headers, body, breaks_off=True)
        assert (answered.status, answered.json(), answered.cookies) == (400, UNREADABLE, {})


def test_change_that_breaks_off_is_not_made(site: Site) -> None:
    body = b'{"first_name": "Ada"}'
    headers = {**site.bearer(), **JSON, "Content-Length": str(len(body) + 1)}
    assert site.ask("PATCH", "/api/me/", headers, body, breaks_off=True).status == 400
    assert site.first_name() == ""
    assert site.ask("PATCH", "/api/me/", {**site.bearer(), **JSON, **IN_CHUNKS}, chunked(body)).status == 200
    assert site.first_name() == "Ada"


@pytest.mark.parametrize(
    ("headers", "version", "status"),
    [
        (IN_CHUNKS | {"Content-Length": "5"}, "1.1", 400),
        ({"Content-Length": "5"} | IN_CHUNKS, "1.1", 400),
        (IN_CHUNKS, "1.0", 400),
        ({"Transfer-Encoding": "chunked, chunked"}, "1.1", 400),
        ({"Transfer-Encoding": "gzip"}, "1.1", 400),
        ({"Transfer-Encoding": "gzip, chunked"}, "1.1", 501),
        ({"Transfer-Encoding": "nothing"}, "1.1", 501),
    ],
)
def test_length_that_is_ambiguous_or_in_another_coding_is_refused(
    site: Site, headers: dict[str, str], version: str, status: int
) -> None:
    with site.open() as connected:
        second = head("GET", "/api/health/", {})
        connected.sendall(head("POST", "/api/login/", JSON | headers, version=version) + chunked(SIGN_IN) + second)
        told = answer(connected)
    assert (told.status, set(told.json())) == (status, {"detail"})  # type: ignore[call-overload]
    assert b"ffmpeg" not in told.body


def test_upload_in_chunks_counts_as_it_comes(site: Site) -> None:
    upload = site.begun()
    with site.open() as connected:
        connected.sendall(head("PATCH", upload, {**site.bearer(), **PIECE, **IN_CHUNKS, "Upload-Offset": "0"}))
        half = len(VIDEO) // 2
        connected.sendall(b"%x\r\n%s" % (len(VIDEO), VIDEO[:half]))
        wait_for(lambda: site.offset(upload) > half // 2, seconds=20, what="what came counts")
        connected.sendall(VIDEO[half:] + b"\r\n0\r\n\r\n")
        assert answer(connected).status == 204
    assert site.offset(upload) == len(VIDEO)


@pytest.mark.parametrize("is_chunked", [True, False])
def test_upload_gets_on_over_connections_that_always_break_off(site: Site, *, is_chunked: bool) -> None:
    """Each after 20 kB, and so that nothing is left of what the server has not read by then."""
    upload, reached = site.begun(500_000), 0
    for _ in range(10):
        with site.open() as connected:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            left = 500_000 - reached
            told = IN_CHUNKS if is_chunked else {"Content-Length": str(left)}
            headers = {**site.bearer(), **PIECE, **told, "Upload-Offset": str(reached)}
            connected.sendall(head("PATCH", upload, headers) + (b"%x\r\n" % left if is_chunked else b""))
            connected.sendall(VIDEO[reached : reached + 20_000])
            reached = site.reached(upload, reached + 10_000)
        wait_for(lambda: site.is_free(upload), seconds=20, what="the next piece may begin")
    stored = (site.installation.folder / "var/uploads/partial" / upload.split("/")[-2]).read_bytes()
    assert (len(stored), stored) == (reached, VIDEO[:reached])


@pytest.mark.parametrize("end", [b"", b"nothing\r\n", b"\r\n0\r\nContent-Length: 1\r\n\r\n"])
def test_upload_whose_chunks_break_off_or_are_malformed_is_kept_as_far_as_it_came(site: Site, end: bytes) -> None:
    upload = site.begun()
    headers = {**site.bearer(), **PIECE, **IN_CHUNKS, "Upload-Offset": "0"}
    body = b"%x\r\n%s" % (1_000_000, VIDEO[:1_000_000]) + end
    told = site.ask("PATCH", upload, headers, body, breaks_off=True)
    assert (told.status, told.json()) == (400, UNREADABLE)
    came = site.offset(upload)
    assert came > 0
    assert (site.installation.folder / "var/uploads/partial" / upload.split("/")[-2]).read_bytes() == VIDEO[:came]


def test_text_in_chunks_is_read_within_its_bound(site: Site, video: str) -> None:
    text = b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"
    send = partial(site.ask, "PUT", f"/api/video/{video}/tracks/", {**site.bearer(), **FORM, **IN_CHUNKS})
    named = (("kind", b"subtitles"), ("language", b"en"))
    assert send(chunked(form(*named, ("file=a.vtt", text)))).status in (200, 201)
    for parts in (
        [("file=a.vtt", text + b"\n" * 5_000_000)],
        [("file=a.vtt", text), ("other=b.vtt", b"x" * 5_000_000)],
    ):
        told = send(chunked(form(*named, *parts), size=100_000))
        assert (told.status, told.json()) == (413, {"detail": "A text has at most 5 MB."})
    without_end = b"10000000\r\n--border\r\n\r\n" + b"x" * 6_000_000
    assert send(without_end).status in (400, 413)
    assert send(chunked(form(*named, ("file=a.vtt", text)))[:-9], breaks_off=True).status == 400


@dataclass
class Editor:
    """Somebody who uses the admin without JavaScript."""

    site: Site
    cookies: dict[str, str] = field(default_factory=dict)

    def form(self, path: str, *parts: tuple[str, bytes]) -> bytes:
        """The form with the token of the page."""
        page = self.site.ask("GET", path, self.headers())
        self.cookies |= page.cookies
        [token] = set(re.findall(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body))
        return form(("csrfmiddlewaretoken", token), *parts)

    def headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def send(self, path: str, body: bytes, **headers: str) -> Answer:
        own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        told = {**self.headers(), **own, **FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
        found = self.site.ask("POST", path, told, body, breaks_off=True)
        self.cookies |= found.cookies
        return found


@pytest.fixture
def editor(site: Site) -> Editor:
    signed_in = Editor(site)
    parts = (("username", ADMIN_EMAIL.encode()), ("password", ADMIN_PASSWORD.encode()))
    path = "/admin/login/?next=/admin/"
    sent = signed_in.form(path, *parts)
    assert signed_in.send(path, sent, Content_Length=str(len(sent))).status == 302
    return signed_in


ADD = "/admin/library/video/add/"


def videos(site: Site, title: str) -> int:
    found: int = execute(site.installation, f"SELECT count(*) FROM library_video WHERE title = '{title}'")[0]
    return found


def test_form_in_chunks_is_read_with_its_file(site: Site, editor: Editor) -> None:
    sent = editor.form(ADD, ("title", b"In chunks"), ("category", b"drama"), ("video_file=harbour.mp4", VIDEO))
    told = editor.send(ADD, chunked(sent, size=100_000), Transfer_Encoding="chunked")
    assert told.status == 302, told.body[-3000:]
    [name] = execute(site.installation, "SELECT video_file FROM library_video WHERE title = 'In chunks'")
    assert (site.installation.folder / "var/uploads" / name).read_bytes() == VIDEO


def test_form_that_breaks_off_changes_nothing(site: Site, editor: Editor, video: str) -> None:
    path = f"/admin/library/video/{video}/change/"
    parts = (("title", b"Another"), ("category", b"drama"), ("_save", b"Save"))
    sent = editor.form(path, *parts)
    for cut in (len(sent) - 3, sent.index(b"_save")):
        for headers, body in (
            ({"Content_Length": str(len(sent))}, sent[:cut]),
            ({"Transfer_Encoding": "chunked"}, b"%x\r\n%s" % (len(sent), sent[:cut])),
        ):
            assert editor.send(path, body, **headers).status >= 400, (cut, headers)
    assert videos(site, "Another") == 0


def test_form_in_chunks_of_somebody_who_is_not_signed_in_is_not_kept(site: Site) -> None:
    folder: Path = site.installation.folder / "var/uploads/partial"
    before = {path.name for path in folder.iterdir()}
    sent = form(("title", b"Foreign"), ("video_file=harbour.mp4", VIDEO))
    told = site.ask("POST", ADD, FORM | IN_CHUNKS, chunked(sent, size=100_000))
    assert told.status in (302, 403)
    assert {path.name for path in folder.iterdir()} == before
