"""Encoding a chunk: the files it makes, how it reports progress, and every way it can fail."""

import os
import shutil
import stat
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import pytest

from hls.core import names
from hls.core.chunk import ChunkFacts
from hls.core.demo import make_demo
from hls.core.encoding.command import Encoder, chunk_command
from hls.core.encoding.encode import encode_chunk
from hls.core.encoding.measure import measured
from hls.core.encoding.poster_frames import extract_frame, moment_of_tile
from hls.core.errors import ADVICE, Code, EncoderKilled, Stopped, TranscodeError
from hls.core.formats import transport
from hls.core.formats.sps import nal_units, sequence_parameters
from hls.core.plan import Plan, make_plan
from hls.core.probe import probe
from hls.tests.clips import Look, make
from hls.tests.factories import evenly_planned
from hls.tests.test_core_plan import clip as planned_video
from hls.tests.watching import (
    ENCODER,
    LIMITS,
    WatchedVideo,
    assert_plays,
    encode,
    encode_one,
    frames,
    number,
    numbers,
)

pytestmark = pytest.mark.ffmpeg

RATE = 10
LOOK = Look(width=320, height=240, rate=str(RATE), duration_s=13)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("source") / "video.mp4", look=LOOK)


@pytest.fixture(scope="module")
def plan(source: Path) -> Plan:
    return evenly_planned(probe(source, limits=LIMITS))


@pytest.fixture(scope="module")
def clip(source: Path, tmp_path_factory: pytest.TempPathFactory) -> WatchedVideo:
    return encode(source, tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def first(plan: Plan, source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ChunkFacts, Path]:
    """The first chunk, and the folder with its files."""
    folder = tmp_path_factory.mktemp("first")
    return attempt(plan, source, folder), folder


def attempt(
    plan: Plan,
    source: Path,
    folder: Path,
    *,
    encoder: Encoder = ENCODER,
    progress: list[int] | None = None,
    stop_at: int | None = None,
) -> ChunkFacts:
    seen = [] if progress is None else progress
    return encode_chunk(
        plan,
        0,
        source=source,
        folder=folder,
        encoder=encoder,
        on_progress=seen.append,
        should_stop=lambda: stop_at is not None and bool(seen) and seen[-1] >= stop_at,
    )


def wrapped(folder: Path, script: str) -> Encoder:
    """An ffmpeg that runs `script` first."""
    program = folder / "ffmpeg-wrapped"
    program.write_text(f'#!/bin/sh\ncase "$*" in *filter=zscale*) exec {ENCODER.ffmpeg} "$@";; esac\n{script}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return replace(ENCODER, ffmpeg=program)


def test_chunk_leaves_its_files_and_nothing_else(plan: Plan, source: Path, tmp_path: Path) -> None:
    facts = encode_one(plan, 1, source, tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == {
        "480p/segment_002.ts",
        *facts.tiles,
    }
    segment = facts.renditions[0].segments[0]
    assert (segment.number, segment.frame_count) == (2, RATE)
    assert segment.size_bytes == (tmp_path / "480p/segment_002.ts").stat().st_size


def test_codecs_are_those_of_the_stream(first: tuple[ChunkFacts, Path]) -> None:
    """RFC 6381: profile, constraints and level of the real SPS."""
    facts, folder = first
    with av.open(str(folder / "480p/segment_000.ts")) as container:
        extradata = next(iter(container.demux(video=0)))
        unit = next(unit for unit in nal_units(bytes(extradata)) if unit[0] & 0x1F == 7)
    assert facts.renditions[0].codecs == f"avc1.{unit[1:4].hex()},mp4a.40.2"
    assert sequence_parameters(unit).width == 320


def test_iframe_ranges_play_behind_their_segments_tables(first: tuple[ChunkFacts, Path], tmp_path: Path) -> None:
    """RFC 8216 4.3.3.6: a player reads the bytes before a segment's first I-frame once, and then the range."""
    facts, folder = first
    shown = []
    for segment in facts.renditions[0].segments:
        data = (folder / "480p" / names.segment_name(segment.number)).read_bytes()
        for iframe in segment.iframes:
            alone = tmp_path / "alone.ts"
            alone.write_bytes(data[: segment.iframes[0].offset] + data[iframe.offset : iframe.offset + iframe.size])
            shown += numbers(alone)
    assert shown == [0, 20, 40, 60, 80, 100]


def test_tiles_show_the_frames_they_stand_for(plan: Plan, clip: WatchedVideo) -> None:
    assert sum(len(chunk.tiles) for chunk in clip.chunks) == plan.tile_count
    for index, tile in enumerate(tile for chunk in clip.chunks for tile in chunk.tiles):
        (picture,) = frames(clip.folder / tile)
        assert number(picture) == index * plan.frames_per_tile
        assert (picture.width, picture.height) == (plan.tile_width, plan.tile_height) == (240, 180)


def test_poster_candidate_is_the_tiles_frame_in_full_size(clip: WatchedVideo, tmp_path: Path) -> None:
    moment = moment_of_tile(clip.plan, 7)
    target = tmp_path / "%03d poster.jpg"
    segment = clip.folder / "480p" / names.segment_name(moment.segment)
    extract_frame(segment, target, at_s=moment.at_s, width=300, encoder=ENCODER)
    (picture,) = frames_of_picture(target)
    assert number(picture) == 7 * clip.plan.frames_per_tile
    assert (picture.width, picture.height) == (300, 226)


def frames_of_picture(path: Path) -> list[av.VideoFrame]:
    """Reads it as a picture, whatever its name looks like."""
    copy = path.with_name("picture.jpg")
    copy.write_bytes(path.read_bytes())
    return list(frames(copy))


def test_poster_of_nothing_is_refused(clip: WatchedVideo, tmp_path: Path) -> None:
    with pytest.raises(TranscodeError) as caught:
        extract_frame(tmp_path / "gone.ts", tmp_path / "x.jpg", at_s=0, width=100, encoder=ENCODER)
    assert caught.value.code == Code.SOURCE_MISSING
    segment = clip.segments("480p")[-1]
    with pytest.raises(TranscodeError) as caught:
        extract_frame(segment, tmp_path / "x.jpg", at_s=60, width=100, encoder=ENCODER)
    assert caught.value.code == Code.ENCODER_FAILED


def test_a_slow_disk_does_not_silence_a_chunk(
    plan: Plan, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress is reported between two files that are synced: otherwise the lease might end."""
    progress: list[int] = []
    told: list[int] = []

    def slow(descriptor: int) -> None:
        told.append(len(progress))

    monkeypatch.setattr(os, "fsync", slow)
    attempt(plan, source, tmp_path, progress=progress)
    assert len(told) > 5
    assert all(later > earlier for earlier, later in pairwise(told))


def test_progress_is_told_often_and_never_falls(plan: Plan, source: Path, tmp_path: Path) -> None:
    progress: list[int] = []
    slow = wrapped(tmp_path, f'exec {ENCODER.ffmpeg} -readrate 4 "$@"')
    (tmp_path / "chunk").mkdir()
    started = time.monotonic()
    attempt(plan, source, tmp_path / "chunk", encoder=slow, progress=progress)
    lasted_s = time.monotonic() - started
    assert progress == sorted(progress)
    assert len(progress) >= lasted_s / 2
    assert 0 < progress[-1] <= 12 * RATE


def test_chunk_is_stopped_when_asked(plan: Plan, source: Path, tmp_path: Path) -> None:
    slow = wrapped(tmp_path, f'exec {ENCODER.ffmpeg} -re "$@"')
    (tmp_path / "chunk").mkdir()
    started = time.monotonic()
    with pytest.raises(Stopped):
        attempt(plan, source, tmp_path / "chunk", encoder=slow, stop_at=0)
    assert time.monotonic() - started < 6


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exec sleep 60", Code.TIMEOUT),
        ("exit 1", Code.ENCODER_FAILED),
        ("exit 0", Code.UNREADABLE),
        (f'ln -s /dev/full 480p/segment_000.ts; exec {ENCODER.ffmpeg} -y "$@"', Code.DISK_FULL),
        (f'{ENCODER.ffmpeg} "$@"; rm 480p/segment_001.ts', Code.ENCODER_FAILED),
        (f'{ENCODER.ffmpeg} "$@"; truncate -s -188000 480p/segment_001.ts', Code.ENCODER_FAILED),
        (f'{ENCODER.ffmpeg} "$@"; truncate -s -1 480p/segment_001.ts', Code.ENCODER_FAILED),
        (f'{ENCODER.ffmpeg} "$@"; cp 480p/segment_000.ts 480p/segment_001.ts', Code.ENCODER_FAILED),
        (f'{ENCODER.ffmpeg} "$@"; echo hello > 480p/segment_001.ts', Code.ENCODER_FAILED),
        (f'{ENCODER.ffmpeg} "$@"; rm tiles/00000.jpg', Code.ENCODER_FAILED),
    ],
)
def test_encoder_that_misbehaves_is_found_out(
    plan: Plan, source: Path, tmp_path: Path, script: str, code: Code
) -> None:
    (tmp_path / "chunk").mkdir()
    encoder = wrapped(tmp_path, script)
    if code == Code.TIMEOUT:  # only the one that stalls: on a busy machine the others may be silent for a second
        encoder = replace(encoder, stall_s=1)
    with pytest.raises(TranscodeError) as caught:
        attempt(plan, source, tmp_path / "chunk", encoder=encoder)
    assert caught.value.code == code, caught.value
    assert caught.value.advice == ADVICE[code]


def test_encoder_killed_by_somebody_else_says_nothing_about_the_video(plan: Plan, source: Path, tmp_path: Path) -> None:
    (tmp_path / "chunk").mkdir()
    with pytest.raises(EncoderKilled):
        attempt(plan, source, tmp_path / "chunk", encoder=wrapped(tmp_path, "kill -9 $$"))


def test_encoder_with_too_little_memory_fails(plan: Plan, source: Path, tmp_path: Path) -> None:
    with pytest.raises(TranscodeError) as caught:
        attempt(plan, source, tmp_path, encoder=replace(ENCODER, memory_bytes=120_000_000))
    assert caught.value.code == Code.ENCODER_FAILED


@pytest.mark.parametrize("until", [0.9, 1.0])
def test_damage_over_whole_chunks_leaves_the_rest_of_the_video(tmp_path: Path, until: float) -> None:
    """The index at the file's beginning lists frames that are overwritten with zeros."""
    h264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-pix_fmt", "yuv420p")
    look = Look(width=160, height=120, rate="10", duration_s=48)
    source = make(tmp_path / "video.mp4", look=look, video=h264, after=("-movflags", "+faststart"))
    data = bytearray(source.read_bytes())
    begin, end = len(data) * 4 // 10, int(len(data) * until)
    data[begin:end] = bytes(end - begin)
    source.write_bytes(data)
    clip = encode(source, tmp_path)
    assert_plays(clip)
    shown = numbers(clip.joined("480p"))
    assert len(shown) == clip.plan.timeline.frame_count == 480
    assert shown[:120] == list(range(120))
    assert (shown[-1] == 479) == (until < 1)


def test_source_that_is_gone_or_another_is_missed(plan: Plan, source: Path, tmp_path: Path) -> None:
    with pytest.raises(TranscodeError) as caught:
        attempt(plan, tmp_path / "gone.mp4", tmp_path)
    assert caught.value.code == Code.SOURCE_MISSING
    other = tmp_path / "other.mp4"
    other.write_bytes(source.read_bytes() + b"x")
    with pytest.raises(TranscodeError) as caught:
        attempt(plan, other, tmp_path)
    assert caught.value.code == Code.SOURCE_MISSING


def test_chunk_of_another_plan_is_not_taken_for_this_ones(
    plan: Plan, first: tuple[ChunkFacts, Path], tmp_path: Path
) -> None:
    """Sizes, frame counts and file names are compared with the plan."""
    folder = shutil.copytree(first[1], tmp_path / "chunk")
    wider = replace(plan.renditions[0], width=322)
    for other in (
        replace(plan, renditions=(wider,)),
        replace(plan, timeline=replace(plan.timeline, rate=plan.timeline.rate * 2)),
        replace(plan, timeline=replace(plan.timeline, gop=RATE)),
    ):
        with pytest.raises(TranscodeError) as caught:
            measured(other, 0, folder)
        assert caught.value.code == Code.ENCODER_FAILED


def test_same_chunk_twice_is_the_same_chunk(plan: Plan, source: Path, tmp_path: Path) -> None:
    """A chunk that is encoded again after a crash fits in the place of the first one."""
    folders = [tmp_path / "one", tmp_path / "two"]
    encoder = replace(ENCODER, threads=1)
    for folder in folders:
        folder.mkdir()
    assert attempt(plan, source, folders[0], encoder=encoder) == attempt(plan, source, folders[1], encoder=encoder)


def test_command_forces_the_probed_demuxer_and_one_file(plan: Plan) -> None:
    command = chunk_command(plan, 1, source=Path("/videos/-i x.mp4"), encoder=ENCODER, has_zscale=True)
    before_input = command[: command.index("-i")]
    assert before_input[before_input.index("-protocol_whitelist") + 1] == "file"
    assert before_input[before_input.index("-f") + 1] == "mov"
    assert command[command.index("-i") + 1] == "file:/videos/-i x.mp4"
    assert command.count("-i") == 1


def test_hdr_video_is_mapped_only_where_the_encoder_can(source: Path) -> None:
    plan = make_plan(planned_video(transfer="smpte2084", primaries="bt2020", matrix="bt2020nc"))
    graphs = [
        " ".join(chunk_command(plan, 0, source=source, encoder=ENCODER, has_zscale=has_zscale))
        for has_zscale in (True, False)
    ]
    assert ["tonemap=" in graph for graph in graphs] == [True, False]


def test_tables_stand_at_a_segments_beginning_alone(first: tuple[ChunkFacts, Path]) -> None:
    data = (first[1] / "480p/segment_000.ts").read_bytes()
    found = transport.tables(data)
    pids = [transport.pid(data, packet) for packet in range(0, len(data), transport.PACKET)]
    assert [at for at, pid in enumerate(pids) if pid in (transport.PAT_PID, found.pmt_pid)] == [0, 1]
    assert len(transport.units(data, found.video_pid)) == 6 * RATE


@pytest.mark.parametrize("damage", [b"", b"G" * 187, b"x" * 376, b"G" + bytes(187)])
def test_bytes_that_are_no_transport_stream_are_refused(damage: bytes) -> None:
    with pytest.raises((transport.Malformed, IndexError)):
        transport.tables(damage)


def test_demo_video_is_a_video_and_appears_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "demo video.mp4"
    make_demo(ENCODER.ffmpeg, target)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    found = probe(target, limits=LIMITS)
    assert (found.video.width, found.video.height, found.video.frame_count) == (1920, 1080, 720)
    assert found.audio is not None
    assert found.duration_s == 30
    assert make_plan(found).is_copying, "a first start shows a video soon"


def test_encoder_that_only_burns_cpu_is_ended(plan: Plan, source: Path, tmp_path: Path) -> None:
    busy = tmp_path / "ffmpeg"
    busy.write_text('#!/bin/sh\ncase "$*" in *-progress*) while :; do :; done;; esac\n')
    busy.chmod(0o755)
    (tmp_path / "chunk").mkdir()
    encoder = replace(ENCODER, ffmpeg=busy, cpu_s_at_least=1, cpu_s_per_frame=0)
    with pytest.raises(TranscodeError) as caught:
        attempt(plan, source, tmp_path / "chunk", encoder=encoder)
    assert caught.value.code == Code.TIMEOUT
    assert not isinstance(caught.value, EncoderKilled), "or it would be begun again and again"


def test_demo_video_that_fails_leaves_nothing(tmp_path: Path) -> None:
    broken = shutil.which("false")
    assert broken
    with pytest.raises(TranscodeError):
        make_demo(Path(broken), tmp_path / "demo.mp4")
    assert list(tmp_path.iterdir()) == []
