"""Closed captions inside of the picture become a track of their words."""

from pathlib import Path
from typing import Any

import pytest

from hls.binary import ffmpeg_path
from hls.core.omissions import omissions
from hls.core.plan import Plan
from hls.models import Track
from hls.tests.captions import Caption, captioned
from hls.tests.watching import beep_times, picture_times
from library.models import Video
from library.tests.videos import Player
from library.tests.viewing import Viewing, ready

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]

EXACT_S = 0.04
SAID = (Caption("HELLO", 40, 80), Caption("Good bye", 100, 140))
SYSTEMS = "/usr/bin/ffmpeg"


def omitted(video: Video) -> tuple[str, ...]:
    return omissions(Plan.from_json(video.transcode.plan or {}))


def assert_said(viewing: Viewing, folder: Path, captions: tuple[Caption, ...] = SAID) -> None:
    [told] = viewing.alternates("SUBTITLES")
    assert told["NAME"] == "Closed captions"
    assert "transcribes-spoken-dialog" in told["CHARACTERISTICS"]
    shown = picture_times(viewing.pictures(folder / "pictures.ts"))
    cues = viewing.cues(told["URI"])
    assert [cue.text for cue in cues] == [caption.words for caption in captions]
    for cue, caption in zip(cues, captions, strict=True):
        assert cue.begin_s == pytest.approx(float(shown[caption.shown]), abs=EXACT_S)
        assert cue.end_s == pytest.approx(float(shown[caption.gone]), abs=EXACT_S)


@pytest.mark.parametrize(("suffix", "begins_s"), [("mp4", "0"), ("mkv", "7.77"), ("ts", "7.77")])
def test_words_come_at_their_times(suffix: str, begins_s: str, ada: Player, tmp_path: Path) -> None:
    source = captioned(tmp_path / f"video.{suffix}", SAID, after=("-output_ts_offset", begins_s))
    video = ready(source)
    assert_said(Viewing(ada, video), tmp_path)
    assert omitted(video) == ()


def test_words_and_sounds_go_on_where_the_clock_of_a_transport_stream_wraps(ada: Player, tmp_path: Path) -> None:
    """Its 33 bits last for 26.5 hours; this recording is over them after three seconds."""
    source = captioned(tmp_path / "video.ts", SAID, sounds=2, after=("-output_ts_offset", "95440"))
    viewing = Viewing(ada, ready(source))
    assert_said(viewing, tmp_path)
    for sound in viewing.alternates("AUDIO"):
        beeps = beep_times(viewing.joined(sound["URI"], tmp_path / "sound.ts"))
        assert beeps == pytest.approx(range(10, 16), abs=EXACT_S)


@pytest.mark.parametrize("program", ["", SYSTEMS])
def test_words_are_taken_out_by_every_ffmpeg_below_odd_folders(
    program: str, ada: Player, tmp_path: Path, settings: Any
) -> None:
    if program and not Path(program).exists():
        pytest.skip(f"no {program} here")
    settings.FFMPEG = program
    ffmpeg_path.cache_clear()
    odd = tmp_path / "it's [odd], 100%d; a:b=c\\'d $HOME äöü"
    settings.MEDIA_ROOT, settings.HLS_ROOT = odd / "up:loads", odd / "h'ls"
    assert_said(Viewing(ada, ready(captioned(tmp_path / "video.mp4", SAID))), tmp_path)


def test_captions_without_a_word_are_no_track(ada: Player, tmp_path: Path) -> None:
    """Recordings carry their packets even where nothing is said in them."""
    video = ready(captioned(tmp_path / "video.mp4"))
    assert Viewing(ada, video).alternates("SUBTITLES") == []
    assert not Track.objects.exists()
    assert omitted(video) == ()


def test_captions_of_joined_recordings_are_named_as_left_out(ada: Player, tmp_path: Path) -> None:
    """Their times would be those of a clock that begins anew."""
    first = captioned(tmp_path / "first.ts", SAID)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + captioned(tmp_path / "video.ts", SAID).read_bytes())
    video = ready(joined)
    assert Plan.from_json(video.transcode.plan or {}).source.joins
    assert Viewing(ada, video).alternates("SUBTITLES") == []
    assert omitted(video) == ("Closed captions inside of the picture.",)
