"""Several sounds in one file: all of them are found, with what the file says about them, whatever becomes of some."""

from dataclasses import replace
from pathlib import Path

import pytest

from hls.core.inspection.media_file import MOST_SOUNDS
from hls.core.inspection.probing import look
from hls.core.omissions import omissions
from hls.core.plan import make_plan
from hls.core.probe import AudioTrack, OtherTrack, Source
from hls.tests.clips import remux
from hls.tests.spoken import AAC, Spoken, clip
from hls.tests.watching import LIMITS

pytestmark = pytest.mark.ffmpeg

FOUR = (
    Spoken(language="ger", title="Stereo"),
    Spoken(language="eng", disposition="default", layout="5.1"),
    Spoken(language="eng", title="Beschreibung", disposition="visual_impaired"),
    Spoken(title="Regie", disposition="comment"),
)


def alone(track: AudioTrack) -> AudioTrack:
    """What would be known of a sound that is alone in its file."""
    plain = replace(track, language="", title="", is_default=False, is_described=False, is_commentary=False)
    return replace(plain, index=1)


def assert_usual(found: Source) -> None:
    """One of the sounds is the default one, and the engine knows which of them have to be apart."""
    plan = make_plan(found)
    if found.sounds:
        assert len(found.sounds) > 1
        assert [track for track in found.sounds if track.is_default] == [found.audio]
        assert plan.muxed is None
        assert [sound.track for sound in plan.sounds] == list(found.sounds)
    else:
        assert plan.muxed == found.audio


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts", "m2ts"])
def test_all_sounds_are_found_with_what_the_file_says(tmp_path: Path, suffix: str) -> None:
    found = look(clip(tmp_path / f"video.{suffix}", FOUR), LIMITS)
    assert [track.index for track in found.sounds] == [1, 2, 3, 4]
    assert [track.channels for track in found.sounds] == [2, 6, 2, 2]
    assert [track.language for track in found.sounds] == ["ger", "eng", "eng", ""]
    has_titles = not suffix.endswith("ts")  # nor does a transport stream know comments or a default
    if has_titles:
        assert [track.title for track in found.sounds] == ["Stereo", "", "Beschreibung", "Regie"]
    if suffix != "mov":  # FFmpeg's muxer keeps this for the others alone
        assert [track.is_described for track in found.sounds] == [False, False, True, False]
    if suffix in ("mp4", "mkv"):
        assert [track.is_commentary for track in found.sounds] == [False, False, False, True]
    assert found.audio == found.sounds[1 if has_titles else 0]
    assert found.extras.sounds == ()
    surround = "5.1" if has_titles else "6 channels"
    assert omissions(make_plan(found)) == (f"Surround sound: it is mixed from {surround} to stereo.",)
    assert_usual(found)


def test_of_a_sound_in_two_languages_the_first_one_is_told(tmp_path: Path) -> None:
    """A descriptor of MPEG-TS takes several (ISO/IEC 13818-1, 2.6.18), for two channels that say different things."""
    found = look(clip(tmp_path / "video.ts", (Spoken(language="fre,eng"), Spoken(language="ger"))), LIMITS)
    assert [track.language for track in found.sounds] == ["fre", "ger"]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_of_each_sound_the_same_is_known_as_if_it_were_alone(tmp_path: Path, suffix: str) -> None:
    """The second one begins late, the third one ends early."""
    spoken = (Spoken(), Spoken(1, after_s=0.7, layout="mono"), Spoken(0.6))
    source = clip(tmp_path / f"video.{suffix}", spoken)
    found = look(source, LIMITS)
    for number, track in enumerate(found.sounds):
        one = ["-map", "0:v", "-map", f"0:a:{number}", "-muxdelay", "0", "-muxpreload", "0"]
        single = remux(source, tmp_path / f"{number}.{suffix}", before=["-copyts"], after=one)
        known = look(single, LIMITS)
        assert known.sounds == ()
        assert known.audio == alone(track)
    assert_usual(found)


def test_the_length_is_that_of_the_pictures_and_the_default_sound(tmp_path: Path) -> None:
    spoken = (Spoken(9), Spoken(3, disposition="default"), Spoken(1, after_s=20))
    plan = make_plan(look(clip(tmp_path / "video.mkv", spoken), LIMITS))
    assert float(plan.timeline.duration_s) == pytest.approx(3, abs=0.1)
    assert plan.sounds[0].track.end_s == pytest.approx(9, abs=0.1)


def test_a_sound_far_from_all_pictures_has_no_times(tmp_path: Path) -> None:
    found = look(clip(tmp_path / "video.mkv", (Spoken(), Spoken(after_s=100))), LIMITS)
    assert [(track.heard_s is None, track.end_s is None) for track in found.sounds] == [(False, False), (True, True)]


def of_unknown_kind(path: Path) -> Path:
    """The first sound of this Matroska file can't be decoded any more."""
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_XYZ", 1))
    return path


@pytest.mark.parametrize("default", [0, 1])
def test_of_a_sound_that_nothing_can_decode_the_others_do_not_suffer(tmp_path: Path, default: int) -> None:
    spoken = [Spoken(language="ger"), Spoken(language="eng"), Spoken(language="fre")]
    spoken[default] = replace(spoken[default], disposition="default")
    found = look(of_unknown_kind(clip(tmp_path / "video.mkv", spoken)), LIMITS)
    assert [track.language for track in found.sounds] == ["eng", "fre"]
    assert found.audio == found.sounds[0]
    assert omissions(make_plan(found)) == ("1 other sound: ger (unknown format).",)
    assert_usual(found)


def test_one_sound_that_is_left_is_one_sound(tmp_path: Path) -> None:
    spoken = (Spoken(language="ger", disposition="default"), Spoken(language="eng"))
    found = look(of_unknown_kind(clip(tmp_path / "video.mkv", spoken)), LIMITS)
    assert found.sounds == ()
    assert found.audio is not None
    assert found.audio.index == 2
    assert_usual(found)


def test_a_default_sound_without_a_packet_is_not_taken(tmp_path: Path) -> None:
    spoken = (Spoken(language="ger", disposition="default"), Spoken(language="eng"))
    source = clip(tmp_path / "video.mkv", spoken, after=["-bsf:a:0", "noise=drop=1"])
    found = look(source, LIMITS)
    assert (found.sounds, found.audio and found.audio.index) == ((), 2)
    assert omissions(make_plan(found)) == ("1 other sound: ger (AAC).",)


def test_an_encrypted_sound_is_left_out(tmp_path: Path) -> None:
    source = clip(tmp_path / "video.mp4", (Spoken(language="ger"), Spoken(language="eng"), Spoken(language="fre")))
    data = source.read_bytes()
    at = data.rindex(b"mp4a")
    source.write_bytes(data[:at] + b"enca" + data[at + 4 :])
    found = look(source, LIMITS)
    assert [track.language for track in found.sounds] == ["ger", "eng"]
    assert [track.language for track in found.extras.sounds] == ["fre"]
    assert_usual(found)


def test_of_forty_sounds_sixteen_are_kept_and_the_default_one_is_among_them(tmp_path: Path) -> None:
    spoken = [Spoken(0.3, language="eng", title="Kommentar")] * 40
    spoken[30] = replace(spoken[30], disposition="default")
    found = look(clip(tmp_path / "video.mkv", spoken, audio=("-c:a", "pcm_s16le")), LIMITS)
    assert [track.index for track in found.sounds] == [*range(1, MOST_SOUNDS), 31]
    assert found.audio == found.sounds[-1]
    named = ", ".join(["eng “Kommentar” (PCM_S16LE)"] * 6)
    assert omissions(make_plan(found)) == (f"24 other sounds: {named} and 18 more.",)
    assert_usual(found)


def test_what_the_file_calls_one_sound_is_not_told(tmp_path: Path) -> None:
    """Plans of videos with one sound stay as they are."""
    found = look(clip(tmp_path / "video.mkv", (Spoken(language="ger", title="Stereo", disposition="default"),)), LIMITS)
    assert found.audio is not None
    assert alone(found.audio) == found.audio


def test_a_sound_that_changes_is_told_of_that_one_alone(tmp_path: Path) -> None:
    mono, stereo = (
        clip(tmp_path / f"{layout}.ts", (Spoken(7), Spoken(7, layout=layout))) for layout in ("mono", "stereo")
    )
    whole = tmp_path / "video.ts"
    whole.write_bytes(mono.read_bytes() + stereo.read_bytes())
    assert [track.is_changing for track in look(whole, LIMITS).sounds] == [False, True]


def test_tracks_that_are_left_out_are_named(tmp_path: Path) -> None:
    found = look(of_unknown_kind(clip(tmp_path / "video.mkv", FOUR, audio=AAC)), LIMITS)
    assert found.extras.sounds == (OtherTrack("", "ger", "Stereo"),)
