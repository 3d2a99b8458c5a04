"""A source whose own H.264 is fit becomes the top rendition as it is; everything else is encoded."""

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from av.sidedata.sidedata import Type

from hls.core.encoding.command import decoding_command
from hls.core.errors import CannotCopy
from hls.core.formats import transport
from hls.core.formats.retiming import with_times
from hls.core.formats.sps import IDR, nal_units
from hls.core.inspection.copying import PacketLog, avcc_units
from hls.core.ladder import renditions
from hls.core.plan import Plan, make_plan
from hls.core.probe import Obstacle, Source, probe
from hls.core.process import Bounds, run
from hls.core.timeline import segment_starts
from hls.tests.clips import Look, ffmpeg, fit_h264, make, recorded, remux, with_damaged_keyframe
from hls.tests.watching import (
    ENCODER,
    LIMITS,
    WatchedVideo,
    assert_plays,
    beep_times,
    complaints,
    encode,
    encode_one,
    frames,
    numbers,
    picture_times,
    steps,
    timestamps,
)

pytestmark = pytest.mark.ffmpeg

TICKS = 90_000
RATE = 12  # a clock in milliseconds can't tell its frames exactly
LOOK = Look(width=720, height=720, rate=str(RATE), duration_s=14)
TOP = "720p"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("fit") / "video.mp4", look=LOOK, video=fit_h264(RATE))


@pytest.fixture(scope="module", params=["mp4", "mkv", "later.mp4"])
def copied(
    request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, WatchedVideo]:
    """The same video in containers with fine and coarse clocks, and on a clock that doesn't begin at zero."""
    folder = tmp_path_factory.mktemp("copied")
    later = ("-output_ts_offset", "1.4") if request.param == "later.mp4" else ()
    wrapped = remux(source, folder / f"source.{request.param}", after=later)
    return wrapped, encode(wrapped, folder)


def planned(path: Path) -> Plan:
    return make_plan(probe(path, limits=LIMITS))


def pictures(path: Path) -> list[bytes]:
    return [bytes(frame.planes[0]) for frame in frames(path)]


def test_the_top_rendition_has_the_sources_own_pictures(copied: tuple[Path, WatchedVideo]) -> None:
    source, clip = copied
    assert [entry.is_copied for entry in clip.plan.renditions] == [False, True]
    assert pictures(clip.joined(TOP)) == pictures(source)


def test_a_copied_video_breaks_no_rule_and_decodes_cleanly(copied: tuple[Path, WatchedVideo]) -> None:
    _, clip = copied
    assert len(clip.plan.timeline.chunks) == 4
    assert_plays(clip)


def test_pictures_and_sound_are_regular_across_chunks_in_all_renditions(copied: tuple[Path, WatchedVideo]) -> None:
    _, clip = copied
    for name in ("480p", TOP):
        whole = clip.joined(name)
        assert steps(timestamps(whole, "video")) == {TICKS // RATE}
        assert steps(timestamps(whole, "audio")) == {1920}
        shown = picture_times(whole)
        assert list(shown) == list(range(168))
        assert shown[0] == 10


def test_sound_stays_with_a_copied_picture(copied: tuple[Path, WatchedVideo]) -> None:
    _, clip = copied
    for at_s, beep_s in enumerate(beep_times(clip.joined(TOP))):
        assert abs(beep_s - 10 - at_s) <= 0.04


def test_a_chunk_made_again_is_the_same(source: Path, tmp_path: Path) -> None:
    plan = planned(source)
    first, again = (encode_one(plan, 1, source, tmp_path / name) for name in ("first", "again"))
    assert again == first


def test_segments_follow_idr_pictures_that_are_near_their_places(tmp_path: Path) -> None:
    """An IDR picture each 1.92 s: segments of 5.75 s."""
    uneven = make(tmp_path / "uneven.mp4", look=LOOK, video=fit_h264(RATE, gop=23))
    clip = encode(uneven, tmp_path)
    assert clip.plan.is_copying
    assert clip.plan.timeline.starts == (0, 23, 69, 138)
    assert_plays(clip)
    assert numbers(clip.joined("480p")) == list(range(168))
    begins = {name: [first_pts(path) for path in clip.segments(name)] for name in ("480p", TOP)}
    assert begins["480p"] == begins[TOP] == [10 * TICKS + start * TICKS // RATE for start in clip.plan.timeline.starts]
    assert clip.plan.timeline.target_duration_s == 6


def first_pts(path: Path) -> int:
    data = path.read_bytes()
    return min(unit.pts for unit in transport.units(data, transport.tables(data).video_pid))


SHORT = replace(LOOK, duration_s=7)
UNFIT = {
    "open groups of pictures": {"video": fit_h264(RATE, options=("-bf", "3", "-x264-params", "open-gop=1"))},
    "a first segment that would be too long": {"video": fit_h264(RATE, gop=99 * RATE)},
    "full range": {"video": (*fit_h264(RATE), "-pix_fmt", "yuvj420p")},
    "another matrix": {"video": fit_h264(RATE, options=("-colorspace", "smpte170m"))},
    "interlaced": {"video": fit_h264(RATE, options=("-flags", "+ilme+ildct"))},
    "non-square pixels": {"video": fit_h264(RATE), "filters": "setsar=4/3"},
    "4:2:2": {"video": (*fit_h264(RATE)[:5], "high422", "-pix_fmt", "yuv422p", *fit_h264(RATE)[8:])},
    "frames left out": {"video": (*fit_h264(RATE), "-fps_mode", "passthrough"), "filters": "select='gt(mod(n,7),0)'"},
}


@pytest.mark.parametrize("made", UNFIT.values(), ids=UNFIT)
def test_what_is_not_fit_is_encoded(tmp_path: Path, made: dict[str, object]) -> None:
    path = make(tmp_path / "video.mp4", look=SHORT, audio=None, **made)  # type: ignore[arg-type]  # a table of options
    plan = planned(path)
    assert len(plan.renditions) == 2
    assert not plan.is_copying


def test_the_same_video_without_a_flaw_is_copied(tmp_path: Path) -> None:
    assert planned(make(tmp_path / "video.mp4", look=SHORT, audio=None, video=fit_h264(RATE))).is_copying


@pytest.mark.parametrize("turn", [("90",), ("180", "-display_hflip")], ids=["turned", "mirrored top to bottom"])
def test_a_turned_video_is_encoded(turn: tuple[str, ...], source: Path, tmp_path: Path) -> None:
    turned = remux(source, tmp_path / "turned.mp4", before=("-display_rotation", *turn))
    assert not planned(turned).is_copying


def test_a_stream_whose_sender_has_begun_anew_is_encoded(source: Path, tmp_path: Path) -> None:
    """It has other parameter sets from there on, which are in none of the packets."""
    first = remux(source, tmp_path / "first.flv")
    other = ("-bsf:v", "h264_metadata=level=4.2", "-output_ts_offset", "14")
    plan = planned(recorded(tmp_path / "video.flv", first, remux(source, tmp_path / "other.flv", after=other)))
    assert plan.source.video.obstacle == Obstacle.SETS


def test_a_video_that_begins_in_the_middle_of_a_group_is_encoded(source: Path, tmp_path: Path) -> None:
    """An edit list hides the earlier frames."""
    cut = remux(source, tmp_path / "cut.mp4", before=("-ss", "2.9"))
    assert planned(cut).source.video.start_s == 0
    assert not planned(cut).is_copying


def test_an_only_rendition_is_encoded(tmp_path: Path) -> None:
    """Without another rendition, damage in its pictures would go unnoticed."""
    path = make(tmp_path / "small.mp4", look=replace(SHORT, width=480, height=480), audio=None, video=fit_h264(RATE))
    found = probe(path, limits=LIMITS)
    assert found.video.copyable is not None
    assert make_plan(found).obstacle == Obstacle.ONLY_ONE


def test_a_size_between_two_renditions_is_encoded(tmp_path: Path) -> None:
    path = make(tmp_path / "video.mp4", look=replace(SHORT, width=900, height=900), audio=None, video=fit_h264(RATE))
    assert planned(path).obstacle == Obstacle.SIZE


def test_copying_can_be_ruled_out(source: Path) -> None:
    found = probe(source, limits=LIMITS)
    assert make_plan(found).is_copying
    without = make_plan(found, may_copy=False)
    assert without.obstacle == Obstacle.TRIED
    assert without.timeline.starts == ()


def test_the_cap_decides(source: Path) -> None:
    found = probe(source, limits=LIMITS)
    assert found.video.copyable is not None
    assert renditions(with_peak(found, 5_200))[-1].is_copied
    assert not renditions(with_peak(found, 5_201))[-1].is_copied
    assert make_plan(with_peak(found, 5_201)).obstacle == Obstacle.TOO_MANY_BITS


def with_peak(source: Source, kbps: int) -> Source:
    copyable = source.video.copyable
    assert copyable is not None
    return replace(source, video=replace(source.video, copyable=replace(copyable, peak_kbps=kbps)))


def test_a_damaged_picture_ends_the_copying(source: Path, tmp_path: Path) -> None:
    plan = planned(source)
    damaged = with_damaged_keyframe(source, tmp_path / "damaged.mp4", 1)
    assert make_plan(probe(damaged, limits=LIMITS)).is_copying, "the container tells nothing"
    with pytest.raises(CannotCopy):
        encode_one(plan, 1, damaged, tmp_path)


def with_flipped_bits(source: Path, target: Path, seed: int) -> Path:
    dice = random.Random(seed)
    data = bytearray(source.read_bytes())
    for _ in range(3):
        data[dice.randrange(40, len(data) * 3 // 4)] ^= 1 << dice.randrange(8)
    target.write_bytes(data)
    return target


def test_damage_is_seen_each_time_that_copied_pictures_are_looked_at(source: Path, tmp_path: Path) -> None:
    damaged = with_flipped_bits(source, tmp_path / "damaged.mp4", seed=11)  # of which two threads complain at times
    segment = remux(damaged, tmp_path / "segment.ts")
    for _ in range(8):
        command = decoding_command([segment], replace(ENCODER, threads=4))
        assert "corrupt decoded frame" in run(command, bounds=Bounds(60)).stderr


@pytest.mark.parametrize("seed", [0, 1, 7])  # two complaints of the decoder, and none
def test_what_flipped_bits_spoil_is_never_copied(source: Path, tmp_path: Path, seed: int) -> None:
    damaged = with_flipped_bits(source, tmp_path / "damaged.mp4", seed)
    plan = planned(damaged)
    assert plan.is_copying
    try:
        for index in range(3):
            encode_one(plan, index, damaged, tmp_path)
    except CannotCopy:
        return
    segments = sorted((tmp_path / TOP).glob("*.ts"))
    assert len(segments) == 3
    assert [complaints(path) for path in segments] == ["", "", ""]


def test_captions_in_the_pictures_are_left_out_as_the_playlist_says(tmp_path: Path) -> None:
    """CEA-608 in SEI: with CLOSED-CAPTIONS=NONE no variant may have any (RFC 8216 4.3.4.2)."""
    plain = make(
        tmp_path / "plain.h264", look=SHORT, audio=None, video=fit_h264(RATE, options=("-bf", "0", "-aud", "1"))
    )
    captioned = tmp_path / "captioned.h264"
    captioned.write_bytes(b"".join(b"\0\0\0\1" + unit for unit in with_captions(plain.read_bytes())))
    source = tmp_path / "video.mp4"
    ffmpeg("-r", str(RATE), "-i", str(captioned), "-c", "copy", str(source))
    assert has_captions(source)
    clip = encode(source, tmp_path)
    assert clip.plan.is_copying
    assert not has_captions(clip.joined(TOP))
    assert not has_captions(clip.joined("480p"))
    assert "CLOSED-CAPTIONS=NONE" in (clip.folder / "master.m3u8").read_text()


def with_captions(stream: bytes) -> list[bytes]:
    """A caption's control code before each IDR picture (ATSC A/53 part 4, 6.2.3)."""
    message = bytes.fromhex("b5003147413934" + "03" + "41ff" + "fc9420" + "ff")
    captions = bytes((6, 4, len(message))) + message + b"\x80"
    units: list[bytes] = []
    for unit in nal_units(stream):
        units += [captions, unit] if unit[0] & 0x1F == IDR else [unit]
    return units


def has_captions(path: Path) -> bool:
    return any(frame.side_data.get(Type.A53_CC) for frame in frames(path))


@pytest.mark.parametrize(
    ("idr_frames", "frame_count", "starts"),
    [
        ([0], 60, (0,)),
        ([0, 50, 100, 150, 200], 220, (0, 50, 150)),
        ([0, 50, 100, 149, 162, 200], 200, (0, 50, 149)),
        ([0, 50, 100, 137, 163], 200, (0, 50, 137)),
        ([0, 50, 100, 138], 200, (0, 50, 138)),
        ([0, 30, 60, 90, 120, 150], 160, (0, 60)),
        ([0, 12, 24, 36, 48, 60], 61, (0, 48)),
        ([0, 50], 62, (0,)),
        ([0], 162, (0,)),
        ([0], 163, None),
        ([0, 162], 300, (0, 162)),
        ([0, 163], 300, None),
        ([0, 110, 180], 300, (0, 110, 180)),
        ([0, 50, 250], 450, (0, 50, 250)),
        ([0, 50, 250], 451, None),
        ([0, 50, 251], 451, None),
        ([0, 50, 240], 250, (0, 50, 240)),
        ([0, 2, 150, 151, 310], 320, (0, 150, 310)),
        (list(range(500)), 500, (0, 50, 150, 300, 450)),
    ],
)
def test_segments_begin_at_the_idr_pictures_nearest_to_2_and_each_6_seconds(
    idr_frames: list[int], frame_count: int, starts: tuple[int, ...] | None
) -> None:
    """At 25 frames a second: 6 seconds are 150 frames, and 8 are 200."""
    assert segment_starts(idr_frames, frame_count, Fraction(25)) == starts


def test_a_cut_off_unit_is_left_out() -> None:
    assert avcc_units(b"\0\0\0\2ab\0\0\0\0\0\0\0\1c", 4) == [b"ab", b"c"]
    assert avcc_units(b"\0\0\0", 4) == []


AVCC = bytes.fromhex("0164001fffe10004") + b"\x67abc" + b"\x01\x00\x02" + b"\x68d"


def test_a_key_frame_that_is_no_idr_picture_makes_a_track_unfit() -> None:
    log = PacketLog(AVCC)
    log.note(0, 100, b"\0\0\0\2\x65a")
    assert log.is_usable
    log.note(1, 100, b"\0\0\0\2\x41a")
    assert not log.is_usable


@pytest.mark.parametrize(
    ("repeated", "is_usable"), [(b"\0\0\0\4\x67abc", True), (b"\0\0\0\2\x68d", True), (b"\0\0\0\4\x67abd", False)]
)
def test_parameters_may_be_repeated_but_not_changed(repeated: bytes, is_usable: bool) -> None:
    log = PacketLog(AVCC)
    log.note(0, 100, repeated + b"\0\0\0\2\x65a")
    assert log.is_usable is is_usable


@pytest.mark.parametrize("length", range(len(AVCC)))
def test_a_cut_off_description_of_a_track_is_no_crash(length: int) -> None:
    log = PacketLog(AVCC[:length])
    if log.is_usable:
        log.note(0, 100, b"\0\0\0\2\x65a")


def test_exact_times_are_written_and_read_back(copied: tuple[Path, WatchedVideo]) -> None:
    _, clip = copied
    data = clip.segments(TOP)[1].read_bytes()
    pid = transport.tables(data).video_pid
    before = transport.units(data, pid)
    later = with_times(data, pid, [(unit.pts + 77, unit.dts + 77) for unit in before])
    assert [(unit.pts, unit.dts) for unit in transport.units(later, pid)] == [
        (unit.pts + 77, unit.dts + 77) for unit in before
    ]
    assert with_times(later, pid, [(unit.pts, unit.dts) for unit in before]) == data
    with pytest.raises(transport.Malformed):
        with_times(data, pid, [])


def test_copied_segments_alone_decode_without_a_word(copied: tuple[Path, WatchedVideo]) -> None:
    _, clip = copied
    for path in clip.segments(TOP):
        assert complaints(path) == ""
