"""Sound is as loud as in the source, whatever its channels are called."""

from math import log10
from pathlib import Path

import av
import pytest
from av.audio.resampler import AudioResampler

from hls.tests.clips import Look, make
from hls.tests.watching import encode

pytestmark = pytest.mark.ffmpeg

TONE = "0.5*sin(700*2*PI*t)"
HALF_DB = -6.02
SILENT_DB = -90


def peaks_db(path: Path) -> list[float]:
    """The peak of each channel in dB of full scale, without the first and last half second."""
    resampler, peaks, begin_s = AudioResampler(format="fltp"), dict[int, float](), None
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                assert part.time is not None
                begin_s = part.time if begin_s is None else begin_s
                if 0.5 < part.time - begin_s < 1.5:
                    for channel, plane in enumerate(part.planes):
                        samples = memoryview(bytes(plane)[: part.samples * 4]).cast("f")
                        peaks[channel] = max(peaks.get(channel, 0), *map(abs, samples))
    return [20 * log10(peak + 1e-6) for peak in peaks.values()]


PCM = ("-c:a", "pcm_s16le")


def clip(
    folder: Path, layout: str, *gains: float, name: str = "video.mov", audio: tuple[str, ...] = PCM
) -> list[float]:
    """The peaks of a result whose source has a tone of this gain in each channel."""
    channels = "|".join(f"c{number}={gain}*c0" for number, gain in enumerate(gains))
    source = make(
        folder / name,
        look=Look(width=160, height=120, duration_s=2),
        audio=audio,
        audio_source=f"aevalsrc=exprs='{TONE}':s=48000:d=2,aformat=channel_layouts=mono,pan={layout}|{channels}",
    )
    return peaks_db(encode(source, folder).joined("480p"))


@pytest.mark.parametrize("layout", ["mono", "FL", "BC", "LFE"])
def test_one_channel_keeps_its_level_in_both(tmp_path: Path, layout: str) -> None:
    assert clip(tmp_path, layout, 1) == pytest.approx([HALF_DB, HALF_DB], abs=0.1)


def test_one_channel_with_a_bass_keeps_its_level(tmp_path: Path) -> None:
    assert clip(tmp_path, "FC+LFE", 1, 0) == pytest.approx([HALF_DB, HALF_DB], abs=0.1)


@pytest.mark.parametrize("layout", ["stereo", "downmix", "FL+FC", "BL+BR"])
def test_two_channels_stay_two_whatever_they_are_called(tmp_path: Path, layout: str) -> None:
    left, right = clip(tmp_path, layout, 1, 0)
    assert left == pytest.approx(HALF_DB, abs=0.1)
    assert right < SILENT_DB + 20


def test_more_channels_are_mixed_as_ever(tmp_path: Path) -> None:
    """FFmpeg's default: the centre is 3 dB quieter in both channels, and the bass is left out."""
    assert clip(tmp_path, "5.1", 0, 0, 1, 1, 0, 0) == pytest.approx([HALF_DB - 3.01] * 2, abs=0.1)


def test_sound_all_around_is_heard_from_its_side(tmp_path: Path) -> None:
    """First-order ambisonics: one channel has everything, the next one left minus right."""
    ambisonic = ("-c:a", "libopus", "-mapping_family", "2")
    left, right = clip(tmp_path, "ambisonic 1", 0.5, 0.5, 0, 0, name="video.mkv", audio=ambisonic)
    assert left - right == pytest.approx(9.54, abs=0.3)
