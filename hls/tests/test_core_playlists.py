"""Playlists, file names and the storyboard's text, character by character."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.conformance.m3u8 import attributes, byte_range, parse
from hls.core import multivariant, names, playlists, storyboard
from hls.core.bandwidth import Piece, average_bps, peak_bps
from hls.core.chunk import IFrame, RenditionFacts, SegmentFacts
from hls.core.encoding.poster_frames import moment_of_tile
from hls.core.plan import make_plan
from hls.tests.factories import evenly_planned
from hls.tests.test_core_plan import clip

PLAN = evenly_planned(clip(rate=Fraction(24000, 1001), frame_count=300, duration_s=Fraction(300 * 1001, 24000)))
SEGMENTS = (
    SegmentFacts(0, 144, 600_000, (IFrame(0, 0, 40_000), IFrame(48, 200_000, 41_000), IFrame(96, 400_000, 39_000))),
    SegmentFacts(1, 144, 750_000, (IFrame(144, 0, 50_000), IFrame(192, 250_000, 51_000), IFrame(240, 500_000, 52_000))),
    SegmentFacts(2, 12, 60_000, (IFrame(288, 0, 20_000),)),
)
VIDEO = (
    RenditionFacts("480p", "avc1.64001e,mp4a.40.2", SEGMENTS),
    RenditionFacts("1080p", "avc1.640028,mp4a.40.2", SEGMENTS),
)


def test_finished_media_playlist() -> None:
    assert (
        playlists.media(PLAN, "480p", SEGMENTS, is_finished=True)
        == """\
#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXTINF:6.006000,
segment_000.ts
#EXTINF:6.006000,
segment_001.ts
#EXTINF:0.500500,
segment_002.ts
#EXT-X-ENDLIST
"""
    )


def test_partial_media_playlist_starts_at_the_beginning() -> None:
    """RFC 8216 4.3.5.2: without EXT-X-START a player joins at the growing end."""
    assert (
        playlists.media(PLAN, "720p", SEGMENTS[:1], is_finished=False)
        == """\
#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-START:TIME-OFFSET=0
#EXTINF:6.006000,
segment_000.ts
"""
    )


def test_partial_playlist_only_ever_gets_longer() -> None:
    """RFC 8216 6.2.1: lines that were published stay as they are."""
    texts = [playlists.media(PLAN, "480p", SEGMENTS[:count], is_finished=False) for count in (1, 2, 3)]
    assert texts[1].startswith(texts[0])
    assert texts[2].startswith(texts[1])


def test_iframe_playlist() -> None:
    assert (
        playlists.iframes(PLAN, "480p", SEGMENTS[1:], is_finished=True)
        == """\
#EXTM3U
#EXT-X-VERSION:4
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-I-FRAMES-ONLY
#EXTINF:2.002000,
#EXT-X-BYTERANGE:50000@0
segment_001.ts
#EXTINF:2.002000,
#EXT-X-BYTERANGE:51000@250000
segment_001.ts
#EXTINF:2.002000,
#EXT-X-BYTERANGE:52000@500000
segment_001.ts
#EXTINF:0.500500,
#EXT-X-BYTERANGE:20000@0
segment_002.ts
#EXT-X-ENDLIST
"""
    )


def test_multivariant_playlist() -> None:
    """The peak: 750,000 and 60,000 bytes in 6.5065 s are less than 750,000 in 6.006 s."""
    assert (
        multivariant.master(PLAN, VIDEO)
        == """\
#EXTM3U
#EXT-X-VERSION:4
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=999001,AVERAGE-BANDWIDTH=901499,CODECS="avc1.64001e,mp4a.40.2",\
RESOLUTION=854x480,FRAME-RATE=23.976,CLOSED-CAPTIONS=NONE
480p/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=999001,AVERAGE-BANDWIDTH=901499,CODECS="avc1.640028,mp4a.40.2",\
RESOLUTION=1920x1080,FRAME-RATE=23.976,CLOSED-CAPTIONS=NONE
1080p/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=218449,AVERAGE-BANDWIDTH=187333,CODECS="avc1.64001e",\
RESOLUTION=854x480,URI="480p/iframes.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=218449,AVERAGE-BANDWIDTH=187333,CODECS="avc1.640028",\
RESOLUTION=1920x1080,URI="1080p/iframes.m3u8"
"""
    )


def test_rendition_a_video_does_not_have_is_refused() -> None:
    with pytest.raises(KeyError):
        playlists.media(PLAN, "2160p", SEGMENTS, is_finished=True)


@given(frame_count=st.integers(1, 50_000))
def test_durations_add_up_to_the_video_within_a_frame(frame_count: int) -> None:
    rate = Fraction(30000, 1001)
    plan = make_plan(clip(rate=rate, frame_count=frame_count, duration_s=frame_count / rate))
    segments = [SegmentFacts(segment.number, segment.frame_count, 1000, ()) for segment in plan.timeline.segments]
    playlist = parse("index.m3u8", playlists.media(plan, "480p", segments, is_finished=True))
    total_s = sum(Fraction(str(entry.duration_s)) for entry in playlist.entries)
    assert abs(total_s - frame_count / rate) < 1 / rate


def pieces(*sizes_and_durations: tuple[int, float]) -> list[Piece]:
    return [Piece(size, Fraction(str(duration_s))) for size, duration_s in sizes_and_durations]


@pytest.mark.parametrize(
    ("video_pieces", "peak"),
    [
        (pieces((1000, 6), (3000, 6), (2000, 6)), 4000),
        (pieces((1000, 6), (3000, 1)), 4572),  # a short last segment counts together with the previous one
        (pieces((1000, 2)), 4000),  # a video shorter than half a target duration
        (pieces((500, 2), (600, 2), (100, 2), (400, 2)), 2200),  # runs of I-frames: 4 s are the shortest of 3 to 9 s
    ],
)
def test_peak_is_taken_over_half_to_one_and_a_half_target_durations(video_pieces: list[Piece], peak: int) -> None:
    """RFC 8216 4.1, "peak segment bit rate"."""
    assert peak_bps(video_pieces, 6) == peak


def test_average_is_all_bits_by_all_time() -> None:
    assert average_bps(pieces((1000, 6), (3000, 2))) == 4000


@pytest.mark.parametrize(("number", "name"), [(0, "segment_000.ts"), (42, "segment_042.ts"), (1234, "segment_1234.ts")])
def test_segment_names_have_three_digits_or_more(number: int, name: str) -> None:
    assert names.segment_name(number) == name
    assert names.segment_number(name) == number


@pytest.mark.parametrize(
    "name",
    [
        *(
            "segment_1.ts",
            "segment_0001.ts",
            "segment_-01.ts",
            "segment_\u0660\u0660\u0661.ts",
            "segment_000.ts\n",
            "Segment_000.ts",
        ),
        *(
            "../segment_000.ts",
            "segment_000.ts/..",
            "%2e%2e/segment_000.ts",
            "segment_000.mp4",
            "",
            "segment_9999999.ts",
        ),
    ],
)
def test_other_names_are_no_segments(name: str) -> None:
    assert names.segment_number(name) is None


def test_names_of_sheets_and_renditions() -> None:
    assert names.is_sheet_name(names.sheet_name(0))
    assert names.sheet_name(123) == "storyboard_123.jpg"
    assert not names.is_sheet_name("storyboard_0.jpg")
    assert names.is_rendition_name("720p")
    assert not names.is_rendition_name("360p")
    assert names.tile_name(12) == "tiles/00012.jpg"


LONG = make_plan(clip(rate=Fraction(25), frame_count=25 * 3900, duration_s=Fraction(3900)))


def test_storyboard_has_a_cue_for_each_tile_and_no_gap() -> None:
    text = storyboard.vtt(LONG)
    cues = [line.split(" --> ") for line in text.splitlines() if " --> " in line]
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nstoryboard_00.jpg#xywh=0,0,240,136\n\n")
    assert len(cues) == LONG.tile_count == 390
    assert all(one[1] == other[0] for one, other in pairwise(cues))
    assert cues[-1][1] == "01:05:00.000"


def test_tiles_fill_sheets_row_by_row() -> None:
    assert storyboard.place(LONG, 0) == storyboard.TilePosition(0, 0, 0)
    assert storyboard.place(LONG, 6) == storyboard.TilePosition(0, 240, 136)
    assert storyboard.place(LONG, 25) == storyboard.TilePosition(1, 0, 0)
    assert storyboard.sheet_count(LONG) == 16
    assert storyboard.sheet_size(LONG, 0) == (1200, 680)
    assert storyboard.sheet_size(LONG, 15) == (1200, 3 * 136)
    assert storyboard.sheet_size(make_plan(clip(frame_count=3, duration_s=Fraction(1, 8))), 0) == (720, 136)


def test_tile_is_found_again_in_its_segment() -> None:
    moment = moment_of_tile(LONG, 4)
    assert (moment.segment, moment.at_s) == (7, 4.0)


def test_attribute_lists_are_read_as_they_are_written() -> None:
    """RFC 8216 4.2."""
    assert attributes('BANDWIDTH=1,CODECS="a,b",RESOLUTION=1x2') == {
        "BANDWIDTH": "1",
        "CODECS": "a,b",
        "RESOLUTION": "1x2",
    }
    for broken in ("A=1,A=2", "A", "a=1", 'A="1', "A=1, B=2", "=1"):
        with pytest.raises(ValueError, match="not an attribute list"):
            attributes(broken)


def test_byte_ranges_need_both_numbers() -> None:
    playlist = parse("x", "#EXT-X-BYTERANGE:10@5\na\n#EXT-X-BYTERANGE:10\nb\nc")
    assert [byte_range(entry.tag("EXT-X-BYTERANGE")) for entry in playlist.entries] == [(5, 10), None, None]
