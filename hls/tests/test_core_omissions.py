"""What is missing from the result is found in real files and described in sentences."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hls.core.inspection.probing import look
from hls.core.omissions import omissions
from hls.core.plan import Plan, make_plan
from hls.core.probe import AudioTrack, Extras, OtherTrack, Source
from hls.tests.clips import Look, ffmpeg, in_moov, make, picture, remux, sound
from hls.tests.factories import source
from hls.tests.watching import LIMITS

SMALL = Look(width=160, height=120, duration_s=1)
GERMAN = OtherTrack("ac3", "deu", "Kommentar")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


STEREO = AudioTrack(1, "aac", 2, 48_000)
NOTHING = Extras()


def said(changes: dict[str, Any], extras: Extras = NOTHING, audio: AudioTrack | None = STEREO) -> list[str]:
    clip = replace(source(), extras=extras, audio=audio)
    return list(omissions(make_plan(replace(clip, video=replace(clip.video, **changes)))))


def test_of_an_ordinary_video_nothing_is_left_out() -> None:
    assert said({}) == []
    assert said({"width": 1919, "height": 1081}) == [], "a pixel is no loss"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"width": 3840, "height": 2160}, "The full size: 3840 x 2160 becomes 1920 x 1080."),
        ({"width": 1080, "height": 2400}, None),
        ({"width": 1600, "height": 900}, "The full size: 1600 x 900 becomes 1280 x 720."),
        ({"rate": Fraction(120)}, "The full rate: of 120 pictures a second 60 are kept."),
        ({"rate": Fraction(120000, 1001)}, "The full rate: of 119.88 pictures a second 59.94 are kept."),
        ({"rate": Fraction(60)}, None),
        ({"rate": Fraction(60058, 1000)}, None),
        ({"rate": Fraction(1, 2)}, None),
        ({"transfer": "smpte2084"}, "High dynamic range: PQ is converted to the usual range (SDR)."),
        ({"transfer": "arib-std-b67"}, "High dynamic range: HLG is converted to the usual range (SDR)."),
    ],
)
def test_what_becomes_of_the_picture_is_said(changes: dict[str, Any], sentence: str | None) -> None:
    assert said(changes) == ([sentence] if sentence else [])


@pytest.mark.parametrize(
    ("extras", "sentence"),
    [
        (Extras(sounds=(GERMAN,)), "1 other sound: deu “Kommentar” (AC3)."),
        (
            Extras(sounds=(OtherTrack("aac", "", ""), OtherTrack("", "", "Rohton"))),
            "2 other sounds: (AAC), “Rohton” (unknown format).",
        ),
        (Extras(sounds=(GERMAN,) * 9), f"9 other sounds: {', '.join(['deu “Kommentar” (AC3)'] * 6)} and 3 more."),
        (Extras(pictures=(OtherTrack("h264", "", "Camera 2"),)), "1 other picture track: “Camera 2” (H264)."),
        (Extras(subtitles=(OtherTrack("pgssub", "eng", "forced"),)), "Subtitles: eng “forced” (Blu-ray pictures)."),
        (
            Extras(subtitle_pictures=(OtherTrack("pgssub", "eng", ""), OtherTrack("dvbsub", "", "Signs"))),
            "Subtitles that are pictures can't be converted: eng (Blu-ray pictures), “Signs” (DVB pictures).",
        ),
        (Extras(chapters=1), "1 chapter."),
        (Extras(chapters=12), "12 chapters."),
        (Extras(has_captions=True), "Closed captions inside of the picture."),
        (Extras(has_alpha=True), "Transparency: videos have a solid background."),
        (
            Extras(projection="cubemap"),
            "The 360° view: the picture is shown flat, as it is stored (cubemap).",
        ),
        (Extras(layout="stereo"), None),
    ],
)
def test_what_else_the_file_has_is_said(extras: Extras, sentence: str | None) -> None:
    assert said({}, extras) == ([sentence] if sentence else [])


def test_surround_is_said_also_of_videos_that_were_planned_before_their_layout_was_kept() -> None:
    six = AudioTrack(1, "ac3", 6, 48_000)
    assert said({}, Extras(layout="5.1"), six) == ["Surround sound: it is mixed from 5.1 to stereo."]
    assert said({}, Extras(), six) == ["Surround sound: it is mixed from 6 channels to stereo."]


def test_surround_of_any_of_several_sounds_is_said() -> None:
    six = replace(STEREO, index=2, channels=6)
    clip = replace(source(), audio=STEREO, sounds=(STEREO, six), extras=Extras(layout="stereo"))
    assert list(omissions(make_plan(clip))) == ["Surround sound: it is mixed from 6 channels to stereo."]


def test_a_video_that_is_silent_for_want_of_a_decoder_says_so() -> None:
    assert said({}, Extras(sounds=(OtherTrack("ac4", "eng", ""),)), None) == [
        "The sound, which can't be decoded: eng (AC4)."
    ]


def test_a_plan_from_before_loses_nothing_and_says_what_it_knows() -> None:
    older = make_plan(source(width=3840, height=2160)).to_json()
    del older["source"]["extras"], older["source"]["video"]["counted_rate"]
    plan = Plan.from_json(older)
    assert plan.source.extras == Extras()
    assert list(omissions(plan)) == ["The full size: 3840 x 2160 becomes 1920 x 1080."]


def found(path: Path) -> Extras:
    clip: Source = look(path, LIMITS)
    return clip.extras


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("video.mov", ("-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le")),
        ("video.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuva420p")),
    ],
)
def test_transparency_is_found(tmp_path: Path, name: str, video: tuple[str, ...]) -> None:
    clip = make(tmp_path / name, look=SMALL, video=video, audio=None, filters="format=yuva444p")
    assert found(clip) == Extras(has_alpha=True)


def box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + name + content


@pytest.mark.ffmpeg
def test_a_video_of_all_around_is_found(tmp_path: Path) -> None:
    """Google's Spherical Video V2."""
    head, bounds = box(b"prhd", bytes(16)), box(b"equi", bytes(20))
    spherical = box(b"sv3d", box(b"svhd", bytes(4) + b"camera\0") + box(b"proj", head + bounds))
    clip = make(tmp_path / "video.mp4", look=SMALL, audio=None)
    clip.write_bytes(in_moov(clip.read_bytes(), (b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"), spherical))
    assert found(clip) == Extras(projection="equirectangular")


@pytest.mark.ffmpeg
def test_captions_inside_of_the_picture_are_found(tmp_path: Path) -> None:
    """As American television has them, in an SEI message of H.264 (ATSC A/53 part 4)."""
    clip = make(tmp_path / "plain.mp4", look=SMALL, audio=None)
    captions = "b50031474139340341ff" + "fc9420" + "ff"  # country, provider, GA94, one pair of bytes
    payload = f"06{4:02x}{len(captions) // 2:02x}{captions}80"
    plain = remux(clip, tmp_path / "plain.h264", after=["-bsf:v", "h264_mp4toannexb"])
    data = plain.read_bytes()
    at = data.index(b"\x00\x00\x01\x65")
    plain.write_bytes(data[:at] + b"\x00\x00\x01" + bytes.fromhex(payload) + data[at:])
    assert found(plain) == Extras(has_captions=True)


@pytest.mark.ffmpeg
def test_sound_of_an_unknown_kind_is_found(tmp_path: Path) -> None:
    clip = make(tmp_path / "video.mkv", look=SMALL)
    clip.write_bytes(clip.read_bytes().replace(b"A_AAC", b"A_XYZ"))
    assert found(clip) == Extras(sounds=(OtherTrack("", "", ""),))


@pytest.mark.ffmpeg
def test_names_that_are_no_utf_8_do_not_make_a_video_unreadable(tmp_path: Path) -> None:
    titles = [f"-metadata:s:a:{number}" for number in range(2)]
    inputs = [part for text in (picture(SMALL), sound(1), sound(1)) for part in ("-f", "lavfi", "-i", text)]
    maps = ["-map", "0", "-map", "1", "-map", "2", titles[0], "title=Cafe", titles[1], "title=Cafe"]
    clip = tmp_path / "video.avi"
    ffmpeg(*inputs, *maps, "-c:v", "mpeg4", "-c:a", "libmp3lame", str(clip))
    clip.write_bytes(clip.read_bytes().replace(b"Cafe", b"Caf\xe9"))
    assert [track.title for track in look(clip, LIMITS).sounds] == ["Caf\ufffd", "Caf\ufffd"]


OF_SUFFIX = {  # pictures and sound that a container takes, where H.264 and AAC are not its own
    "ogv": (("-c:v", "libtheora"), ("-c:a", "libvorbis")),
    "avi": (("-c:v", "mpeg4"), ("-c:a", "libmp3lame")),
    "wmv": (("-c:v", "wmv2"), ("-c:a", "wmav2")),
}
FRAGMENTS = ("-movflags", "frag_keyframe+empty_moov+default_base_moof", "-g", "50")


@pytest.mark.parametrize(
    ("suffix", "after"),
    [
        ("mkv", ()),
        ("mp4", ("-movflags", "faststart")),
        ("flv", ()),
        ("ogv", ()),
        ("avi", ()),
        ("wmv", ()),
        ("mov", FRAGMENTS),
    ],
)
def test_the_rest_of_a_file_that_is_cut_off_is_said(tmp_path: Path, suffix: str, after: tuple[str, ...]) -> None:
    """The OGG file has two recordings: FFmpeg can't read on after the first one's end."""
    video, audio = OF_SUFFIX.get(suffix, (H264, ("-c:a", "aac")))
    look_20 = Look(width=160, height=120, duration_s=20)
    whole = make(tmp_path / f"whole.{suffix}", look=look_20, video=video, audio=audio, after=after)
    other = make(tmp_path / f"other.{suffix}", look=SMALL, video=video, audio=audio)
    data = whole.read_bytes()
    rest = data + other.read_bytes() if suffix == "ogv" else data[: len(data) // 2]
    (tmp_path / f"cut.{suffix}").write_bytes(rest)
    assert omissions(make_plan(look(whole, LIMITS))) == ()
    (sentence,) = omissions(make_plan(look(tmp_path / f"cut.{suffix}", LIMITS)))
    assert sentence.startswith("What comes after 0:00:")


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_the_end_of_a_file_with_other_tracks_that_is_cut_off_is_said(tmp_path: Path, suffix: str) -> None:
    """How long such a file lasts is not told for certain: subtitles may go on after the pictures."""
    (tmp_path / "text.srt").write_text("1\n00:00:01,000 --> 00:00:19,500\nHello\n")
    clip = make(tmp_path / f"clip.{suffix}", look=Look(width=160, height=120, duration_s=20), video=H264)
    whole, codec = tmp_path / f"whole.{suffix}", "mov_text" if suffix == "mp4" else "srt"
    inputs = ("-i", str(clip), "-i", str(tmp_path / "text.srt"), "-map", "0", "-map", "1")
    ffmpeg(*inputs, "-c", "copy", "-c:s", codec, "-movflags", "faststart", str(whole))
    data = whole.read_bytes()
    (tmp_path / f"cut.{suffix}").write_bytes(data[: len(data) * 97 // 100])
    assert omissions(make_plan(look(whole, LIMITS))) == ()
    (sentence,) = omissions(make_plan(look(tmp_path / f"cut.{suffix}", LIMITS)))
    assert sentence == "What comes after 0:00:19: the file is cut off there, or damaged."


@pytest.mark.parametrize(
    ("suffix", "parts", "after"),
    [("mp4", 2, 1), ("mov", 2, 1), ("flv", 2, 1), ("wmv", 2, 1), ("mkv", 3, 2), ("mkv", 2, None), ("ts", 2, None)],
)
def test_recordings_that_are_not_read_are_told(tmp_path: Path, suffix: str, parts: int, after: int | None) -> None:
    """A file that was joined byte by byte became a video of its first part, or first two, without a word."""
    is_asf = suffix == "wmv"
    video, audio = (("-c:v", "wmv2"), ("-c:a", "wmav2")) if is_asf else (H264, ("-c:a", "aac", "-ar", "44100"))
    one = make(tmp_path / f"one.{suffix}", look=replace(SMALL, duration_s=4), video=video, audio=audio)
    several = tmp_path / f"several.{suffix}"
    several.write_bytes(one.read_bytes() * parts)
    found = look(several, LIMITS)
    ends = timedelta(seconds=(after or parts) * 4)
    expected = f"What comes after {ends}: the file was joined of several recordings, and the rest can't be read."
    assert omissions(make_plan(look(one, LIMITS))) == ()
    assert omissions(make_plan(found)) == ((expected,) if after else ())
    assert abs(found.duration_s - (after or parts) * 4) < 0.1


def test_a_stream_whose_head_is_repeated_is_not_taken_for_several_recordings(tmp_path: Path) -> None:
    """As players' segments are joined, each of which has the head before it."""
    fragments = ("-movflags", "frag_keyframe+empty_moov+default_base_moof", "-g", "10")
    data = make(tmp_path / "one.mp4", look=SMALL, video=H264, audio=None, after=fragments).read_bytes()
    begins = [at - 4 for at in range(len(data)) if data.startswith(b"moof", at)]
    assert len(begins) > 2
    segments = (data[begin:end] for begin, end in pairwise([*begins, len(data)]))
    (tmp_path / "joined.mp4").write_bytes(b"".join(data[: begins[0]] + segment for segment in segments))
    assert omissions(make_plan(look(tmp_path / "joined.mp4", LIMITS))) == ()
