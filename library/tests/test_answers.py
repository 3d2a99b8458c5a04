"""A file as an answer, told from a WSGI environment alone: what is sent, decided in which order, and what is closed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hls.store.folder import FolderStore, PartOfFile
from hls.store.interface import Place
from library.delivery import files
from library.delivery.files import BRIEFLY, FOREVER, Answer, accepts_gzip, answer
from library.errors import NotFound

CONTENT = bytes(range(100))
MODIFIED = 1_700_000_000
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
TAG = '"6553f100-64"'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "segment_000.ts"
    file.write_bytes(CONTENT)
    os.utime(file, (MODIFIED, MODIFIED + 0.75))
    return file


@pytest.fixture(params=["read at once", "handed on open"])
def answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Answer]]:
    """Of small files and, as it were, of large ones; what was opened is closed at the end."""
    if request.param == "handed on open":
        monkeypatch.setattr(files, "SMALL_BYTES", -1)
    made: list[Answer] = []
    yield made
    for entry in made:
        if isinstance(entry.body, PartOfFile):
            entry.body.close()


def place(path: Path, name: str = "segment_000.ts") -> Place:
    return Place(FolderStore("hls", path.parent), name)


def asked(
    answers: list[Answer], path: Path, *, name: str = "segment_000.ts", method: str = "GET", **headers: str
) -> Answer:
    meta = {"REQUEST_METHOD": method} | {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    answers.append(answer(meta, place(path, name), content_type="video/MP2T"))
    return answers[-1]


def sent(found: Answer) -> bytes:
    return found.body if isinstance(found.body, bytes) else found.body.read()


def test_a_whole_file_has_nginxs_validators(answers: list[Answer], path: Path) -> None:
    found = asked(answers, path)
    assert (found.status, sent(found)) == (200, CONTENT)
    assert found.headers == {
        "Cache-Control": FOREVER,
        "ETag": TAG,
        "Last-Modified": DATE,
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Content-Length": "100",
        "Content-Type": "video/MP2T",
    }


@pytest.mark.parametrize(
    ("method", "headers", "status", "body"),
    [
        ("GET", {"if_none_match": TAG}, 304, b""),
        ("GET", {"if_none_match": f"W/{TAG}"}, 304, b""),
        ("GET", {"if_none_match": "*"}, 304, b""),
        ("GET", {"if_none_match": '"other"', "if_modified_since": DATE}, 200, CONTENT),
        ("GET", {"if_modified_since": DATE}, 304, b""),
        ("GET", {"if_modified_since": "Tue, 14 Nov 2023 22:13:21 GMT"}, 200, CONTENT),
        ("GET", {"if_modified_since": "yesterday"}, 200, CONTENT),
        ("GET", {"range": "bytes=0-9", "if_none_match": TAG}, 304, b""),
        ("GET", {"range": "bytes=10-19"}, 206, CONTENT[10:20]),
        ("GET", {"range": "bytes=-1"}, 206, CONTENT[-1:]),
        ("GET", {"range": "bytes=99-"}, 206, CONTENT[99:]),
        ("GET", {"range": "bytes=100-"}, 416, b""),
        ("GET", {"range": "bytes=x"}, 200, CONTENT),
        ("GET", {"if_none_match": "no tag", "if_modified_since": DATE}, 304, b""),
        ("GET", {"if_match": "no tag"}, 200, CONTENT),
        ("GET", {"if_match": '"other"'}, 412, b""),
        ("GET", {"if_unmodified_since": f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"}, 200, CONTENT),
        ("GET", {"if_unmodified_since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412, b""),
        ("GET", {"range": "bytes=10-19", "if_range": TAG}, 206, CONTENT[10:20]),
        ("GET", {"range": "bytes=10-19", "if_range": DATE}, 206, CONTENT[10:20]),
        ("GET", {"range": "bytes=10-19", "if_range": '"other"'}, 200, CONTENT),
        ("GET", {"range": "bytes=10-19", "if_range": f"W/{TAG}"}, 200, CONTENT),
        ("GET", {"range": "bytes=100-", "if_range": '"other"'}, 200, CONTENT),
        ("HEAD", {}, 200, b""),
        ("HEAD", {"range": "bytes=10-19"}, 200, b""),
        ("HEAD", {"range": "bytes=100-"}, 200, b""),
        ("HEAD", {"if_none_match": TAG}, 304, b""),
    ],
)
def test_preconditions_come_before_the_range(
    answers: list[Answer], path: Path, method: str, headers: dict[str, str], status: int, body: bytes
) -> None:
    """RFC 9110 13.2.2."""
    found = asked(answers, path, method=method, **headers)
    assert (found.status, sent(found)) == (status, body)
    if status in (200, 206):
        assert found.headers["Content-Length"] == str(len(body) if method == "GET" else len(CONTENT))
    else:
        assert "Content-Type" not in found.headers


def test_a_range_that_is_refused_tells_the_size_and_is_not_kept(answers: list[Answer], path: Path) -> None:
    found = asked(answers, path, range="bytes=500-")
    assert found.headers == {"Content-Range": "bytes */100", "Cache-Control": "no-store"}


@pytest.fixture
def part(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PartOfFile]:
    """Twenty bytes from the tenth on."""
    monkeypatch.setattr(files, "SMALL_BYTES", 19)
    found = answer({"REQUEST_METHOD": "GET", "HTTP_RANGE": "bytes=10-29"}, place(path), content_type="video/MP2T").body
    assert isinstance(found, PartOfFile)
    yield found
    found.close()


def test_a_part_is_read_in_any_steps_and_no_further(part: PartOfFile) -> None:
    assert [part.read(8), part.read(0), part.read(100), part.read(8), part.read()] == [
        CONTENT[10:18],
        b"",
        CONTENT[18:30],
        b"",
        b"",
    ]


def test_a_part_begins_where_its_descriptor_stands_so_that_it_can_be_sent_by_the_kernel(part: PartOfFile) -> None:
    assert os.lseek(part.fileno(), 0, os.SEEK_CUR) == 10


def test_an_answer_without_bytes_keeps_no_file_open(answers: list[Answer], path: Path) -> None:
    """A viewer's 304s would use up the process's descriptors."""
    before = len(os.listdir("/proc/self/fd"))
    for headers in ({"if_none_match": TAG}, {"range": "bytes=100-"}):
        assert asked(answers, path, **headers).body == b""
    assert asked(answers, path, method="HEAD").body == b""
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_small_file_is_read_and_closed_at_once(path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    assert answer({"REQUEST_METHOD": "GET"}, place(path), content_type="video/MP2T").body == CONTENT
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("name", ["gone.ts", "segment_000.ts/inside", "gone/inside.ts"])
def test_a_file_that_is_gone_is_not_found(answers: list[Answer], path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        asked(answers, path, name=name)


def test_an_empty_file_is_sent_whole_and_has_no_range(answers: list[Answer], path: Path) -> None:
    path.write_bytes(b"")
    assert (asked(answers, path).status, asked(answers, path, range="bytes=0-").status) == (200, 416)


def test_texts_are_kept_briefly_and_say_that_they_are_compressed(answers: list[Answer], path: Path) -> None:
    found = answer({"REQUEST_METHOD": "GET"}, place(path), content_type="text/vtt", cache=BRIEFLY, is_gzip=True)
    answers.append(found)
    assert (found.headers["Cache-Control"], found.headers["Content-Encoding"]) == (BRIEFLY, "gzip")


@pytest.mark.parametrize(
    ("header", "is_accepted"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip;q=0.5", True),
        ("gzip; q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;Q=0", False),
        ("gzip;q=0.001", True),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("x-gzip, gzipped", False),
        ("*;q=0, gzip", True),
        ("*, gzip;q=0", False),
        ("br, *;q=0.1, gzip;q=0", False),
        ("identity;q=1, *;q=0", False),
    ],
)
def test_gzip_is_sent_to_whoever_takes_it(header: str, is_accepted: bool) -> None:
    """RFC 9110 12.5.3: what is named counts before the star, in any order."""
    assert accepts_gzip(header) is is_accepted


def test_the_two_ways_to_cache_are_private() -> None:
    """Videos are for who is signed in: no shared cache may keep them."""
    assert all(value.startswith("private") for value in (files.FOREVER, files.BRIEFLY))
