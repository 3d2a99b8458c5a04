"""Files with odd sounds, texts and chapters: what viewers get of them, and that the rest doesn't suffer."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hls.core.inspection.media_file import MOST_SOUNDS
from hls.core.omissions import omissions
from hls.core.plan import Plan
from hls.core.subtitles.cues import MOST_CUES
from hls.models import Track
from hls.tests.clips import ffmpeg
from hls.tests.spoken import SMALL, Spoken, clip
from hls.tests.watching import beep_times
from library.models import Video
from library.tests.videos import Player
from library.tests.viewing import Viewing, ready

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]

BEGIN_S = 10.0  # where the first picture of every video is, on the clock of PTS


def told(viewing: Viewing) -> Any:
    return viewing.player.get(f"/api/video/{viewing.video.pk}/").json()


def srt(times_ms: Sequence[tuple[int, int]], words: str = "Cue") -> str:
    return "".join(
        f"{number}\n{time(begin)} --> {time(end)}\n{words} {number}\n\n" for number, (begin, end) in enumerate(times_ms)
    )


def time(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


def with_texts(target: Path, texts: Sequence[str | bytes], *, ending: str = "srt", options: Sequence[str] = ()) -> Path:
    """A video of two seconds with these texts."""
    plain = clip(target.with_name("plain.mkv"), (Spoken(),))
    inputs, maps = ["-i", str(plain)], ["-map", "0"]
    for number, text in enumerate(texts):
        words = target.with_name(f"{number}.{ending}")
        words.write_bytes(text.encode() if isinstance(text, str) else text)
        inputs += ["-i", str(words)]
        maps += ["-map", str(number + 1)]
    ffmpeg(*inputs, *maps, "-c", "copy", *options, str(target))
    return target


def states(video: Video) -> list[tuple[str, str]]:
    return list(Track.objects.filter(transcode=video.transcode_id).values_list("state", "error_code"))


def test_of_forty_sounds_alike_sixteen_are_heard_and_told_apart(ada: Player, tmp_path: Path) -> None:
    spoken = [Spoken(language="eng", title="Kommentar")] * 40
    spoken[30] = replace(spoken[30], disposition="default")
    video = ready(clip(tmp_path / "video.mkv", spoken, audio=("-c:a", "pcm_s16le")))
    sounds = Viewing(ada, video).alternates("AUDIO")
    assert [sound["NAME"] for sound in sounds] == ["Kommentar", *(f"Kommentar {n}" for n in range(2, MOST_SOUNDS + 1))]
    assert [sound["DEFAULT"] for sound in sounds] == ["NO"] * 15 + ["YES"]
    assert [sound["AUTOSELECT"] for sound in sounds] == ["NO"] * 15 + ["YES"]
    for sound in sounds:
        beeps = beep_times(Viewing(ada, video).joined(sound["URI"], tmp_path / "sound.ts"))
        assert beeps == pytest.approx([BEGIN_S, BEGIN_S + 1], abs=0.04)
    [left_out] = omissions(Plan.from_json(video.transcode.plan or {}))
    assert left_out.startswith("24 other sounds: ")


def test_sounds_without_a_word_late_short_and_empty_are_as_long_as_the_video(ada: Player, tmp_path: Path) -> None:
    """The fourth one has no packet at all, so there is nothing of it but its name."""
    spoken = (Spoken(), Spoken(1.4, after_s=0.6), Spoken(0.5), Spoken(language="ger"))
    video = ready(clip(tmp_path / "video.mkv", spoken, after=("-bsf:a:3", "noise=drop=1")))
    viewing = Viewing(ada, video)
    heard = {
        sound["NAME"]: beep_times(viewing.joined(sound["URI"], tmp_path / "sound.ts"))
        for sound in viewing.alternates("AUDIO")
    }
    assert heard == {
        "Sound 1": pytest.approx([10, 11], abs=0.04),
        "Sound 2": pytest.approx([10.6, 11.6], abs=0.04),
        "Sound 3": pytest.approx([10], abs=0.04),
    }
    assert omissions(Plan.from_json(video.transcode.plan or {})) == ("1 other sound: ger (AAC).",)


def test_text_that_is_longer_than_the_video_does_not_lengthen_it(ada: Player, tmp_path: Path) -> None:
    later = [(500, 1500), (1800, 5000), (10_800_000, 10_801_000)]
    viewing = Viewing(ada, ready(with_texts(tmp_path / "video.mkv", [srt(later)])))
    [text] = viewing.alternates("SUBTITLES")
    assert [cue.text for cue in viewing.cues(text["URI"])] == ["Cue 0", "Cue 1"]
    assert len(list(viewing.segments(text["URI"]))) == 1
    assert told(viewing)["duration"] == pytest.approx(2, abs=0.1)


def test_text_without_a_cue_fails_alone(ada: Player, tmp_path: Path) -> None:
    source = with_texts(
        tmp_path / "video.mkv", [srt([(0, 500)]), srt([(500, 900)])], options=("-bsf:s:0", "noise=drop=1")
    )
    video = ready(source)
    assert states(video) == [("failed", "empty"), ("ready", "")]
    assert len(Viewing(ada, video).alternates("SUBTITLES")) == 1


def test_what_is_said_before_the_first_picture_is_cut(ada: Player, tmp_path: Path) -> None:
    """The text begins two seconds before the pictures: its first cue is over by then, the second one isn't."""
    plain = with_texts(tmp_path / "early.mkv", [srt([(100, 900), (1500, 2700), (3000, 3400)])])
    source = tmp_path / "video.mkv"
    inputs = ("-itsoffset", "2", "-i", str(tmp_path / "plain.mkv"), "-i", str(plain))
    ffmpeg(*inputs, "-map", "0", "-map", "1:s", "-c", "copy", str(source))
    viewing = Viewing(ada, ready(source))
    [text] = viewing.alternates("SUBTITLES")
    cues = viewing.cues(text["URI"])
    assert [cue.text for cue in cues] == ["Cue 1", "Cue 2"]
    times_s = [at_s - BEGIN_S for cue in cues for at_s in (cue.begin_s, cue.end_s)]
    assert times_s == pytest.approx([0, 0.7, 1, 1.4], abs=0.04)


def test_thousands_of_cues_are_all_kept(ada: Player, tmp_path: Path) -> None:
    many = [(ms, ms + 5) for ms in range(0, 20_000, 5)]
    viewing = Viewing(ada, ready(with_texts(tmp_path / "video.mkv", [srt(many)])))
    [text] = viewing.alternates("SUBTITLES")
    assert len(viewing.cues(text["URI"])) == 400
    whole = viewing.body(f"/api/video/{viewing.video.pk}/tracks/{Track.objects.get().pk}.vtt").decode()
    assert whole.count(" --> ") == len(many)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(srt([(ms, ms + 1) for ms in range(MOST_CUES + 1)]), id="too many cues"),
        pytest.param(srt([(ms, ms + 9) for ms in range(0, 30_000, 10)], "word " * 400), id="too much text"),
    ],
)
def test_text_that_is_too_much_fails_alone_and_at_once(text: str, ada: Player, tmp_path: Path) -> None:
    video = ready(with_texts(tmp_path / "video.mkv", [text, srt([(0, 500)])]))
    assert states(video) == [("failed", "too_long"), ("ready", "")]
    assert len(Viewing(ada, video).alternates("SUBTITLES")) == 1


def test_lines_that_are_no_utf_8_are_not_lost(ada: Player, tmp_path: Path) -> None:
    """Matroska wants UTF-8, which old programs didn't know; others are joined from files of both kinds."""
    mixed = "1\n00:00:00,100 --> 00:00:00,500\nGrüße …\n".encode() + "Grüße\nÖl\n".encode("cp1252")
    source = with_texts(tmp_path / "video.mkv", [mixed, srt([(0, 900)], "Ключ")])
    viewing = Viewing(ada, ready(source))
    found = [cue.text for text in viewing.alternates("SUBTITLES") for cue in viewing.cues(text["URI"])]
    assert found == ["Grüße …\nGrüße\nÖl", "Ключ 0"]


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_texts_of_a_file_that_is_cut_off_are_kept_as_far_as_they_go(suffix: str, ada: Player, tmp_path: Path) -> None:
    look = replace(SMALL, duration_s=6)
    plain = clip(tmp_path / f"plain.{suffix}", (Spoken(6),), look=look)
    whole, words = tmp_path / f"whole.{suffix}", tmp_path / "words.srt"
    words.write_text(srt([(500, 1000), (2000, 2500), (5500, 5900)]))
    codec = ("-c:s", "mov_text", "-movflags", "faststart") if suffix == "mp4" else ("-c:s", "srt")
    ffmpeg("-i", str(plain), "-i", str(words), "-map", "0", "-map", "1", "-c", "copy", *codec, str(whole))
    source = tmp_path / f"video.{suffix}"
    source.write_bytes(whole.read_bytes()[: whole.stat().st_size * 7 // 10])
    viewing = Viewing(ada, ready(source))
    [text] = viewing.alternates("SUBTITLES")
    assert [cue.text for cue in viewing.cues(text["URI"])] == ["Cue 0", "Cue 1"]


def test_markup_of_texts_in_a_file_reaches_nobody(ada: Player, tmp_path: Path) -> None:
    hostile = "1\n00:00:00,100 --> 00:00:01,000\n<script>alert(1)</script><i onclick=x>Boats</i> & <b>more\n"
    viewing = Viewing(ada, ready(with_texts(tmp_path / "video.mkv", [hostile])))
    [text] = viewing.alternates("SUBTITLES")
    [cue] = viewing.cues(text["URI"])
    assert cue.text == "<i>Boats</i> &amp; <b>more</b>"


def test_places_of_webvtt_in_a_film_reach_players(ada: Player, tmp_path: Path) -> None:
    placed = "WEBVTT\n\n00:00.100 --> 00:01.000 line:0 align:start\n<v Mary>Boats</v>\n"
    viewing = Viewing(ada, ready(with_texts(tmp_path / "video.mkv", [placed], ending="vtt")))
    [text] = viewing.alternates("SUBTITLES")
    [segment] = viewing.segments(text["URI"])
    assert "00:00:00.100 --> 00:00:01.000 line:0 align:start\n<v Mary>Boats</v>\n" in segment.decode()


ASS = """[Script Info]
ScriptType: v4.00+

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.10,0:00:01.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}
Dialogue: 0,0:00:00.20,0:00:01.00,Default,,0,0,0,,{\\p1\\an7}m 10.5 -3 n 5 5 b 1 2 3 4 5 6 s 0 0 9 9 c
Dialogue: 0,0:00:00.50,0:00:01.50,Default,,0,0,0,,{\\an8}Hello,\\h{\\i1}boats{\\i0}\\Nagain{not sure about this}
"""


def test_neither_drawings_nor_comments_of_ass_are_text(ada: Player, tmp_path: Path) -> None:
    viewing = Viewing(ada, ready(with_texts(tmp_path / "video.mkv", [ASS], ending="ass")))
    [text] = viewing.alternates("SUBTITLES")
    assert [cue.text for cue in viewing.cues(text["URI"])] == ["Hello,\xa0<i>boats</i>\nagain"]


def test_broken_chapters_become_usable_ones(ada: Player, tmp_path: Path) -> None:
    chapters = [(0, 1500, "One"), (500, 3000, "<b>Two</b>"), (500, 600, ""), (1500, 1500, ""), (9000, 9500, "After")]
    written = tmp_path / "chapters.txt"
    parts = [f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={a}\nEND={b}\ntitle={title}\n" for a, b, title in chapters]
    written.write_text(f";FFMETADATA1\n{''.join(parts)}".replace("title=\n", ""))
    plain = clip(tmp_path / "plain.mkv", (Spoken(),), look=SMALL)
    source = tmp_path / "video.mkv"
    ffmpeg("-i", str(plain), "-i", str(written), "-map", "0", "-map_chapters", "1", "-c", "copy", str(source))
    viewing = Viewing(ada, ready(source))
    assert told(viewing)["chapters"] == [
        {"start": 0.0, "end": 0.5, "title": "One"},
        {"start": 0.5, "end": 1.5, "title": "<b>Two</b>"},
        {"start": 1.5, "end": pytest.approx(2, abs=0.1), "title": "Chapter 3"},
    ]
    whole = viewing.body(f"/api/video/{viewing.video.pk}/tracks/chapters.vtt").decode()
    assert "&lt;b&gt;Two&lt;/b&gt;" in whole
