"""Cues and sounds of real files are where they were: by the pictures' own numbers, as players get them."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from hls.tests.clips import Look, ffmpeg, picture, sound
from hls.tests.watching import beep_times, picture_times
from library.tests.videos import Player
from library.tests.viewing import Viewing, ready

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]

EXACT_S = 0.04
LASTS_S = 7.5  # more than one segment
LATER_S = 0.4  # by which the second sound begins, and so beeps, after the first one
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2")
VARIABLE = "select='not(mod(n,4))+gt(mod(t+0.6,2),1.7)'"
CUES_S = ((0.5, 1.25), (2.0, 3.5), (5.5, 6.75), (7.0, 7.3))  # the third one over a border


@dataclass(frozen=True)
class Case:
    """A file, made on a clock of its own that then is moved by `begins_s`."""

    file: str
    rate: str
    codecs: Sequence[str] = ()  # of its texts
    begins_s: float = 0
    audio: Sequence[str] = ("-c:a", "aac")
    filters: str = "null"
    shown_s: float = 0  # when its first picture is shown
    heard_s: float = LASTS_S  # when its sounds end
    after: Sequence[str] = ()


CASES = {
    "23.976 in matroska": Case("video.mkv", "24000/1001", ("srt", "ass"), 7.77),
    "25 in mp4 with an edit list": Case("video.mp4", "25", ("mov_text",), 3.21),
    "29.97 in a transport stream": Case("video.ts", "30000/1001", (), 95_000, ("-c:a", "mp2")),
    "59.94 in matroska": Case("video.mkv", "60000/1001", ("ass",), 1_234_567.89),
    "29.97 in mp4": Case("video.mp4", "30000/1001", ("mov_text",), 0),
    "webvtt in matroska": Case("video.mkv", "25", ("webvtt",), 0.5, ("-c:a", "libopus")),
    "variable rate": Case("video.mkv", "60", ("srt",), 7.77, filters=VARIABLE, after=("-fps_mode", "vfr")),
    "variable rate in mp4": Case("video.mp4", "60", ("mov_text",), 2, filters=VARIABLE, after=("-fps_mode", "vfr")),
    "sound before its pictures": Case("video.mkv", "25", ("srt",), 7.77, shown_s=1.48),
    "sound before its pictures in mp4": Case("video.mp4", "25", ("mov_text",), 0, shown_s=1.48),
    "sound after its pictures": Case("video.mkv", "25", ("srt",), 7.77, heard_s=9.3),
}


def time(seconds: float) -> str:
    return f"00:00:{seconds:06.3f}".replace(".", ",")


def made(case: Case, folder: Path) -> Path:
    """The file; its first sound and its texts begin at 0 of its own clock, and the second sound after LATER_S."""
    words = folder / "words.srt"
    words.write_text("".join(f"{n}\n{time(a)} --> {time(b)}\nCue {n}\n\n" for n, (a, b) in enumerate(CUES_S)))
    look = Look(160, 120, case.rate, LASTS_S - case.shown_s)
    inputs = ["-itsoffset", str(case.shown_s), "-f", "lavfi", "-i", f"{picture(look)},{case.filters}"]
    for after_s in (0, LATER_S):
        inputs += ["-itsoffset", str(after_s), "-f", "lavfi", "-i", sound(case.heard_s - after_s)]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-disposition:a:0", "default", "-disposition:a:1", "0"]
    for number, codec in enumerate(case.codecs):
        inputs += ["-i", str(words)]
        maps += ["-map", str(number + 3), f"-c:s:{number}", codec]
    moved = ["-output_ts_offset", str(case.begins_s)] if case.begins_s else []
    ffmpeg(*inputs, *maps, *H264, *case.audio, *case.after, *moved, str(folder / case.file))
    return folder / case.file


@pytest.mark.parametrize("name", CASES)
def test_cues_and_sounds_are_where_they_were(name: str, ada: Player, tmp_path: Path) -> None:
    case = CASES[name]
    viewing = Viewing(ada, ready(made(case, tmp_path)))
    shown = picture_times(viewing.pictures(tmp_path / "pictures.ts"))
    rate = Fraction(case.rate)

    def on_pts(at_s: float) -> float:
        """When something of the file is to come, by the picture that is next to it in the file."""
        number = min(shown.keys() - {0}, key=lambda number: abs(number / rate + case.shown_s - at_s))  # 0 is black, too
        return float(shown[number]) + at_s - float(number / rate) - case.shown_s

    texts = viewing.alternates("SUBTITLES")
    assert len(texts) == len(case.codecs)
    for text in texts:
        cues = viewing.cues(text["URI"])
        assert [cue.text for cue in cues] == [f"Cue {number}" for number in range(len(CUES_S))]
        for cue, (begin_s, end_s) in zip(cues, CUES_S, strict=True):
            assert cue.begin_s == pytest.approx(on_pts(begin_s), abs=EXACT_S), text
            assert cue.end_s == pytest.approx(on_pts(end_s), abs=EXACT_S), text
    sounds = viewing.alternates("AUDIO")
    for each, after_s in zip(sounds, (0, LATER_S), strict=True):
        beeps = beep_times(viewing.joined(each["URI"], tmp_path / "sound.ts"))
        wanted = [on_pts(after_s + second) for second in range(int(case.heard_s - after_s) + 1)]
        assert beeps == pytest.approx(wanted, abs=EXACT_S), each
