"""Sources whose container and whose stream both say how the pictures are turned, or where the views of 3D are."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import pytest
from av.packet import Packet

from hls.core.encoding.abilities import fitted
from hls.core.encoding.command import chunk_command
from hls.core.plan import Plan, make_plan
from hls.core.probe import probe
from hls.tests.clips import Look, make, remux
from hls.tests.factories import evenly_planned, source
from hls.tests.watching import ENCODER, LIMITS, assert_plays, encode, numbers

SMALL = Look(width=320, height=180, duration_s=5)
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
VIEWS = ("-x264-params", "frame-packing=3")
OPEN = ("-x264-params", "frame-packing=3:open-gop=1:keyint=25:bframes=3:b-adapt=0:scenecut=0")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "log-level=error")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-pix_fmt", "yuv420p")
SIDE_BY_SIDE = ("-metadata:s:v", "stereo_mode=left_right")
H264_TURNED = ("-bsf:v", "h264_metadata=display_orientation=insert:rotate=90")
HEVC_TURNED = bytes.fromhex("00000008 4e01 2f 03 080018 80")  # an SEI unit with its length: display orientation, 90°
MPEG2_VIEWS = b"\0\0\1\xb2JP3D\x03\x83\1\1"  # user data: side by side
MPEG2_SLICE = b"\0\0\1\1"


def with_told(made: Path, target: Path, told: bytes, *, before: bytes = b"") -> Path:
    """A copy with these bytes in each key picture, before the first of those that are given, or at its beginning."""
    with av.open(str(made)) as container, av.open(str(target), "w") as written:
        stream = written.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.size:
                data = bytes(packet)
                at = data.index(before) if before else 0
                copy = Packet(data[:at] + told + data[at:] if packet.is_keyframe else data)
                copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
                copy.time_base = packet.time_base
                copy.is_keyframe, copy.stream = packet.is_keyframe, stream
                written.mux(copy)
    return target


def assert_shows_all(made: Path, folder: Path, width: int, height: int) -> None:
    clip = encode(made, folder)
    assert clip.plan.source.video.packet_filter
    assert (clip.plan.renditions[0].width, clip.plan.renditions[0].height) == (width, height)
    assert len(clip.plan.timeline.chunks) > 1
    assert_plays(clip)
    if width > height:
        assert numbers(clip.joined("480p")) == list(range(clip.plan.timeline.frame_count))


@pytest.mark.ffmpeg
@pytest.mark.parametrize("video", [VIEWS, OPEN], ids=["closed groups", "open groups"])
def test_film_in_3d_plays_though_stream_and_container_say_so(tmp_path: Path, video: Sequence[str]) -> None:
    made = make(tmp_path / "video.mkv", look=SMALL, video=(*H264, *video), after=SIDE_BY_SIDE)
    assert_shows_all(made, tmp_path, 320, 180)


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("degrees", "size"), [("90", (180, 320)), ("180", (320, 180))])
def test_container_says_how_a_picture_is_turned_whatever_its_stream_says(
    tmp_path: Path, degrees: str, size: tuple[int, int]
) -> None:
    stored = "hflip,vflip" if degrees == "180" else "null"
    flat = make(tmp_path / "flat.mp4", look=SMALL, filters=stored, video=H264, after=H264_TURNED)
    made = remux(flat, tmp_path / "video.mp4", before=("-display_rotation", degrees))
    assert_shows_all(made, tmp_path, *size)


@pytest.mark.ffmpeg
def test_hevc_that_is_turned_twice_plays(tmp_path: Path) -> None:
    flat = make(tmp_path / "flat.mkv", look=SMALL, video=HEVC)
    told = with_told(flat, tmp_path / "told.mp4", HEVC_TURNED)
    assert_shows_all(remux(told, tmp_path / "video.mp4", before=("-display_rotation", "90")), tmp_path, 180, 320)


@pytest.mark.ffmpeg
def test_mpeg_2_in_3d_plays_though_both_say_so(tmp_path: Path) -> None:
    flat = make(tmp_path / "flat.mkv", look=SMALL, video=MPEG2)
    told = with_told(flat, tmp_path / "told.mkv", MPEG2_VIEWS, before=MPEG2_SLICE)
    assert_shows_all(remux(told, tmp_path / "video.mkv", after=SIDE_BY_SIDE), tmp_path, 320, 180)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("after", [(), SIDE_BY_SIDE], ids=["in neither", "in the container"])
def test_what_is_told_once_is_read_as_it_is(tmp_path: Path, after: Sequence[str]) -> None:
    made = make(tmp_path / "video.mkv", look=Look(duration_s=1), video=H264, after=after)
    assert probe(made, limits=LIMITS).video.packet_filter == ""


def filtered() -> Plan:
    plain = source()
    return evenly_planned(replace(plain, video=replace(plain.video, packet_filter="filter_units=remove_types=6")))


@pytest.mark.ffmpeg
def test_only_an_ffmpeg_that_filters_packets_is_told_to(tmp_path: Path) -> None:
    """Before 7.1 there is no such option, and what is told twice does no harm."""
    older = tmp_path / "older"
    older.write_text(f'#!/bin/sh\ncase "$*" in *-bsf:v*-i*) exit 1;; esac\nexec {ENCODER.ffmpeg} "$@"\n')
    older.chmod(0o755)
    words = [
        chunk_command(fitted(filtered(), ffmpeg), 0, source=Path("/a.mp4"), encoder=ENCODER, has_zscale=True)
        for ffmpeg in (older, ENCODER.ffmpeg)
    ]
    assert ["-bsf:0" in command[: command.index("-i")] for command in words] == [False, True]


def test_no_ffmpeg_is_asked_about_a_usual_film() -> None:
    plan = make_plan(source())
    assert fitted(plan, Path("/nowhere")) is plan
