"""What a file's head says of its tracks beside what libav tells: languages as BCP 47, found without trust."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hls.core.formats.parts import MOST_PARTS, ContainerPart, boxes, chunks, elements, objects
from hls.core.inspection.embedded import WEBVTT
from hls.core.inspection.probing import look
from hls.core.plan import make_plan
from hls.core.probe import Source
from hls.core.subtitles.languages import language_of
from hls.tests.clips import ffmpeg, make
from hls.tests.matroska import LANGUAGE, LANGUAGE_BCP47, Spoken, Words, element, matroska
from hls.tests.spoken import SMALL
from hls.tests.watching import LIMITS

pytestmark = pytest.mark.ffmpeg

HELLO = [Spoken(100, b"Hello")]
VOID = 0xEC


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("plain") / "plain.mkv", look=SMALL, audio=None)


@pytest.fixture(scope="module")
def spoken(plain: Path) -> Path:
    """An MP4 with two sounds in Portuguese and in Chinese and a text in Spanish; its index is behind the pictures."""
    words, target = plain.with_name("words.srt"), plain.with_name("spoken.mp4")
    words.write_text("1\n00:00:00,100 --> 00:00:00,900\nHello\n")
    sounds = ("-f", "lavfi", "-i", "sine=d=2", "-f", "lavfi", "-i", "sine=d=2")
    maps = [part for number in range(4) for part in ("-map", str(number))]
    told = [f"-metadata:s:{track}" for track in ("a:0", "a:1", "s:0")]
    languages = [
        part for pair in zip(told, ("language=por", "language=chi", "language=spa"), strict=True) for part in pair
    ]
    ffmpeg(
        "-i", str(plain), *sounds, "-i", str(words), *maps, "-c:v", "copy", "-c:s", "mov_text", *languages, str(target)
    )
    return target


def languages(source: Source) -> list[str]:
    """Of the sounds, and then of the texts, as viewers get them."""
    sounds = [language_of(sound.track) for sound in make_plan(source).sounds]
    return [*sounds, *(language_of(text) for text in source.texts)]


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content


def boxes_of(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    while data:
        size = int.from_bytes(data[:4])
        yield data[4:8], data[8:size]
        data = data[size:]


def with_boxes(source: Path, target: Path, added: Sequence[bytes]) -> Path:
    """A copy whose tracks have these boxes in their `mdia`, in order."""
    left = iter(added)

    def grown(kind: bytes, content: bytes) -> bytes:
        if kind in (b"moov", b"trak", b"mdia"):
            content = b"".join(grown(*child) for child in boxes_of(content))
        return box(kind, content + next(left, b"") if kind == b"mdia" else content)

    target.write_bytes(b"".join(grown(*child) for child in boxes_of(source.read_bytes())))
    return target


def elng(tag: bytes) -> bytes:
    return box(b"elng", bytes(4) + tag + b"\0")


def test_languages_of_an_mp4_are_as_exact_as_the_file_tells(spoken: Path, tmp_path: Path) -> None:
    assert languages(look(spoken, LIMITS)) == ["pt", "zh", "es"]
    added = (elng(b"en"), elng(b"pt-BR"), elng(b"zh-Hant"), elng(b"es-419"))
    assert languages(look(with_boxes(spoken, tmp_path / "video.mp4", added), LIMITS)) == ["pt-BR", "zh-Hant", "es-419"]


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        elng(b""),
        elng(b"pt_BR\xff"),
        elng(b"p"),
        elng(b"xx-Nowhere"),
        elng(b"pt-BR" * 20_000),
        b"\xff\xff\xff\xffelng" + bytes(4) + b"pt-BR",
        b"\0\0\0\1elng" + b"\x7f" + b"\xff" * 7 + bytes(4) + b"pt-BR",
        b"\0\0\0\x02elng",
        box(b"elng", b"pt"),
    ],
    ids=[
        *(
            "none",
            "empty",
            "no ASCII",
            "a letter",
            "no language",
            "long",
            "larger than the file",
            "larger than any file",
        ),
        *("too small", "cut off"),
    ],
)
def test_what_is_no_language_in_an_mp4_leaves_the_other_one(odd: bytes, spoken: Path, tmp_path: Path) -> None:
    assert languages(look(with_boxes(spoken, tmp_path / "video.mp4", [b"", odd]), LIMITS)) == ["pt", "zh", "es"]


@pytest.mark.parametrize(
    ("flags", "is_forced"),
    [(0xC000_0000, True), (0x4000_0000, False), (0, False)],
    ids=["all are forced", "some are forced", "none is forced"],
)
def test_texts_that_quicktime_shows_without_being_asked_are_forced(
    flags: int, is_forced: bool, spoken: Path, tmp_path: Path
) -> None:
    data = spoken.read_bytes()
    at = data.rindex(b"tx3g") + 12  # behind the description's reserved bytes and its data reference
    (tmp_path / "video.mp4").write_bytes(data[:at] + flags.to_bytes(4) + data[at + 4 :])
    assert [text.is_forced for text in look(tmp_path / "video.mp4", LIMITS).texts] == [is_forced]


def tagged(tag: bytes | str, old: str = "por") -> bytes:
    return element(LANGUAGE, old) + element(LANGUAGE_BCP47, tag)


def test_languages_of_matroska_are_as_exact_as_the_file_tells(plain: Path, tmp_path: Path) -> None:
    told = {
        tagged("pt-BR"): "pt-BR",
        tagged("zh-Hant", "chi"): "zh-Hant",
        element(LANGUAGE_BCP47, "sr-Latn"): "sr-Latn",
    }
    told |= {element(LANGUAGE, "spa"): "es", b"": "en", element(LANGUAGE_BCP47, "und"): "und"}
    for codec in ("S_TEXT/UTF8", *WEBVTT):
        texts = [Words(codec, HELLO, each) for each in told]
        found = look(matroska(plain, tmp_path / "video.mkv", texts, told=tagged("de-AT")), LIMITS)
        assert languages(found) == list(told.values())


def test_languages_of_sounds_in_matroska_are_as_exact_as_the_file_tells(spoken: Path, tmp_path: Path) -> None:
    """A title that is replaced by an element as long as it is."""
    titled = ("-metadata:s:a:0", "title=TITLE0", "-metadata:s:a:1", "title=TITLE1")
    ffmpeg("-i", str(spoken), "-map", "0:v", "-map", "0:a", "-c", "copy", *titled, str(tmp_path / "titled.mkv"))
    data = (tmp_path / "titled.mkv").read_bytes()
    for number, tag in enumerate((b"pt-BR", b"zh-TW")):
        assert data.count(b"\x53\x6e\x86TITLE%d" % number) == 1
        data = data.replace(b"\x53\x6e\x86TITLE%d" % number, b"\x22\xb5\x9d\x85" + tag)
    (tmp_path / "video.mkv").write_bytes(data)
    assert languages(look(tmp_path / "video.mkv", LIMITS)) == ["pt-BR", "zh-TW"]


@pytest.mark.parametrize(
    "odd",
    [
        tagged(""),
        tagged("p"),
        tagged(b"pt-BR\xff"),
        tagged("xx-Nowhere"),
        tagged("pt-" + "a" * 1_000_000),
        element(LANGUAGE, "por") + element(VOID, bytes(2_000_000)) + tagged("xx-Nowhere"),
        element(LANGUAGE, "por") + element(VOID, "") * (MOST_PARTS + 1) + element(LANGUAGE_BCP47, "pt-BR"),
    ],
    ids=["empty", "a letter", "no ASCII", "no language", "a megabyte", "behind a large one", "behind too many"],
)
def test_what_is_no_language_in_matroska_leaves_the_other_one(odd: bytes, plain: Path, tmp_path: Path) -> None:
    texts = [Words("S_TEXT/UTF8", HELLO, odd), Words("S_TEXT/UTF8", HELLO, tagged("es-419", "spa"))]
    found = languages(look(matroska(plain, tmp_path / "video.mkv", texts), LIMITS))
    assert found == ["pt", "es-419"]


def test_element_that_claims_gigabytes_leaves_the_other_language(plain: Path, tmp_path: Path) -> None:
    odd = element(LANGUAGE, "por") + b"\x22\xb5\x9d\x08\x7f\xff\xff\xff" + b"pt-BR"
    found = look(matroska(plain, tmp_path / "video.mkv", [Words("S_TEXT/UTF8", HELLO, odd)]), LIMITS)
    assert languages(found)[0] == "pt"


def test_track_that_libav_leaves_out_puts_no_language_elsewhere(plain: Path, tmp_path: Path) -> None:
    """A track without a codec is none for libav: the places behind it are others."""
    texts = [Words("", HELLO, tagged("de-AT", "ger")), Words("S_TEXT/UTF8", HELLO, tagged("pt-BR"))]
    found = look(matroska(plain, tmp_path / "video.mkv", texts), LIMITS)
    assert languages(found) == ["pt"]


@example(b"\0" * 23 + b"\x80")  # an ASF object of 2**63 bytes
@given(st.binary(max_size=300) | st.binary(max_size=60).map(b"RIFF".__add__))
def test_any_bytes_have_parts_within_them_alone(data: bytes) -> None:
    file = io.BytesIO(data)
    readers = (boxes, elements, chunks, objects)
    found: list[ContainerPart] = [part for read in readers for part in read(file, 0, len(data))]

    assert all(0 < part.begin <= part.end <= len(data) for part in found)
    assert all(len(part.content(file, 8)) == min(8, part.end - part.begin) for part in found)
