"""Sound goes on when its channels or its sample rate change within a recording, as in TV programmes."""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest

from hls.tests.clips import BEEP_HZ, Look, make, recorded, remux
from hls.tests.watching import WatchedVideo, assert_plays, beep_times, encode, levels, numbers, steps, timestamps

pytestmark = pytest.mark.ffmpeg

RATE = 10
SYNC_S = 0.04
LEVEL = 0.5


@dataclass(frozen=True)
class Part:
    layout: str
    duration_s: int
    codec: str = "mp2"
    sample_rate: int = 48_000
    picture_s: float | None = None

    @property
    def sound(self) -> str:
        """Beeps of one level in the only channel, or in the first two."""
        beep = f"if(lt(mod(t,1),0.1),{LEVEL}*sin({BEEP_HZ}*2*PI*t),0)"
        channels = {"mono": [beep], "stereo": [beep] * 2, "5.1": [beep, beep, "0", "0", "0", "0"]}[self.layout]
        exprs = "|".join(channels)
        return f"aevalsrc=exprs='{exprs}':c={self.layout}:s={self.sample_rate}:d={self.duration_s}"


def recording(folder: Path, *parts: Part) -> Path:
    """Join parts to one transport stream, whose clock goes on from each part to the next."""
    clip, begin_s = folder / "video.ts", 0
    for number, part in enumerate(parts):
        look = Look(160, 120, str(RATE), part.picture_s or part.duration_s)
        audio = ("-c:a", part.codec, "-b:a", "192k")
        made = make(folder / f"{number}.ts", look=look, audio=audio, audio_source=part.sound)
        later = remux(made, folder / f"later-{number}.ts", after=("-output_ts_offset", str(begin_s)))
        with clip.open("ab") as joined:
            joined.write(later.read_bytes())
        begin_s += part.duration_s
    return clip


def assert_heard(clip: WatchedVideo, duration_s: int) -> None:
    """There is a beep of the same level at each full second, and no gap."""
    whole = clip.joined("480p")
    beeps = [at_s - 10 for at_s in beep_times(whole)]
    assert len(beeps) == duration_s
    assert all(abs(at_s - second) < SYNC_S for second, at_s in enumerate(beeps)), beeps
    assert steps(timestamps(whole, "audio")) == {1920}
    loudest: dict[int, float] = {}
    for at_s, level in levels(whole):
        loudest[int(at_s - 10)] = max(level, loudest.get(int(at_s - 10), 0))
    assert all(0.8 * LEVEL < loudest[second] < 1.25 * LEVEL for second in range(duration_s)), loudest


CASES = {
    "mono, stereo": (Part("mono", 5), Part("stereo", 4)),
    "stereo, mono for a chunk": (Part("stereo", 11), Part("mono", 4)),
    "Dolby 2.0, 5.1, 2.0": (Part("stereo", 4, "ac3"), Part("5.1", 4, "ac3"), Part("stereo", 2, "ac3")),
    "AAC mono, stereo, 5.1": (Part("mono", 3, "aac"), Part("stereo", 3, "aac"), Part("5.1", 3, "aac")),
    "a single second": (Part("stereo", 7), Part("mono", 1), Part("stereo", 2)),
    "another rate": (Part("stereo", 7), Part("stereo", 7, sample_rate=44_100)),
}


@pytest.mark.parametrize("parts", CASES.values(), ids=CASES.keys())
def test_sound_goes_on_when_its_kind_changes(tmp_path: Path, parts: tuple[Part, ...]) -> None:
    clip = encode(recording(tmp_path, *parts), tmp_path)
    assert_plays(clip)
    assert numbers(clip.joined("480p")) == [n for part in parts for n in range(part.duration_s * RATE)]
    assert_heard(clip, sum(part.duration_s for part in parts))
    assert not list(tmp_path.rglob("*.nut"))


def test_sound_may_change_while_the_last_picture_stays(tmp_path: Path) -> None:
    clip = encode(recording(tmp_path, Part("mono", 7), Part("stereo", 9, picture_s=1.0)), tmp_path)
    assert_plays(clip)
    assert numbers(clip.joined("480p")) == [*range(70), *range(10), *[9] * 80]
    assert_heard(clip, 16)


def test_a_stream_whose_sender_begins_anew_goes_on(tmp_path: Path) -> None:
    """Flash describes pictures and sound once, apart from them; a seek leads past what describes them anew."""
    looks = (("-preset", "ultrafast"), ("-preset", "veryfast", "-bf", "0"))
    parts = (Part("stereo", 5, "aac", 44_100), Part("mono", 8, "aac"))
    clips = [
        make(
            tmp_path / f"{part.layout}.flv",
            look=Look(160, 120, str(RATE), part.duration_s),
            video=("-c:v", "libx264", "-g", "20", "-pix_fmt", "yuv420p", *look),
            audio=("-c:a", "aac", "-b:a", "192k"),
            audio_source=part.sound,
            after=("-output_ts_offset", str(begin_s)),
        )
        for part, look, begin_s in zip(parts, looks, (0, 5), strict=True)
    ]
    clip = encode(recorded(tmp_path / "video.flv", *clips), tmp_path)
    assert_plays(clip)
    assert [number for number, _ in groupby(numbers(clip.joined("480p")))] == [*range(50), *range(80)]
    assert clip.plan.muxed
    assert clip.plan.muxed.is_changing
    beeps = [at_s - 10 for at_s in beep_times(clip.joined("480p"))]
    assert [round(at_s) for at_s in beeps] == list(range(13))
    assert all(abs(at_s - round(at_s)) < SYNC_S for at_s in beeps), beeps


def test_a_part_without_any_sound_is_silent(tmp_path: Path) -> None:
    """ffmpeg finds no packet from which it could tell the sound's format."""
    clip = recording(tmp_path, Part("stereo", 6), Part("mono", 6))
    mute = make(tmp_path / "mute.ts", look=Look(160, 120, str(RATE), 14), audio=None)
    later = remux(mute, tmp_path / "later.ts", after=("-output_ts_offset", "12"))
    clip.write_bytes(clip.read_bytes() + later.read_bytes())
    made = encode(clip, tmp_path)
    assert len(made.plan.timeline.chunks) == 5
    assert_plays(made)
    assert_heard(made, 12)
