"""ffmpeg's command line for a chunk: the options of the source and of each output."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from hls.core.encoding.command import Encoder, chunk_command, sound_command
from hls.core.encoding.sounds import Sound
from hls.core.plan import Plan, make_plan
from hls.core.probe import AudioTrack, Copyable, Landing
from hls.tests.factories import evenly_planned, source

ENCODER = Encoder(Path("/opt/ffmpeg"), threads=3)
SOURCE = source()
PLAN = evenly_planned(SOURCE)
COPYING = evenly_planned(
    replace(SOURCE, video=replace(SOURCE.video, copyable=Copyable(tuple(range(0, 2250, 150)), 2, peak_kbps=4000)))
)


def command(
    plan: Plan = PLAN,
    index: int = 0,
    *,
    path: str = "/videos/a.mp4",
    is_lost: bool = False,
    states: tuple[Sound, ...] = (),
) -> list[str]:
    source = Path(path)
    return chunk_command(plan, index, source=source, encoder=ENCODER, has_zscale=True, is_lost=is_lost, states=states)


def test_only_interlaced_pictures_are_not_turned_by_ffmpeg_itself() -> None:
    turned = replace(SOURCE, video=replace(SOURCE.video, rotation=180, is_interlaced=True, turns=("hflip", "vflip")))
    assert command(evenly_planned(turned)).count("-noautorotate") == 1
    plain = replace(turned, video=replace(turned.video, is_interlaced=False, turns=()))
    assert "-noautorotate" not in command(evenly_planned(plain))


def value(words: Sequence[str], option: str) -> str:
    """The value of an option that is there once."""
    assert words.count(option) == 1, words
    return words[words.index(option) + 1]


def values(words: Sequence[str], option: str) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == option]


def outputs(words: Sequence[str]) -> list[list[str]]:
    """The arguments of each rendition, up to its file names: of those of the tee the ones that it gets."""
    found: list[list[str]] = []
    begun: list[str] = []
    for word in words[words.index("-filter_complex") + 2 :]:
        begun.append(word)
        if word.endswith("/segment_%03d.ts"):
            found += branches(begun) if "tee" in begun else [begun]
            begun = []
    return found


def branches(words: Sequence[str]) -> list[list[str]]:
    made = []
    pairs = list(zip(words[:-1:2], words[1::2], strict=True))
    maps = [value for option, value in pairs if option == "-map"]
    for number, branch in enumerate(words[-1].split("|")):
        options, file = branch.removeprefix("[").split("]")
        named = dict(re.findall(r"(\w+)=\\'(.*?)\\'", options))
        chosen = named.pop("select")
        assert chosen in (f"v:{number}", f"v:{number},a")
        heard = [place for place in maps if place.startswith("[a")]
        own = ["-map", maps[number], *(["-map", *heard] if chosen.endswith("a") else [])]
        for option, value in pairs:
            common, _, stream = option.partition(":v:")
            own += [common, value] if stream in ("", str(number)) and common != "-map" else []
        made.append([*own, *(word for name in named for word in (f"-{name}", named[name])), file])
    return made


def seek_s(plan: Plan, index: int) -> float | None:
    words = command(plan, index)
    return float(value(words, "-ss")) if "-ss" in words else None


@pytest.mark.parametrize(
    "path",
    ["/videos/a.mp4", "/videos/-y.mp4", "/videos/concat:a|b.mp4", "/videos/a b;$(id) 'x'.mp4", "/videos/%03d.mp4"],
)
def test_a_source_is_one_word_and_one_file_whatever_its_name(path: str) -> None:
    words = command(path=path)
    assert value(words, "-i") == f"file:{path}"
    assert value(words, "-protocol_whitelist") == "file"


def test_a_relative_source_is_made_absolute_since_ffmpeg_runs_elsewhere() -> None:
    assert value(command(path="videos/a.mp4"), "-i") == f"file:{Path.cwd()}/videos/a.mp4"


def test_options_of_the_input_stand_before_it_and_those_of_outputs_after_it() -> None:
    words = command(landed(11), 1)
    at = words.index("-i")
    assert {"-f", "-protocol_whitelist", "-ss", "-noaccurate_seek"} <= set(words[:at])
    assert not {"-map", "-c:v", "-crf"} & set(words[:at])


def test_the_first_chunk_is_read_from_the_beginning() -> None:
    assert "-ss" not in command()


def landed(*moments_s: float, start_s: int = 0) -> Plan:
    """A plan for a source with landings a second before these times on its own clock."""
    landings = tuple(Landing(at_s - 1, Fraction(at_s)) for at_s in moments_s)
    return evenly_planned(replace(SOURCE, video=replace(SOURCE.video, start_s=Fraction(start_s), landings=landings)))


@pytest.mark.parametrize(("index", "expected_s"), [(0, None), (1, 10.0), (2, 41.0), (3, 41.0)])
def test_chunks_are_read_from_the_last_place_that_is_early_enough(index: int, expected_s: float | None) -> None:
    """A chunk of 12 seconds, then chunks of 30; the sound needs a second more than the first picture."""
    assert seek_s(landed(5, 11, 12.5, 42, 72.5), index) == expected_s


def test_a_video_without_a_place_to_begin_is_read_from_its_beginning() -> None:
    assert seek_s(landed(), 1) is None
    assert landed().run_up_s(landed().timeline.chunks[1]) == 12


def test_a_clock_that_does_not_begin_at_zero_counts() -> None:
    assert seek_s(landed(11, 110, 113, start_s=100), 1) == 109.0


SOUND = AudioTrack(1, "aac", 2, 48_000, heard_s=Fraction(0), end_s=Fraction(300))
LANDINGS = (Landing(10.0, Fraction(11)), Landing(86.0, Fraction(87)), Landing(130.0, Fraction(87)))
LONGER = evenly_planned(replace(SOURCE, audio=SOUND, video=replace(SOURCE.video, landings=LANDINGS)))


def test_a_chunk_after_the_pictures_reads_the_last_one_and_its_own_sound() -> None:
    words = command(LONGER, 5)
    assert LONGER.timeline.chunks[5].first_frame == 132 * 25
    assert values(words, "-i") == ["file:/videos/a.mp4"] * 2
    assert [float(at_s) for at_s in values(words, "-ss")] == [130.0, 86.0]
    assert value(words, "-filter_complex").startswith("[1:0]")
    assert ";[0:1]aresample" in value(words, "-filter_complex")


def test_a_chunk_with_any_picture_is_read_once() -> None:
    assert [len(values(command(LONGER, index), "-i")) for index in range(7)] == [1, 1, 1, 1, 2, 2, 2]


def test_sound_that_is_stored_early_is_read_from_earlier_on() -> None:
    """Otherwise a chunk that is read from after it would miss it."""
    late = Landing(40.0, Fraction(41), missed_s=Fraction(45))
    plan = evenly_planned(replace(SOURCE, video=replace(SOURCE.video, landings=(Landing(10.0, Fraction(11)), late))))
    assert [seek_s(plan, index) for index in range(4)] == [None, 10.0, 10.0, 40.0]


def test_sound_that_changes_is_made_before_and_read_as_another_input() -> None:
    apart = sound_command(LONGER, 5, source=Path("/videos/a.mp4"), encoder=ENCODER)
    assert "-reinit_filter" not in apart, "that would end it at the change"
    assert value(apart, "-ss") == "130.000000"
    assert value(apart, "-map") == "0:1"
    assert apart[-1] == "file:sound.nut"
    words = command(LONGER, 5, states=(Sound.APART,))
    assert values(words, "-i")[-1] == "file:sound.nut"
    assert ";[2:0]aresample" in value(words, "-filter_complex")


def test_sound_that_is_missing_is_silence() -> None:
    words = command(LONGER, 1, states=(Sound.SILENT,))
    assert "anullsrc" in value(words, "-filter_complex")
    assert values(words, "-i") == ["file:/videos/a.mp4"]


SEVERAL = evenly_planned(
    replace(
        SOURCE,
        sounds=(AudioTrack(1, "aac", 2, 48_000), AudioTrack(2, "ac3", 6, 48_000), AudioTrack(4, "mp2", 1, 32_000)),
    )
)


def test_each_of_several_sounds_is_an_output_of_its_own_behind_the_pictures() -> None:
    pictures, sounds = outputs(command(SEVERAL, 1))[:3], outputs(command(SEVERAL, 1))[3:]
    assert [values(words, "-map") for words in pictures] == [["[v0]"], ["[v1]"], ["[v2]"]]
    assert not {"-c:a", "-b:a", "-bsf:a"} & {word for words in pictures for word in words}
    assert [values(words, "-map") for words in sounds] == [["[a0]"], ["[a1]"], ["[a2]"]]
    for number, words in enumerate(sounds):
        assert value(words, "-c:a") == "aac"
        assert value(words, "-bsf:a") == "noise=drop='not(between(n,5,1410))'"
        assert value(words, "-segment_start_number") == "2"
        assert words[-1] == f"audio_{number}/segment_%03d.ts"


@pytest.mark.parametrize(("index", "ends"), [(0, "282,563"), (1, "281,562,844,1125,1406")])
def test_several_sounds_are_cut_at_the_aac_frame_where_pictures_segments_begin(index: int, ends: str) -> None:
    """The packets before the chunk's first frame are dropped before they are counted."""
    assert {value(words, "-segment_frames") for words in outputs(command(SEVERAL, index))[3:]} == {ends}


def test_those_of_several_sounds_that_are_made_before_are_inputs_in_their_order() -> None:
    states = (Sound.APART, Sound.SILENT, Sound.APART)
    words = command(SEVERAL, 1, states=states)
    assert values(words, "-i") == ["file:/videos/a.mp4", "file:audio_0.nut", "file:audio_2.nut"]
    heard = value(words, "-filter_complex").split(";")[-3:]
    assert [part.startswith(begin) for part, begin in zip(heard, ("[1:0]", "anullsrc", "[2:0]"), strict=True)] == [
        True
    ] * 3
    apart = sound_command(SEVERAL, 1, source=Path("/videos/a.mp4"), encoder=ENCODER, number=2)
    assert value(apart, "-map") == "0:4"
    assert apart[-1] == "file:audio_2.nut"


def test_a_lost_chunk_reads_the_source_for_any_of_its_sounds() -> None:
    read = [
        values(command(SEVERAL, 1, is_lost=True, states=(Sound.SILENT, Sound.SILENT, last)), "-i")
        for last in (Sound.OF_SOURCE, Sound.SILENT)
    ]
    assert read == [["file:/videos/a.mp4"], []]


def test_threads_are_as_many_as_allowed() -> None:
    assert {value(words, "-threads") for words in outputs(command())} == {"3"}
    assert value(command(), "-threads") == "3"
    assert 1 <= int(Encoder(Path("ffmpeg")).codec_threads) <= 16


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core only")
def test_a_worker_on_a_core_of_its_own_takes_one_thread() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert Encoder(Path("ffmpeg")).codec_threads == "1"
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(("quota", "threads"), [("150000 100000", 2), ("20000 100000", 1), ("max 100000", None)])
def test_a_container_with_less_time_than_its_cores_takes_fewer_threads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, threads: int | None
) -> None:
    cores = 12
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)))
    monkeypatch.setattr("hls.core.encoding.command.CPU_MAX", tmp_path / "cpu.max")
    (tmp_path / "cpu.max").write_text(f"{quota}\n")

    assert Encoder(Path("ffmpeg")).codec_threads == str(threads or cores)


def test_each_rendition_has_its_size_from_the_graph_and_its_caps() -> None:
    for number, (words, rendition) in enumerate(zip(outputs(command()), PLAN.renditions, strict=True)):
        assert values(words, "-map") == [f"[v{number}]", "[a0]"]
        assert value(words, "-maxrate") == f"{rendition.maxrate_kbps}k"
        assert value(words, "-bufsize") == f"{rendition.bufsize_kbits}k"
        assert value(words, "-b:a") == "128k"
        assert value(words, "-preset") == rendition.preset
        assert value(words, "-x264-params") == rendition.x264_params
        assert words[-1] == f"{rendition.name}/segment_%03d.ts"


def test_a_long_first_chunk_is_hurried_at_a_lower_crf() -> None:
    """Six seconds of 1080p24 took four seconds of two cores, and viewers wait for five at most."""
    ordinary = {rendition.name: (rendition.crf, rendition.x264_params) for rendition in COPYING.renditions[:-1]}
    hurried = {name: (crf - 1, f"{params}:subme=1:trellis=0") for name, (crf, params) in ordinary.items()}

    def settings(plan: Plan, index: int) -> dict[str, tuple[float, str]]:
        words = command(plan, index)
        return {
            name: (float(value(words, f"-crf:v:{number}")), value(words, f"-x264-params:v:{number}"))
            for number, name in enumerate(ordinary)
        }

    assert settings(COPYING, 0) == hurried
    assert settings(COPYING, 1) == ordinary
    assert settings(PLAN, 0) == ordinary, "the first chunk is as short as it can be where the top is encoded"
    video = replace(SOURCE.video, copyable=Copyable((0, 50, 150, 300), 2, peak_kbps=4000))
    assert settings(make_plan(replace(SOURCE, video=video)), 0) == ordinary, "an IDR picture cuts it after two seconds"


def test_a_video_of_one_chunk_is_not_hurried() -> None:
    video = replace(SOURCE.video, frame_count=150, duration_s=Fraction(6), copyable=Copyable((0,), 2, peak_kbps=4000))
    plan = make_plan(replace(SOURCE, audio=None, video=video))
    assert plan.is_copying
    assert value(command(plan), "-crf:v:0") == str(plan.renditions[0].crf)


@pytest.mark.parametrize(("index", "number", "ends"), [(0, "0", "150,300"), (1, "2", "150,300,450,600,750")])
def test_segments_are_numbered_over_the_video_and_end_at_frames_of_the_chunk(
    index: int, number: str, ends: str
) -> None:
    for words in outputs(command(index=index)):
        assert value(words, "-segment_start_number") == number
        assert value(words, "-segment_frames") == ends


def test_key_frames_are_forced_at_the_same_frames_in_every_rendition() -> None:
    wanted = "expr:" + "+".join(f"eq(n,{frame})" for frame in range(0, 300, 50))
    for words in outputs(command()):
        assert value(words, "-force_key_frames") == wanted
        assert value(words, "-g") == value(words, "-keyint_min") == "50"


def test_the_clock_of_a_broken_rate_is_exact() -> None:
    video = replace(SOURCE.video, rate=Fraction(24_000, 1001))
    words = command(evenly_planned(replace(SOURCE, video=video)))
    assert {value(output, "-enc_time_base") for output in outputs(words)} == {"1001:24000"}


def test_a_video_without_sound_asks_for_none() -> None:
    words = command(evenly_planned(replace(SOURCE, audio=None)))
    assert not {"-c:a", "-b:a"} & set(words)
    assert [values(output, "-map") for output in outputs(words)] == [["[v0]"], ["[v1]"], ["[v2]"]]


def test_only_the_top_rendition_is_copied() -> None:
    *encoded, copied = outputs(command(COPYING, 1))
    assert {value(words, "-c") for words in encoded} == {"libx264"}
    assert value(copied, "-c") == "copy"
    assert values(copied, "-map") == ["0:0", "[a0]"]
    assert "-crf" not in copied


def test_of_copied_packets_those_of_the_chunk_are_kept() -> None:
    *_, copied = outputs(command(COPYING, 1))
    filters = value(copied, "-bsf")
    assert "between(round((pts*" in filters
    assert ",300,1049))'" in filters
    assert "dts='round((N+300-2)/(25)/" in filters
    assert float(value(copied, "-to")) == 43.0


def test_what_can_not_be_copied_is_not_copied_by_mistake() -> None:
    plan = replace(COPYING, source=SOURCE)
    with pytest.raises(ValueError, match="can't be copied"):
        command(plan)


def test_a_lost_chunk_without_sound_opens_no_file() -> None:
    words = command(index=1, is_lost=True, states=(Sound.SILENT,))
    assert "-i" not in words
    assert len(outputs(words)) == 3


@pytest.mark.parametrize(("index", "number", "is_dropped"), [(0, "0", False), (1, "2", True)])
def test_tiles_are_numbered_over_the_video(index: int, number: str, is_dropped: bool) -> None:
    """A chunk's first picture only makes ffmpeg report progress early; it is dropped unless it is a tile."""
    words = command(index=index)
    last = words[words.index("[tiles]") :]
    assert value(last, "-start_number") == number
    assert ("-bsf:v" in last) is is_dropped
    assert last[-1] == "tiles/%05d.jpg"


def test_a_chunk_without_tiles_has_no_output_for_them() -> None:
    assert "[tiles]" not in command(replace(PLAN, frames_per_tile=2000), 1)
