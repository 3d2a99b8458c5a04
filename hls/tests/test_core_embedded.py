"""Texts and chapters within a file are found; what can't be converted is said."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hls.core.inspection import probing
from hls.core.inspection.embedded import LONGEST_TITLE, MOST_CHAPTERS
from hls.core.inspection.probing import look
from hls.core.omissions import omissions
from hls.core.plan import make_plan
from hls.core.probe import FileChapter, OtherTrack, Source, TextTrack
from hls.tests.clips import ffmpeg, make
from hls.tests.spoken import SMALL, Spoken, clip
from hls.tests.watching import LIMITS

pytestmark = pytest.mark.ffmpeg

WORDS = "1\n00:00:00,000 --> 00:00:01,000\nHello\n"
CODECS = {"mp4": "mov_text", "mkv": "srt", "mov": "mov_text", "webm": "webvtt"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("plain") / "plain.mkv", (Spoken(),))


def with_texts(source: Path, target: Path, *options: str, count: int = 1, codec: str = "") -> Path:
    words = target.with_suffix(".srt")
    words.write_text(WORDS)
    inputs = ["-i", str(source), *["-i", str(words)] * count]
    maps = [part for number in range(count + 1) for part in ("-map", str(number))]
    ffmpeg(*inputs, *maps, "-c", "copy", "-c:s", codec or CODECS[target.suffix[1:]], *options, str(target))
    return target


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_texts_are_found_with_what_the_file_says(plain: Path, tmp_path: Path, suffix: str) -> None:
    options = ["-metadata:s:s:0", "language=fra", "-metadata:s:s:0", "title=Dialogue", "-disposition:s:0", "default"]
    options += ["-metadata:s:s:1", "language=eng", "-disposition:s:1", "hearing_impaired"]
    options += ["-disposition:s:2", "forced"]
    found = look(with_texts(plain, tmp_path / f"video.{suffix}", *options, count=3), LIMITS)
    codec = CODECS[suffix]
    expected = [
        TextTrack(2, codec, language="fra", title="Dialogue", is_default=True),
        TextTrack(3, codec, language="eng", is_captions=suffix != "mov"),
        TextTrack(4, codec, is_forced=suffix != "mov"),
    ]
    assert list(found.texts) == expected
    assert (found.extras.subtitles, omissions(make_plan(found))) == ((), ())


@pytest.mark.parametrize(("codec", "decoder"), [("ass", "ssa"), ("webvtt", "webvtt"), ("text", "srt")])
def test_texts_of_every_kind_are_found(plain: Path, tmp_path: Path, codec: str, decoder: str) -> None:
    found = look(with_texts(plain, tmp_path / "video.mkv", codec=codec), LIMITS)
    assert [track.codec for track in found.texts] == [decoder]


def test_texts_without_a_language_and_alike_are_all_found(plain: Path, tmp_path: Path) -> None:
    found = look(with_texts(plain, tmp_path / "video.mkv", count=20), LIMITS)
    assert {(track.language, track.title) for track in found.texts} == {("", "")}
    assert [track.index for track in found.texts] == list(range(2, 22))


def test_texts_of_joined_recordings_are_not_promised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only transport streams are joined, whose texts are teletext: the decoder that makes text of it isn't here."""
    monkeypatch.setattr(probing, "texts", lambda *container: (TextTrack(1, "libzvbi_teletextdec"),))
    part = clip(tmp_path / "part.ts", (Spoken(),))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    assert look(part, LIMITS).texts
    found = look(joined, LIMITS)
    assert found.joins
    assert found.texts == ()


def test_subtitles_that_are_pictures_are_named(plain: Path, tmp_path: Path) -> None:
    """A Blu-ray disc's: a composition without objects, and the end of a display set."""
    composition = bytes.fromhex("00a0 0078 10 0000 80 00 00 00")
    sets = (
        b"PG" + pts.to_bytes(4) + bytes(4) + kind + len(data).to_bytes(2) + data
        for pts in (0, 90_000)
        for kind, data in ((b"\x16", composition), (b"\x80", b""))
    )
    pictures = tmp_path / "pictures.sup"
    pictures.write_bytes(b"".join(sets))
    target = tmp_path / "video.mkv"
    told = ["-metadata:s:s:0", "language=eng"]
    ffmpeg("-i", str(plain), "-i", str(pictures), "-map", "0", "-map", "1", "-c", "copy", *told, str(target))
    found = look(target, LIMITS)
    assert found.texts == ()
    assert found.extras.subtitle_pictures == (OtherTrack("hdmv_pgs_subtitle", "eng", ""),)
    assert omissions(make_plan(found)) == ("Subtitles that are pictures can't be converted: eng (Blu-ray pictures).",)


def test_texts_for_programs_are_shown_to_nobody(plain: Path, tmp_path: Path) -> None:
    """FFmpeg's names of what WebM's four kinds of WebVTT are for."""
    kinds = {"metadata": None, "captions": True, "descriptions": False, "0": False}
    options = [part for number, kind in enumerate(kinds) for part in (f"-disposition:s:{number}", kind)]
    webm = clip(tmp_path / "plain.webm", (), video=("-c:v", "libvpx", "-deadline", "realtime"))
    found = look(with_texts(webm, tmp_path / "video.webm", *options, count=len(kinds)), LIMITS)
    assert [text.is_captions for text in found.texts] == [kind for kind in kinds.values() if kind is not None]
    assert omissions(make_plan(found)) == ("Subtitles: (WebVTT).",)


def test_subtitles_that_nothing_can_decode_are_named(plain: Path, tmp_path: Path) -> None:
    source = with_texts(plain, tmp_path / "video.mkv")
    source.write_bytes(source.read_bytes().replace(b"S_TEXT/UTF8", b"S_TEXT/XYZW"))
    found = look(source, LIMITS)
    assert found.texts == ()
    assert omissions(make_plan(found)) == ("Subtitles: (unknown format).",)


def with_chapters(source: Path, target: Path, chapters: Sequence[tuple[int, int, str]]) -> Source:
    """The facts of a file with these chapters, in milliseconds."""
    told = target.with_suffix(".txt")
    parts = [f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle={title}\n" for start, end, title in chapters]
    told.write_text(f";FFMETADATA1\n{''.join(parts)}".replace("title=\n", ""))
    ffmpeg("-i", str(source), "-i", str(told), "-map", "0", "-map_chapters", "1", "-c", "copy", str(target))
    return look(target, LIMITS)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_chapters_are_found_and_their_track_is_no_subtitles(plain: Path, tmp_path: Path, suffix: str) -> None:
    """QuickTime keeps chapters as a track of text, which another track names."""
    found = with_chapters(plain, tmp_path / f"video.{suffix}", [(0, 500, "Anfang"), (500, 2000, "\u202eEnde")])
    assert found.chapters == (FileChapter(0, 0.5, "Anfang"), FileChapter(0.5, 2, "Ende"))
    assert found.texts == ()
    assert omissions(make_plan(found)) == ()


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_chapters_over_each_other_end_where_the_next_one_begins(plain: Path, tmp_path: Path, suffix: str) -> None:
    """An MP4 has them twice, as Nero and as QuickTime keep them."""
    told = [(0, 1500, "one"), (500, 3000, "two"), (1500, 1500, "three"), (9000, 9500, "after the end")]
    found = with_chapters(plain, tmp_path / f"video.{suffix}", told)
    begins, ends, titles = zip(*[(at.start_s, at.end_s, at.title) for at in found.chapters], strict=True)
    assert (begins, titles) == ((0, 0.5, 1.5), ("one", "two", "three"))
    assert ends == pytest.approx((0.5, 1.5, 2), abs=0.001)
    assert omissions(make_plan(found)) == ()


def test_chapters_without_a_title_and_with_gaps_are_kept(plain: Path, tmp_path: Path) -> None:
    found = with_chapters(plain, tmp_path / "video.mkv", [(200, 300, ""), (1000, 1100, "")])
    assert found.chapters == (FileChapter(0.2, 0.3, ""), FileChapter(1, 1.1, ""))


def test_of_thousands_of_chapters_the_first_thousand_are_kept(plain: Path, tmp_path: Path) -> None:
    told = [(at, at + 1, "word " * 40) for at in range(1500)]
    found = with_chapters(plain, tmp_path / "video.mkv", told)
    assert [chapter.start_s for chapter in found.chapters] == [at / 1000 for at in range(MOST_CHAPTERS)]
    assert {len(chapter.title) for chapter in found.chapters} == {LONGEST_TITLE}
    assert omissions(make_plan(found)) == ("500 chapters.",)


def test_a_file_with_neither_has_none(tmp_path: Path) -> None:
    found = look(make(tmp_path / "video.mp4", look=SMALL), LIMITS)
    assert (found.sounds, found.texts, found.chapters) == ((), (), ())
