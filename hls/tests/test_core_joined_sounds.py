"""Recordings with several sounds, joined one after the other: every sound goes on with the pictures."""

from dataclasses import replace
from pathlib import Path

import av
import pytest

from hls.core.encoding.reading import readable
from hls.core.inspection.probing import look
from hls.core.plan import Plan, make_plan
from hls.core.process import Watch
from hls.tests.clips import Look, make, remux
from hls.tests.spoken import H264, Spoken, clip
from hls.tests.watching import LIMITS, beep_times

pytestmark = pytest.mark.ffmpeg

LASTS_S = 8  # each recording
LOOK = Look(width=160, height=120, duration_s=LASTS_S)
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2")
MP2 = ("-c:a", "mp2", "-b:a", "64k")
TWO = (Spoken(LASTS_S), Spoken(LASTS_S - 0.5, after_s=0.5, layout="mono"))  # the second one beeps half a second later


def recording(target: Path, sounds: tuple[Spoken, ...] = TWO) -> Path:
    return clip(target, sounds, look=LOOK, video=H264 if target.suffix == ".ts" else MPEG2, audio=MP2)


def joined(target: Path, *parts: Path) -> Path:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def read(plan: Plan, chunk: int, source: Path, folder: Path) -> tuple[Plan, Path]:
    """What is read for a chunk, kept."""
    watch = Watch(on_line=None, on_tick=lambda: None, should_stop=lambda: False)
    with readable(plan, plan.timeline.chunks[chunk], source, folder, watch) as reading:
        return reading.plan, remux(reading.path, folder / "kept.nut", before=["-copyts"], after=["-map", "0"])


def beeps(path: Path, number: int, plan: Plan) -> list[float]:
    """When one of the sounds beeps, from the video's beginning."""
    apart = remux(path, path.with_suffix(f".{number}.nut"), before=["-copyts"], after=["-map", f"0:a:{number}"])
    return [at_s - float(plan.zero_s) for at_s in beep_times(apart)]


def assert_beeps(found: list[float], *, offset_s: float, first_s: float, last_s: float) -> None:
    """At each full second and `offset_s`, from `first_s` to `last_s`."""
    assert all(abs(at_s - offset_s - round(at_s - offset_s)) < 0.04 for at_s in found), found
    assert (round(found[0] - offset_s), round(found[-1] - offset_s)) == (first_s, last_s)
    assert len(found) == last_s - first_s + 1


@pytest.mark.parametrize("suffix", ["ts", "mpg", "vob"])
def test_all_sounds_go_on_with_the_pictures(tmp_path: Path, suffix: str) -> None:
    one = recording(tmp_path / f"one.{suffix}")
    source = joined(tmp_path / f"joined.{suffix}", one, one, one)
    plan = make_plan(look(source, LIMITS))
    assert len(plan.source.joins) == 2
    assert [track.channels for track in plan.source.sounds] == [2, 1]
    lasts_s = [float((track.end_s or 0) - plan.zero_s) for track in plan.source.sounds]
    assert lasts_s == pytest.approx([3 * LASTS_S] * 2, abs=0.1)
    relayed, path = read(plan, -1, source, tmp_path)
    assert [track.index for track in relayed.source.sounds] == [1, 2]
    assert relayed.source.audio == relayed.source.sounds[0]
    begin_s = round(plan.timeline.seconds(plan.timeline.chunks[-1].first_frame))
    for number, offset_s in enumerate((0, 0.5)):
        heard = [at_s for at_s in beeps(path, number, relayed) if at_s > begin_s - 0.1]
        assert_beeps(heard, offset_s=offset_s, first_s=begin_s, last_s=3 * LASTS_S - 1)


def test_the_default_sound_may_be_another_than_the_first(tmp_path: Path) -> None:
    one = recording(tmp_path / "one.ts")
    found = look(joined(tmp_path / "joined.ts", one, one), LIMITS)
    second = replace(found, audio=found.sounds[1])
    source = joined(tmp_path / "again.ts", one, one)
    relayed, _ = read(make_plan(second), 0, source, tmp_path)
    assert relayed.source.audio == relayed.source.sounds[1]


def test_a_sound_that_is_missing_in_a_recording_is_heard_in_the_others(tmp_path: Path) -> None:
    both, one = recording(tmp_path / "both.ts"), recording(tmp_path / "one.ts")
    silent = remux(one, tmp_path / "silent.ts", after=["-map", "0", "-bsf:a:1", "noise=drop=1"])
    source = joined(tmp_path / "joined.ts", silent, both, silent)
    plan = make_plan(look(source, LIMITS))
    assert len(plan.source.joins) == 2
    first, second = plan.source.sounds
    assert float((first.end_s or 0) - plan.zero_s) == pytest.approx(3 * LASTS_S, abs=0.1)
    spans = [float((at_s or 0) - plan.zero_s) for at_s in (second.heard_s, second.end_s)]
    assert spans == pytest.approx([LASTS_S + 0.5, 2 * LASTS_S], abs=0.1)
    relayed, path = read(plan, -1, source, tmp_path)
    begin_s = round(plan.timeline.seconds(plan.timeline.chunks[-1].first_frame))
    heard = [at_s for at_s in beeps(path, 1, relayed) if at_s > begin_s - 0.1]
    assert_beeps(heard, offset_s=0.5, first_s=begin_s, last_s=2 * LASTS_S - 1)


def test_no_sample_is_lost_of_sound_in_very_short_packets(tmp_path: Path) -> None:
    """A packet of TrueHD is heard for less than a millisecond."""
    one = make(tmp_path / "one.ts", look=LOOK, video=MPEG2, audio=("-c:a", "truehd", "-strict", "-2"))
    source = joined(tmp_path / "joined.ts", one, one)
    _, path = read(make_plan(look(source, LIMITS)), 0, source, tmp_path)
    with av.open(str(path)) as container:
        heard = list(container.decode(audio=0))
    lasts_s = float(heard[-1].time or 0) - float(heard[0].time or 0)
    assert sum(frame.samples for frame in heard[:-1]) == pytest.approx(lasts_s * 48_000, abs=48)


def test_a_sound_that_has_ended_does_not_make_a_chunk_read_everything(tmp_path: Path) -> None:
    short, more = recording(tmp_path / "short.ts", (Spoken(LASTS_S), Spoken(2))), recording(tmp_path / "more.ts")
    silent = remux(more, tmp_path / "silent.ts", after=["-map", "0", "-bsf:a:1", "noise=drop=1"])
    source = joined(tmp_path / "joined.ts", short, *[silent] * 5)
    plan = make_plan(look(source, LIMITS))
    relayed, path = read(plan, 0, source, tmp_path)
    with av.open(str(path)) as container:
        lasts_s = max(float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.pts)
    assert lasts_s - float(relayed.zero_s) < 12 + 2 + 10 + 1
