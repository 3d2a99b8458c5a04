"""Recordings joined one after the other, whose clocks start anew: all of them are played."""

from pathlib import Path

import pytest

from hls.core.errors import Code, TranscodeError
from hls.core.probe import probe
from hls.tests.clips import Look, make, remux, sound
from hls.tests.watching import LIMITS, WatchedVideo, assert_plays, beep_times, encode, numbers, steps, timestamps

pytestmark = pytest.mark.ffmpeg

RATE = 25
LASTS_S = 5  # each recording
FRAMES = LASTS_S * RATE
LOOK = Look(width=160, height=120, rate=str(RATE), duration_s=LASTS_S)
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2")
MP2 = ("-c:a", "mp2")


VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "40")
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-pix_fmt", "yuv420p")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=50", "-pix_fmt", "yuv420p")


AV1 = ("-c:v", "libsvtav1", "-preset", "12", "-crf", "20", "-g", "50", "-pix_fmt", "yuv420p")
VVC = ("-c:v", "libvvenc", "-preset", "faster", "-pix_fmt", "yuv420p10le")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "3", "-bf", "2")


def recording(folder: Path, suffix: str) -> Path:
    if suffix == "ts":
        return make(folder / "one.ts", look=LOOK)
    if suffix == "webm":  # as it is recorded from a stream, of unknown length
        return make(folder / "one.webm", look=LOOK, video=VP8, audio=("-c:a", "libopus"), after=("-live", "1"))
    return make(folder / f"one.{suffix}", look=LOOK, video=MPEG2, audio=MP2)


def joined(target: Path, *parts: Path) -> Path:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def assert_plays_through(clip: WatchedVideo, recordings: int) -> None:
    """Every picture once and in order, and the beeps with the pictures that they belong to."""
    whole = clip.joined("480p")
    assert numbers(whole) == list(range(FRAMES)) * recordings
    assert steps(timestamps(whole, "video")) == {90_000 // RATE}
    beeps = [at_s - 10 for at_s in beep_times(whole)]
    assert len(beeps) == LASTS_S * recordings
    assert all(abs(at_s - second) < 0.04 for second, at_s in enumerate(beeps)), beeps
    assert_plays(clip)


@pytest.mark.parametrize("suffix", ["ts", "mpg", "vob", "webm"])
def test_the_same_recording_three_times(tmp_path: Path, suffix: str) -> None:
    one = recording(tmp_path, suffix)
    clip = encode(joined(tmp_path / f"joined.{suffix}", one, one, one), tmp_path)
    assert len(clip.plan.timeline.chunks) == 4
    assert_plays_through(clip, 3)


@pytest.mark.parametrize("video", [H264, HEVC], ids=["h264", "hevc"])
def test_a_recording_that_tells_its_length_twice(tmp_path: Path, video: tuple[str, ...]) -> None:
    """Matroska has no decoding times, and the key pictures are in the middle of its clusters."""
    one = make(tmp_path / "one.mkv", look=LOOK, video=video)
    clip = encode(joined(tmp_path / "joined.mkv", one, one), tmp_path)
    assert len(clip.plan.timeline.chunks) == 3
    assert_plays_through(clip, 2)


def test_pictures_that_libav_can_decode_but_not_encode(tmp_path: Path) -> None:
    one = make(tmp_path / "one.mkv", look=LOOK, video=AV1)
    clip = encode(joined(tmp_path / "joined.mkv", one, one), tmp_path)
    assert_plays_through(clip, 2)


def test_all_streams_of_a_chained_ogg_are_seen_and_heard(tmp_path: Path) -> None:
    theora = ("-c:v", "libtheora", "-q:v", "7")
    one = make(tmp_path / "one.ogv", look=LOOK, video=theora, audio=("-c:a", "libvorbis"))
    whole = encode(joined(tmp_path / "joined.ogv", one, one), tmp_path).joined("480p")
    shown = numbers(whole)
    assert list(dict.fromkeys(shown)) == list(range(FRAMES))
    begin = len(shown) - FRAMES  # the headers of a further stream look like pictures
    assert shown[begin:] == list(range(FRAMES))
    beeps = [at_s - 10 for at_s in beep_times(whole)]
    seconds = [*range(LASTS_S), *(begin / RATE + second for second in range(LASTS_S))]
    assert len(beeps) == 2 * LASTS_S
    assert all(abs(at_s - second) < 0.04 for second, at_s in zip(seconds, beeps, strict=True)), beeps


@pytest.mark.parametrize("video", [MPEG4, MPEG2], ids=["mpeg4", "mpeg2"])
def test_the_first_picture_of_a_recording_belongs_to_it(tmp_path: Path, video: tuple[str, ...]) -> None:
    """libav guesses that it is decoded as if it followed on the recording before."""
    one = make(tmp_path / "one.mkv", look=LOOK, video=video)
    clip = encode(joined(tmp_path / "joined.mkv", one, one), tmp_path)
    assert_plays_through(clip, 2)


def test_few_pictures_a_second_that_are_stored_long_before_others_are_one_recording(tmp_path: Path) -> None:
    deep = (
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-bf",
        "16",
        "-b_strategy",
        "0",
        "-g",
        "40",
        "-pix_fmt",
        "yuv420p",
    )
    source = make(tmp_path / "one.mkv", look=Look(160, 120, "1", 60), video=deep, audio=None)
    found = probe(source, limits=LIMITS)
    assert (found.joins, found.video.frame_count) == ((), 60)


@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_recordings_that_cannot_be_put_on_one_clock_are_refused_before_any_work(tmp_path: Path, suffix: str) -> None:
    one = make(tmp_path / f"one.{suffix}", look=Look(160, 120, duration_s=3), video=VVC)
    with pytest.raises(TranscodeError) as caught:
        probe(joined(tmp_path / f"joined.{suffix}", one, one), limits=LIMITS)
    assert caught.value.code == Code.UNSUPPORTED


def test_a_recording_of_fragments_twice(tmp_path: Path) -> None:
    """The second one's clock begins anew, unlike that of edits in one MP4. libav hides its first pictures."""
    fragments = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")
    one = make(tmp_path / "one.mp4", look=LOOK, video=H264, after=fragments)
    clip = encode(joined(tmp_path / "joined.mp4", one, one), tmp_path)
    whole = numbers(clip.joined("480p"))
    half = FRAMES // 2
    assert (whole[:half], whole[-half:]) == (list(range(half)), list(range(FRAMES - half, FRAMES)))
    assert len(whole) > FRAMES + half
    assert_plays(clip)


SOUNDS = {
    "pcm_dvd": ("vob", "stereo", ()),
    "pcm_bluray": ("m2ts", "5.1(side)", ()),
    "s302m": ("ts", "stereo", ("-strict", "-2")),
    "truehd": ("ts", "5.1(side)", ("-strict", "-2")),
}


@pytest.mark.parametrize("codec", SOUNDS)
def test_sound_that_cannot_be_relayed_as_it_is(tmp_path: Path, codec: str) -> None:
    suffix, layout, options = SOUNDS[codec]
    one = make(
        tmp_path / f"one.{suffix}",
        look=LOOK,
        video=MPEG2,
        audio=("-c:a", codec, *options),
        audio_source=sound(LASTS_S, layout=layout),
    )
    clip = encode(joined(tmp_path / f"joined.{suffix}", one, one, one), tmp_path)
    assert clip.plan.source.audio
    assert clip.plan.source.audio.codec == codec
    assert_plays_through(clip, 3)


def test_sound_of_a_computer_that_cannot_be_relayed_as_it_is(tmp_path: Path) -> None:
    one = make(tmp_path / "one.mkv", look=LOOK, video=H264, audio=("-c:a", "alac"))
    assert_plays_through(encode(joined(tmp_path / "joined.mkv", one, one), tmp_path), 2)


def test_sound_of_a_dvd_that_has_more_channels_in_another_recording(tmp_path: Path) -> None:
    parts = [
        make(
            tmp_path / f"{number}.vob",
            look=LOOK,
            video=MPEG2,
            audio=("-c:a", "pcm_dvd"),
            audio_source=sound(LASTS_S, layout=layout),
        )
        for number, layout in enumerate(("stereo", "5.1"))
    ]
    clip = encode(joined(tmp_path / "joined.vob", *parts), tmp_path)
    assert_plays_through(clip, 2)


@pytest.mark.parametrize("offset_s", ["3000", "30"])
@pytest.mark.parametrize("is_later_first", [True, False])
def test_recordings_of_different_times(tmp_path: Path, offset_s: str, is_later_first: bool) -> None:
    """The clock jumps ahead, or back to before the first recording (which may look like a wrap-around)."""
    early = recording(tmp_path, "ts")
    late = remux(early, tmp_path / "late.ts", after=("-output_ts_offset", offset_s))
    clip = encode(joined(tmp_path / "joined.ts", *((late, early) if is_later_first else (early, late))), tmp_path)
    assert_plays_through(clip, 2)
