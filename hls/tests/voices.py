"""Makes videos with several sounds that can be told apart, and checks what is heard of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sin
from pathlib import Path

import av
from av.audio.resampler import AudioResampler

from hls.tests.clips import Look, ffmpeg, picture

HEARD_HZ = 48_000
QUIET, LOUD = 0.1, 0.5
BEEP_AT_S, BEEP_S = 0.5, 0.1  # in each second, so that the beeps are away from where segments and chunks begin
EXACT = 0.002  # between samples on average; a tone of 440 Hz that is one sample late differs by twice as much
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
PCM = ("pcm_s16le",)


@dataclass(frozen=True)
class Voice:
    """A tone of its own pitch from `begin_s` to `end_s` of the video, which is loud for a moment in each second.

    Of several channels, the first two have it.
    """

    hz: int
    end_s: float
    begin_s: float = 0
    layout: str = "stereo"
    sample_rate: int = 48_000
    codec: Sequence[str] = PCM

    @property
    def source(self) -> str:
        """A lavfi source."""
        at = f"(t+{self.begin_s})"
        level = f"if(between(mod({at},1),{BEEP_AT_S},{BEEP_AT_S + BEEP_S}),{LOUD},{QUIET})"
        tone = f"{level}*sin({self.hz}*2*PI*{at})"
        channels = {"mono": [tone], "stereo": [tone] * 2, "5.1": [tone, tone, "0", "0", "0", "0"]}[self.layout]
        lasts_s = self.end_s - self.begin_s
        return f"aevalsrc=exprs='{'|'.join(channels)}':c={self.layout}:s={self.sample_rate}:d={lasts_s}"

    def at(self, sample: int) -> float:
        """What is to be heard at a sample of the video, at 48 kHz."""
        at_s = sample / HEARD_HZ
        if not self.begin_s <= at_s < self.end_s:
            return 0
        level = LOUD if BEEP_AT_S <= at_s % 1 < BEEP_AT_S + BEEP_S else QUIET
        return level * sin(2 * pi * self.hz * at_s)


def record(
    target: Path,
    voices: Sequence[Voice],
    look: Look,
    *,
    shown_s: float = 0,
    video: Sequence[str] = H264,
    after: Sequence[str] = (),
) -> Path:
    """A video of numbered frames, the first of which is shown after `shown_s`, with these sounds."""
    inputs = ["-itsoffset", str(shown_s), "-f", "lavfi", "-i", picture(look)]
    options = [*("-map", "0:v"), *video]
    for number, voice in enumerate(voices):
        inputs += ["-itsoffset", str(voice.begin_s), "-f", "lavfi", "-i", voice.source]
        options += [
            "-map",
            f"{number + 1}:a",
            f"-c:a:{number}",
            *voice.codec,
            f"-metadata:s:a:{number}",
            "language=eng",
        ]
    ffmpeg(*inputs, *options, *after, str(target))
    return target


def samples(path: Path) -> memoryview:
    """The first channel at 48 kHz, from -32,768 to 32,767."""
    resampler = AudioResampler(format="s16", layout="mono", rate=HEARD_HZ)
    with av.open(str(path)) as container:
        parts = [
            bytes(part.planes[0])[: part.samples * 2]
            for frame in container.decode(audio=0)
            for part in resampler.resample(frame)
        ]
    return memoryview(b"".join(parts)).cast("h")


def difference(voice: Voice, heard: memoryview, begin_s: float, end_s: float) -> float:
    """How far samples are from what is to be heard in this part of the video, on average."""
    part = range(round(begin_s * HEARD_HZ), round(end_s * HEARD_HZ))
    return sum(abs(heard[sample] / 32_768 - voice.at(sample)) for sample in part) / len(part)


def loudest(heard: memoryview, begin_s: float, end_s: float) -> float:
    return max(map(abs, heard[round(begin_s * HEARD_HZ) : round(end_s * HEARD_HZ)])) / 32_768


def assert_beeps(voice: Voice, heard: memoryview, seconds: range) -> None:
    """In each of these seconds the beep begins within 40 ms of where it has to."""
    for second in seconds:
        assert loudest(heard, second + BEEP_AT_S - 0.3, second + BEEP_AT_S - 0.04) < 2 * QUIET, (voice, second)
        assert loudest(heard, second + BEEP_AT_S, second + BEEP_AT_S + 0.04) > 0.8 * LOUD, (voice, second)
