"""Several sounds in one file: all of them are found, with what the file says about them, whatever becomes of some."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hls.core.probe import AudioTrack
from hls.core.probing import look
from hls.tests.clips import Look, ffmpeg, picture, sound
from hls.tests.watching import LIMITS

pytestmark = pytest.mark.ffmpeg

SMALL = Look(width=160, height=120, duration_s=2)
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "64k")


@dataclass(frozen=True)
class Spoken:
    """A sound of a clip."""

    duration_s: float = 2
    after_s: float = 0
    language: str = ""
    title: str = ""
    disposition: str = "0"
    layout: str = "stereo"


def clip(
    target: Path, sounds: Sequence[Spoken], *, look: Look = SMALL, audio: Sequence[str] = AAC, after: Sequence[str] = ()
) -> Path:
    """A video with these sounds; each beeps at each full second after its own beginning."""
    inputs = ["-f", "lavfi", "-i", picture(look)]
    maps, told = ["-map", "0"], []
    for number, each in enumerate(sounds):
        inputs += ["-itsoffset", str(each.after_s), "-f", "lavfi", "-i", sound(each.duration_s, layout=each.layout)]
        maps += ["-map", str(number + 1)]
        told += [f"-disposition:a:{number}", each.disposition]
        for name, value in (("language", each.language), ("title", each.title)):
            told += [f"-metadata:s:a:{number}", f"{name}={value}"] if value else []
    ffmpeg(*inputs, *maps, *H264, *audio, *told, *after, str(target))
    return target


def facts(track: AudioTrack) -> AudioTrack:
    """What is known of a sound that is alone in its file."""
    return replace(track, language="", title="", is_default=False, is_described=False, is_commentary=False)


FOUR = (
    Spoken(language="ger", title="Stereo"),
    Spoken(language="eng", disposition="default", layout="5.1"),
    Spoken(language="eng", title="Beschreibung", disposition="visual_impaired"),
    Spoken(title="Regie", disposition="comment"),
)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts"])
def test_all_sounds_are_found_with_what_the_file_says(tmp_path: Path, suffix: str) -> None:
    found = look(clip(tmp_path / f"video.{suffix}", FOUR), LIMITS)
    assert [track.index for track in found.sounds] == [1, 2, 3, 4]
    assert [track.channels for track in found.sounds] == [2, 6, 2, 2]
    assert [track.language for track in found.sounds] == ["ger", "eng", "eng", ""]
    assert [track.is_described for track in found.sounds] == [False, False, True, False]
    if suffix != "ts":  # a transport stream knows neither titles nor comments nor a default
        assert [track.title for track in found.sounds] == ["Stereo", "", "Beschreibung", "Regie"]
        assert [track.is_commentary for track in found.sounds] == [False, False, False, True]
    assert [track.is_default for track in found.sounds] == [track == found.audio for track in found.sounds]
    assert found.audio == found.sounds[0 if suffix == "ts" else 1]
    assert found.extras.sounds == ()
