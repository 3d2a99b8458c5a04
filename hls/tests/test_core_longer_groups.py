"""Tops that are copied from what usual encoders make: long and uneven groups of pictures, Main profile, MPEG-TS."""

import random
from itertools import pairwise
from pathlib import Path

import pytest

from hls.core import names
from hls.core.errors import CannotCopy
from hls.core.formats.sps import nal_units
from hls.core.formats.transport import payload, tables, units
from hls.core.inspection.copying import PacketLog
from hls.core.plan import make_plan
from hls.core.probe import Obstacle, probe
from hls.tests.clips import Look, fit_h264, make
from hls.tests.packets import PARAMETERS, annex_b, sps
from hls.tests.watching import (
    LIMITS,
    WatchedVideo,
    assert_plays,
    beep_times,
    complaints,
    encode,
    encode_one,
    frames,
    numbers,
    steps,
    timestamps,
)

TICKS = 90_000
RATE = 12
LASTS_S = 14
LOOK = Look(width=720, height=720, rate=str(RATE), duration_s=LASTS_S)
TOP = "720p"
UNEVEN_S = (0, 3, 4.5, 12.25)  # IDR pictures as cuts from shot to shot make them; the longest group: 7.75 s
WRAP_S = 2**33 / TICKS  # when the clock of MPEG-TS begins anew


def uneven(folder: Path, *, profile: str = "high", suffix: str = "mp4", after: tuple[str, ...] = ()) -> Path:
    at = ("-force_key_frames", ",".join(map(str, UNEVEN_S)))
    video = fit_h264(RATE, gop=9999, options=("-bf", "3", "-profile:v", profile, *at))
    return make(folder / f"video.{suffix}", look=LOOK, video=video, after=after)


def transport(folder: Path) -> Path:
    """Access unit delimiters and SEI as broadcasters have them; the clock begins anew after five seconds."""
    video = fit_h264(
        RATE, gop=5 * RATE, options=("-bf", "3", "-x264-params", "aud=1:nal-hrd=vbr:slices=2:ref=4:b-adapt=0")
    )
    rate = ("-b:v", "1M", "-maxrate", "1M", "-bufsize", "1M")
    clock = ("-muxdelay", "0", "-muxpreload", "0", "-output_ts_offset", f"{WRAP_S - 5:.3f}")
    return make(folder / "video.ts", look=LOOK, video=(*video, *rate), after=clock)


PROFILES = {"uneven": 100, "main": 77, "baseline": 66, "transport": 100}


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return transport(tmp_path_factory.mktemp("broadcast"))


@pytest.fixture(scope="module", params=PROFILES)
def copied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, WatchedVideo]:
    folder, name = tmp_path_factory.mktemp(request.param), request.param
    if name == "transport":
        source = request.getfixturevalue("broadcast")
    else:
        suffix, profile = {"uneven": ("mp4", "high"), "main": ("mkv", "main"), "baseline": ("flv", "baseline")}[name]
        source = uneven(folder, profile=profile, suffix=suffix)
    return name, source, encode(source, folder)


def pictures(path: Path) -> list[bytes]:
    return [bytes(frame.planes[0]) for frame in frames(path)]


@pytest.mark.ffmpeg
def test_the_top_has_the_sources_own_pictures(copied: tuple[str, Path, WatchedVideo]) -> None:
    _, source, clip = copied
    assert clip.plan.obstacle == ""
    assert pictures(clip.joined(TOP)) == pictures(source)


@pytest.mark.ffmpeg
def test_the_video_breaks_no_rule(copied: tuple[str, Path, WatchedVideo]) -> None:
    name, _, clip = copied
    assert_plays(clip)
    assert f'CODECS="avc1.{PROFILES[name]:02x}' in (clip.folder / names.MASTER).read_text()


@pytest.mark.ffmpeg
def test_segments_and_i_frames_are_where_the_source_has_idr_pictures(copied: tuple[str, Path, WatchedVideo]) -> None:
    name, _, clip = copied
    grid = clip.plan.timeline
    begins_s = (0, 5, 10) if name == "transport" else UNEVEN_S
    assert [segment.first_frame / RATE for segment in grid.segments] == list(begins_s)
    assert grid.target_duration_s == (5 if name == "transport" else 8)
    told = (clip.folder / TOP / names.IFRAMES).read_text().splitlines()
    lasting_s = [float(line.split(":")[1].rstrip(",")) for line in told if line.startswith("#EXTINF")]
    assert lasting_s == [later - earlier for earlier, later in pairwise([*begins_s, LASTS_S])]
    encoded = (clip.folder / "480p" / names.IFRAMES).read_text().splitlines()
    assert max(float(line.split(":")[1].rstrip(",")) for line in encoded if line.startswith("#EXTINF")) == 2


@pytest.mark.ffmpeg
def test_pictures_and_sound_are_regular_and_alike(copied: tuple[str, Path, WatchedVideo]) -> None:
    _, _, clip = copied
    for name in ("480p", TOP):
        whole = clip.joined(name)
        assert steps(timestamps(whole, "video")) == {TICKS // RATE}
        assert steps(timestamps(whole, "audio")) == {1920}
        assert numbers(whole) == list(range(LASTS_S * RATE))
        for at_s, beep_s in enumerate(beep_times(whole)):
            assert abs(beep_s - 10 - at_s) <= 0.04
    for path in clip.segments(TOP):
        assert complaints(path) == ""


@pytest.mark.ffmpeg
def test_no_unit_of_a_stream_with_delimiters_is_there_twice(copied: tuple[str, Path, WatchedVideo]) -> None:
    name, _, clip = copied
    for path in clip.segments(TOP):
        data = path.read_bytes()
        pid = tables(data).video_pid
        kinds = [[unit[0] & 0x1F for unit in nal_units(payload(data, picture, pid))] for picture in units(data, pid)]
        assert kinds[0][:3] == [9, 7, 8]
        assert all(found[0] == 9 and found.count(9) == 1 and 6 not in found for found in kinds), name


@pytest.mark.ffmpeg
def test_the_clock_of_the_broadcast_begins_anew(broadcast: Path) -> None:
    data = broadcast.read_bytes()
    shown = [unit.pts for unit in units(data, tables(data).video_pid)]
    assert shown[0] > shown[-1]


@pytest.mark.ffmpeg
def test_complaints_about_pictures_before_a_chunk_are_no_obstacle(
    broadcast: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A seek leads into the middle of a group, whose pictures refer to some that were not read."""
    caplog.set_level("INFO")
    encode_one(make_plan(probe(broadcast, limits=LIMITS)), 2, broadcast, tmp_path)
    assert "chunk 2 is copied in spite of [h264 @" in caplog.text


@pytest.mark.ffmpeg
def test_a_broadcast_that_begins_in_the_middle_of_a_group_is_encoded(broadcast: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.ts"
    data = broadcast.read_bytes()
    cut.write_bytes(data[len(data) // 20 // 188 * 188 :])
    assert make_plan(probe(cut, limits=LIMITS)).obstacle


@pytest.mark.ffmpeg
def test_a_broadcast_with_lost_packets_is_encoded(broadcast: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.ts"
    data = broadcast.read_bytes()
    shown = units(data, tables(data).video_pid)
    lost = shown[len(shown) // 2].offset
    damaged.write_bytes(data[:lost] + data[lost + 5 * 188 :])
    assert make_plan(probe(damaged, limits=LIMITS)).obstacle == Obstacle.PACKETS


@pytest.mark.ffmpeg
@pytest.mark.parametrize("seed", [0, 2])  # the decoder complains of one of them
def test_what_flipped_bits_spoil_in_a_broadcast_is_never_copied(broadcast: Path, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    data = bytearray(broadcast.read_bytes())
    inner = [at for at in range(0, len(data) // 3, 188) if not data[at + 1] & 0x40]  # the others have the times
    for _ in range(3):
        data[dice.choice(inner) + dice.randrange(4, 188)] ^= 1 << dice.randrange(8)
    damaged = tmp_path / "damaged.ts"
    damaged.write_bytes(data)
    plan = make_plan(probe(damaged, limits=LIMITS))
    if not plan.is_copying:
        return
    try:
        for index in range(2):
            encode_one(plan, index, damaged, tmp_path)
    except CannotCopy:
        return
    segments = sorted((tmp_path / TOP).glob("*.ts"))
    assert len(segments) == 2
    assert [complaints(path) for path in segments] == ["", ""]


SPS = sps(1280, 720)
KEY = annex_b(SPS, PARAMETERS, b"\x65a")


@pytest.mark.parametrize(
    ("second", "obstacle"),
    [
        (KEY, None),
        (annex_b(b"\x09\xf0", SPS, PARAMETERS, b"\x06a", b"\x65a", b"\x65b"), None),
        (annex_b(b"\x65a"), Obstacle.SETS),
        (annex_b(SPS, b"\x65a"), Obstacle.SETS),
        (annex_b(sps(1280, 720, level=40), PARAMETERS, b"\x65a"), Obstacle.SETS),
        (annex_b(SPS, PARAMETERS, PARAMETERS + b"\x01", b"\x65a"), Obstacle.SETS),
        (annex_b(SPS, PARAMETERS, b"\x41a"), Obstacle.OPEN),
        (b"", Obstacle.SETS),
    ],
)
def test_a_byte_stream_has_the_same_parameter_sets_before_each_idr_picture(
    second: bytes, obstacle: Obstacle | None
) -> None:
    log = PacketLog(annex_b(SPS, PARAMETERS))
    log.note(0, 100, KEY)
    log.note(1, 100, second)
    assert log.obstacle == obstacle


@pytest.mark.parametrize("extradata", [b"", b"\0\0\0\1\x41a", b"\1", b"abcdefghijk"])
def test_a_track_without_parameter_sets_is_encoded(extradata: bytes) -> None:
    assert PacketLog(extradata).obstacle == Obstacle.SETS
