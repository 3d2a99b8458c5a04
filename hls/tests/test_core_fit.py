"""Which H.264 is copied into the top rendition: each single fact that rules it out, without encoding anything."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from hls.core.inspection import copying
from hls.core.inspection.copying import PacketLog
from hls.core.probe import Copyable, Obstacle, VideoTrack
from hls.tests.factories import source
from hls.tests.packets import PARAMETERS, sps

RATE = 25
TRACK = source(seconds=20, rate=RATE).video
TIME_BASE = Fraction(1, 12_800)
TICKS = 512  # per frame
IDR = b"\0\0\0\2\x65a"


def avcc(*sets: bytes) -> bytes:
    """An AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)."""
    listed = b"".join(len(unit).to_bytes(2) + unit for unit in sets)
    return (
        b"\x01\x64\x00\x28\xff"
        + bytes([0xE0 | len(sets)])
        + listed
        + b"\x01"
        + len(PARAMETERS).to_bytes(2)
        + PARAMETERS
    )


def log(*, gop: int = 2 * RATE, record: bytes = b"", **facts: Any) -> PacketLog:
    """What a demuxer reports for twenty seconds, with an IDR picture at the beginning of each GOP."""
    told = PacketLog(record or avcc(sps(1920, 1080, **{"level": 40, **facts})))
    for frame in range(20 * RATE if told.is_usable else 0):
        told.note(frame * TICKS, 1000, IDR if frame % gop == 0 else None)
    return told


def verdict(told: PacketLog | None, time_base: Fraction = TIME_BASE, **changes: Any) -> VideoTrack:
    """The track after judging; it has either a way to cut it or the reason why it is encoded."""
    found = copying.judged(replace(TRACK, **changes), told, time_base)
    assert (found.copyable is None) is bool(found.obstacle)
    return found


def judged(told: PacketLog, **changes: Any) -> Copyable | None:
    return verdict(told, **changes).copyable


def test_a_usual_video_is_cut_at_its_first_group_and_at_every_third_one() -> None:
    assert judged(log()) == Copyable(segment_starts=(0, 50, 150, 300, 450), delay_frames=0, peak_kbps=8 * RATE)


@pytest.mark.parametrize(
    "changes",
    [
        {"rotation": 90},
        {"is_interlaced": True},
        {"is_variable_rate": True},
        {"is_full_range": True},
        {"pixel_format": "yuv422p"},
        {"pixel_format": "yuv420p10le"},
        {"transfer": "smpte2084"},
        {"primaries": "bt2020"},
        {"matrix": "smpte170m"},
        {"width": 1918},
        {"height": 1088},
        {"frame_count": 501},
        {"rate": Fraction(50)},
        {"rate": Fraction(120)},
        {"rate": Fraction(1, 2)},
    ],
)
def test_a_track_to_which_something_has_to_be_done_is_encoded(changes: dict[str, Any]) -> None:
    assert judged(log(), **changes) is None


@pytest.mark.parametrize(
    "changes", [{"transfer": "unknown", "primaries": "unknown", "matrix": "unknown"}, {"codec": "h264"}]
)
def test_what_is_told_nowhere_is_taken_as_usual(changes: dict[str, Any]) -> None:
    assert judged(log(), **changes) is not None


@pytest.mark.parametrize(
    "facts",
    [{"profile": 66}, {"profile": 88}, {"profile": 110}, {"level": 50}, {"has_fields": 1}, {"chroma": 2}, {"order": 1}],
)
def test_a_stream_that_not_every_player_knows_is_encoded(facts: dict[str, Any]) -> None:
    assert verdict(log(**facts)).obstacle == Obstacle.KIND


@pytest.mark.parametrize("facts", [{"profile": 77}, {"profile": 66, "constraints": 0xC0}])
def test_main_and_constrained_baseline_are_fit(facts: dict[str, Any]) -> None:
    assert judged(log(**facts)) is not None


@pytest.mark.parametrize("level", [10, 31, 42])
def test_any_level_up_to_1080p_at_60_is_fit(level: int) -> None:
    assert judged(log(level=level)) is not None


@pytest.mark.parametrize(
    "record",
    [
        b"\x00" + avcc(sps(1920, 1080))[1:],
        avcc(sps(1920, 1080), sps(1280, 720)),
        avcc(),
        avcc(b"\x67"),
        avcc(sps(1920, 1080)[:6]),
        b"\x01\x64\x00",
    ],
)
def test_a_description_that_is_odd_means_encoding(record: bytes) -> None:
    assert judged(log(record=record)) is None


@pytest.mark.parametrize(
    ("gop", "starts"),
    [
        (7, (0, 49, 147, 294, 441)),
        (75, (0, 75, 150, 300, 450)),
        (125, (0, 125, 250, 375)),
        (162, (0, 162, 324, 486)),
        (163, None),
        (250, None),
        (500, None),
    ],
)
def test_segments_last_as_groups_of_pictures_allow_and_8_seconds_at_most(
    gop: int, starts: tuple[int, ...] | None
) -> None:
    found = verdict(log(gop=gop))
    assert (found.copyable.segment_starts if found.copyable else None) == starts
    assert found.obstacle == ("" if starts else Obstacle.FAR_APART)


def test_a_video_without_a_key_frame_is_encoded() -> None:
    told = PacketLog(avcc(sps(1920, 1080, level=40)))
    for frame in range(500):
        told.note(frame * TICKS, 1000, None)
    assert judged(told) is None


def test_a_forgotten_packet_means_encoding() -> None:
    told = log()
    told.forget()
    assert verdict(told).obstacle == Obstacle.PACKETS


def test_a_track_that_begins_before_its_first_idr_picture_is_encoded() -> None:
    told = PacketLog(avcc(sps(1920, 1080, level=40)))
    for frame in range(500):
        told.note(frame * TICKS, 1000, IDR if frame % 50 == 10 else None)
    assert verdict(told).obstacle == Obstacle.OPEN


def test_another_codec_is_encoded() -> None:
    assert verdict(None).obstacle == Obstacle.CODEC


def reordered(order: list[int], groups: int = 10) -> PacketLog:
    """GOPs whose frames are decoded in this order."""
    told = PacketLog(avcc(sps(1920, 1080, level=40)))
    for group in range(groups):
        for place, frame in enumerate(order):
            told.note((group * len(order) + frame) * TICKS, 1000, IDR if place == 0 else None)
    return told


@pytest.mark.parametrize(("order", "delay"), [([0, 1, 2, 3, 4], 0), ([0, 2, 1, 4, 3], 1), ([0, 4, 2, 1, 3], 2)])
def test_the_delay_is_how_long_pictures_are_decoded_ahead(order: list[int], delay: int) -> None:
    found = judged(reordered(order), frame_count=50)
    assert found is not None
    assert found.delay_frames == delay


def test_pictures_shown_before_their_groups_key_frame_mean_encoding() -> None:
    """An open GOP: it can't be played from its keyframe on."""
    assert judged(reordered([1, 0, 2, 3, 4]), frame_count=50) is None


@pytest.mark.parametrize("shown", [[*range(77), 76, *range(78, 500)], [*range(77), *range(78, 501)]])
def test_a_frame_that_is_missing_or_there_twice_means_encoding(shown: list[int]) -> None:
    told = PacketLog(avcc(sps(1920, 1080, level=40)))
    for frame, at in enumerate(shown):
        told.note(at * TICKS, 1000, IDR if frame % 50 == 0 else None)
    assert judged(told) is None


@pytest.mark.parametrize(
    ("rate", "ticks", "late"),
    [
        (Fraction(24_000, 1001), 1000, 0),
        (Fraction(60_000, 1001), 1000, 0),
        (Fraction(30_000, 1001), 600, 0),
        (Fraction(30), 600, 3),
        (Fraction(30), 90_000, 500),
        (Fraction(24_000, 1001), 90_000, 0),
    ],
)
def test_times_that_were_rounded_are_still_frames(rate: Fraction, ticks: int, late: int) -> None:
    """Matroska counts milliseconds, and phones 600 parts of a second; their first picture may be a little late."""
    told = PacketLog(avcc(sps(1920, 1080, level=40)))
    for frame in range(500):
        told.note(round(frame * ticks / rate) + (0 if frame else late), 1000, IDR if frame % 48 == 0 else None)
    assert verdict(told, Fraction(1, ticks), rate=rate, frame_count=500).copyable is not None


def test_the_peak_is_that_of_the_worst_segment() -> None:
    told = PacketLog(avcc(sps(1920, 1080, level=40)))
    for frame in range(500):
        told.note(frame * TICKS, 9000 if 150 <= frame < 300 else 1000, IDR if frame % 50 == 0 else None)
    found = judged(told)
    assert found is not None
    assert found.peak_kbps == 9000 * 8 * RATE // 1000
