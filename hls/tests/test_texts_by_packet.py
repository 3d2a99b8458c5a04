"""Texts within real files: each packet is one cue, with what its format says of it, at its time."""

from collections.abc import Sequence
from pathlib import Path

import av
import pytest
from av.packet import Packet

from hls.core.encoding.command import Encoder
from hls.core.inspection.packets import AnyPacket
from hls.core.plan import make_plan
from hls.core.probe import probe
from hls.core.process import UNWATCHED
from hls.core.subtitles.boxed import cues_of
from hls.core.subtitles.cues import MOST_CUES, MOST_TEXT, Cue, TextRefused
from hls.core.subtitles.extraction import TextExtraction, Texts, extracted
from hls.tests.captions import Caption, captioned
from hls.tests.clips import FFMPEG, ffmpeg, make
from hls.tests.matroska import MOST_BESIDE, PRIVATE, Spoken, Words, element, matroska
from hls.tests.spoken import SMALL
from hls.tests.test_core_declared import box
from hls.tests.watching import LIMITS

pytestmark = pytest.mark.ffmpeg


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("plain") / "plain.mkv", look=SMALL, audio=None)


def texts_of(source: Path) -> list[tuple[Cue, ...]]:
    """What comes out of a file, of all its texts."""
    found = taken_out(source)
    assert not any(isinstance(text, TextRefused) for text in found.values())
    return [text for text in found.values() if not isinstance(text, TextRefused)]


def taken_out(source: Path) -> Texts:
    plan = make_plan(probe(source, limits=LIMITS))
    folder = source.parent / "private"
    folder.mkdir()
    job = TextExtraction(plan, source, folder, Encoder(FFMPEG), UNWATCHED)
    return extracted(job, [text.index for text in plan.source.texts])


def with_words(plain: Path, target: Path, words: str, *options: str) -> Path:
    """A copy with this text, whose ending is `.vtt` where it begins like WebVTT."""
    file = target.with_name("words.vtt" if words.startswith("WEBVTT") else "words.srt")
    file.write_text(words)
    ffmpeg("-i", str(plain), "-i", str(file), "-map", "0", "-map", "1", "-c", "copy", *options, str(target))
    return target


PLACED = """WEBVTT

STYLE
::cue(.loud) { color: red }

first
00:00:00.100 --> 00:00:00.900 line:0 position:20% align:start
<v.loud Mary>Hello <ruby>漢<rt>kan</rt></ruby></v>

00:00:01.000 --> 00:00:01.900
- One
<i>Two</i> &amp; three
"""
PLACED_CUES = (
    Cue(100, 900, "<v Mary>Hello <ruby>漢<rt>kan</rt></ruby></v>", "line:0 position:20% align:start"),
    Cue(1_000, 1_900, "- One\n<i>Two</i> &amp; three"),
)


@pytest.mark.parametrize("suffix", ["mkv", "webm"])
def test_webvtt_keeps_places_voices_and_ruby(suffix: str, plain: Path, tmp_path: Path) -> None:
    encoded = ("-c:v", "libvpx", "-deadline", "realtime") if suffix == "webm" else ()
    source = with_words(plain, tmp_path / f"video.{suffix}", PLACED, *encoded)
    assert texts_of(source) == [PLACED_CUES]


def test_webvtt_as_mkvmerge_writes_it_is_read(plain: Path, tmp_path: Path) -> None:
    """What stands beside a cue's text is in a BlockAddition: settings, name and comments, each in a line."""
    first, second = PLACED.split("\n\n")[2:]
    blocks = (
        Spoken(
            100, first.partition("\n")[2].partition("\n")[2].encode(), 800, PLACED_CUES[0].settings.encode() + b"\nx"
        ),
        Spoken(1_000, second.partition("\n")[2].encode()),
        Spoken(1_000, b"line:5\n\nis text", beside=b"\nname only"),
    )
    told = element(PRIVATE, PLACED.partition("first")[0]) + element(MOST_BESIDE, 1)
    source = matroska(plain, tmp_path / "video.mkv", [Words("S_TEXT/WEBVTT", blocks, told)])
    assert texts_of(source) == [(*PLACED_CUES, Cue(1_000, 1_900, "line:5\nis text"))]


PACKETS: list[tuple[str, bytes, str]] = [
    ("S_TEXT/UTF8", b"\\Nfirst", "first"),
    ("S_TEXT/UTF8", b"\n\nfirst", "first"),
    ("S_TEXT/UTF8", b"a\n\nb", "a\nb"),
    ("S_TEXT/UTF8", b"a\r\n \r\nb\r\n", "a\nb"),
    ("S_TEXT/UTF8", b"2\n00:00:00,500 --> 00:00:00,600\nb", "2\n00:00:00,500 --&gt; 00:00:00,600\nb"),
    ("S_TEXT/UTF8", b"a\n\n2\n00:00.500 --> 00:00.600\nb", "a\n2\n00:00.500 --&gt; 00:00.600\nb"),
    ("S_TEXT/UTF8", b"1984", "1984"),
    ("S_TEXT/UTF8", b"NOTE this", "NOTE this"),
    ("S_TEXT/UTF8", "Gr\u00fc\u00dfe\n".encode() + "\u00d6l".encode("cp1252"), "Gr\u00fc\u00dfe\n\u00d6l"),
    ("S_TEXT/UTF8", b"\xef\xbb\xbfend\x00rest", "end"),
    ("S_TEXT/UTF8", b"{\\blur2}<font color=red>red</font> {aside}", "red {aside}"),
    ("D_WEBVTT/SUBTITLES", b"\n\na\n\nb", "a\nb"),
    ("D_WEBVTT/CAPTIONS", b"\n\n00:00.500 --> 00:00.600\nb", "00:00.500 --&gt; 00:00.600\nb"),
    (
        "S_TEXT/ASS",
        b"0,0,Default,,0,0,0,,{\\pos(1,2)}\\Na, {aside}\\N\\N00:00.500 --> 00:00.600",
        "a,\n00:00.500 --&gt; 00:00.600",
    ),
    ("S_TEXT/ASCII", b"\n\na {aside}\n\nb", "a {aside}\nb"),
]


def test_a_packet_is_one_cue_whatever_its_lines_are(plain: Path, tmp_path: Path) -> None:
    """Each in a track of its own, which has another packet behind it."""
    header = b"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    tracks = []
    for codec, text, _ in PACKETS:
        follows = text if codec == "S_TEXT/ASS" else b"\n\nlast" if codec.startswith("D_") else b"last"
        told = element(PRIVATE, header) if codec == "S_TEXT/ASS" else b""
        tracks.append(Words(codec, [Spoken(100, text, 200), Spoken(1_000, follows)], told))
    found = texts_of(matroska(plain, tmp_path / "video.mkv", tracks))
    assert [cues[0] for cues in found] == [Cue(100, 300, shown) for _, _, shown in PACKETS]
    assert {tuple((cue.start_ms, cue.end_ms) for cue in cues) for cues in found} == {((100, 300), (1_000, 1_900))}


def test_mov_text_is_one_cue_whatever_its_lines_are(plain: Path, tmp_path: Path) -> None:
    words = "".join(f"{n}\n00:00:00,{n}00 --> 00:00:00,{n}50\n<b>cue</b> {n}\n\n" for n in range(1, 5))
    made = with_words(plain, tmp_path / "made.mp4", words, "-c:s", "mov_text")
    texts = [b"\nfirst", b"a\n\nb", b"a\n00:00:01.000 --> 00:00:01.500\n{aside}", "Gr\u00fc\u00dfe".encode("cp1252")]
    rewritten(made, tmp_path / "video.mp4", texts)
    assert texts_of(tmp_path / "video.mp4") == [
        (
            Cue(100, 150, "first"),
            Cue(200, 250, "a\nb"),
            Cue(300, 350, "a\n00:00:01.000 --&gt; 00:00:01.500\n{aside}"),
            Cue(400, 450, "Gr\u00fc\u00dfe"),
        )
    ]


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "utf-8"])
def test_mov_text_may_be_in_utf_16(encoding: str, plain: Path, tmp_path: Path) -> None:
    made = with_words(plain, tmp_path / "made.mp4", "1\n00:00:00,100 --> 00:00:00,900\nx\n", "-c:s", "mov_text")
    rewritten(made, tmp_path / "video.mp4", ["\ufeffHey,\nжд & 漢".encode(encoding)])
    assert texts_of(tmp_path / "video.mp4") == [(Cue(100, 900, "Hey,\nжд &amp; 漢"),)]


def test_webvtt_in_mp4_is_read_with_its_places(plain: Path, tmp_path: Path) -> None:
    """A cue that others are shown beside is in a sample for each moment. libav takes such a track for data."""
    words = "".join(f"{n}\n00:00:00,{n}00 --> 00:00:00,{n + 1}00\nx\n\n" for n in (1, 2, 3, 5))
    made = with_words(plain, tmp_path / "made.mp4", words, "-c:s", "mov_text")
    long, other = ("<v Mary>Gr\u00fc\u00dfe\n\n&amp; so on", "line:0 align:start"), ("a\\nb --> c", "")
    samples = [boxed(long), boxed(long, other), boxed(long), boxed(long)]
    resampled(made, tmp_path / "text.mp4", samples)
    data = (tmp_path / "text.mp4").read_bytes().replace(b"sbtl", b"text").replace(b"tx3g", b"wvtt")
    source = tmp_path / "video.mp4"
    source.write_bytes(data)
    shown = "<v Mary>Gr\u00fc\u00dfe\n&amp; so on</v>"
    placed = "line:0 align:start"
    assert texts_of(source) == [
        (Cue(100, 400, shown, placed), Cue(200, 300, "a\\nb --&gt; c"), Cue(500, 600, shown, placed))
    ]


@pytest.mark.parametrize("sample", [b"", b"vttc", box(b"vttc", b"\0\0\xff\xffpaylHello"), box(b"vtte", b"")])
def test_damaged_cues_of_webvtt_in_mp4_are_no_crash(sample: bytes) -> None:
    assert [text for text, _ in cues_of(sample)] in ([], [b"Hello"])


def test_style_of_mov_text_stays(plain: Path, tmp_path: Path) -> None:
    words = "1\n00:00:00,100 --> 00:00:00,900\n<b>bold</b> and <i>slanted</i>\n"
    source = with_words(plain, tmp_path / "video.mp4", words, "-c:s", "mov_text")
    assert texts_of(source) == [(Cue(100, 900, "<b>bold</b> and <i>slanted</i>"),)]


def boxed(*cues: tuple[str, str]) -> bytes:
    """A sample of MP4's WebVTT, with these texts and settings."""
    told = (
        (box(b"iden", b"name"), box(b"sttg", placed.encode()), box(b"payl", text.encode())) for text, placed in cues
    )
    return b"".join(box(b"vttc", b"".join(parts)) for parts in told)


def rewritten(source: Path, target: Path, texts: Sequence[bytes]) -> None:
    """A copy of an MP4 file, with these texts in the place of what is said."""
    resampled(source, target, [len(text).to_bytes(2) + text for text in texts])


def resampled(source: Path, target: Path, samples: Sequence[bytes]) -> None:
    """A copy of an MP4 file, with these samples in the place of those of its text."""
    with av.open(str(source)) as container, av.open(str(target), "w") as written:
        outputs = {stream.index: written.add_stream_from_template(stream) for stream in container.streams}
        left = iter(samples)
        for packet in container.demux():
            if packet.stream.type == "subtitle" and packet.size > 2:
                packet = like(packet, next(left))
            if packet.size:
                packet.stream = outputs[packet.stream_index]
                written.mux(packet)


def like(packet: AnyPacket, data: bytes) -> AnyPacket:
    """Another packet for the same time."""
    other: AnyPacket = Packet(data)
    other.pts, other.dts, other.duration, other.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    other.stream = packet.stream
    return other


def test_texts_are_in_time_where_the_file_begins_late(plain: Path, tmp_path: Path) -> None:
    """What is said before the first picture is cut, and what lasts longer than it stays."""
    early = [Spoken(-900, b"gone", 800), Spoken(-500, b"begun", 700), Spoken(40, b"within")]
    tracks = [Words("S_TEXT/UTF8", early), Words("S_TEXT/WEBVTT", early)]
    source = matroska(plain, tmp_path / "video.mkv", tracks, begins_ms=7_770)
    assert texts_of(source) == [(Cue(0, 200, "begun"), Cue(40, 940, "within"))] * 2


def test_texts_without_durations_last_until_the_next_one(plain: Path, tmp_path: Path) -> None:
    blocks = [Spoken(100, b"one", None), Spoken(700, b"two", None), Spoken(1_500, b" ", None)]
    tracks = [Words("S_TEXT/UTF8", blocks), Words("S_TEXT/WEBVTT", blocks)]
    assert (
        texts_of(matroska(plain, tmp_path / "video.mkv", tracks))
        == [(Cue(100, 700, "one"), Cue(700, 1_500, "two"))] * 2
    )


def test_drawing_beside_words_is_no_text_and_points_in_words_are(plain: Path, tmp_path: Path) -> None:
    ass = [
        Spoken(100, b"0,0,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}Take m 1 1 l 2 2 to {\\i1}Rome{\\i0}"),
        Spoken(200, b"1,0,Default,,0,0,0,,{\\p1\\an7}m 10.5 -3 n 5 5 b 1 2 3 4 5 6"),
        Spoken(300, b"no event"),
    ]
    header = element(
        PRIVATE, "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    )
    source = matroska(plain, tmp_path / "video.mkv", [Words("S_TEXT/ASS", ass, header)])
    assert texts_of(source) == [(Cue(100, 1_000, "Take m 1 1 l 2 2 to <i>Rome</i>"),)]


@pytest.mark.parametrize(
    ("text", "count"),
    [(b"&" * MOST_TEXT, 8_000), (b"{" * 1_000_000, 21), (b"a", MOST_CUES + 1)],
    ids=["longer as WebVTT than any file may be", "long", "many"],
)
def test_text_that_is_too_much_is_refused_alone(text: bytes, count: int, plain: Path, tmp_path: Path) -> None:
    much = [Spoken(100, text, 1 + number) for number in range(count)]
    tracks = [Words("S_TEXT/UTF8", much), Words("S_TEXT/UTF8", [Spoken(100, b"Hello")])]
    found = taken_out(matroska(plain, tmp_path / "video.mkv", tracks))
    assert isinstance(found[1], TextRefused)
    assert found[2] == (Cue(100, 1_000, "Hello"),)


def test_track_of_closed_captions_is_put_together(tmp_path: Path) -> None:
    """QuickTime's: a packet is a pair of bytes there, and only the decoder knows what is shown and when."""
    captioned(tmp_path / "inside.mp4", [Caption("HELLO", 30, 60)], sounds=0)
    graph = f"movie={tmp_path / 'inside.mp4'}[out+subcc]"
    maps = ("-map", "0:v", "-map", "0:s", "-c:v", "libx264", "-preset", "ultrafast", "-c:s", "copy")
    ffmpeg("-f", "lavfi", "-i", graph, *maps, str(tmp_path / "video.mov"))
    [cues] = texts_of(tmp_path / "video.mov")
    assert [cue.text for cue in cues] == ["HELLO"]
    assert cues[0].start_ms == pytest.approx(1_200, abs=40)
