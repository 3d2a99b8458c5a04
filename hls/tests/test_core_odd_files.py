"""Files with more or fewer tracks than one picture and one sound, and file names with shell characters."""

from pathlib import Path

import pytest

from hls.core.errors import Code, TranscodeError
from hls.core.probe import Limits, probe
from hls.tests.clips import Look, ffmpeg, make, picture, remux, sound
from hls.tests.watching import LIMITS, WatchedVideo, assert_plays, beep_times, encode, numbers

pytestmark = pytest.mark.ffmpeg

SMALL = Look(width=160, height=120, duration_s=2.2)
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac")
SILENCE = "anullsrc=r=48000:cl=stereo:d=2.2"
STILL = "color=red:s=160x120:r=1:d=1"
FRAMES_TOLD = ("-metadata:s:v:0", "NUMBER_OF_FRAMES-eng=1", "-metadata:s:v:1", "NUMBER_OF_FRAMES-eng=55")
NAVIGATION = b"\x00\x00\x01\xbf\x03\xd4\x00" + bytes(979)  # of a DVD: a PES packet of private stream 2


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("film") / "film.mp4", look=SMALL)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("words") / "words.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    return path


def assert_is_film(clip: WatchedVideo) -> None:
    """The pictures are the film's, and so is the sound."""
    assert_plays(clip)
    assert numbers(clip.joined("480p")) == list(range(55))
    assert [round(at_s - 10, 1) for at_s in beep_times(clip.joined("480p"))] == [0, 1, 2]


def refusal(path: Path, limits: Limits = LIMITS) -> Code:
    with pytest.raises(TranscodeError) as caught:
        probe(path, limits=limits)
    return caught.value.code


@pytest.mark.parametrize("default", [0, 1])
def test_of_several_sounds_the_default_one_is_taken(tmp_path: Path, default: int) -> None:
    source = tmp_path / "video.mkv"
    inputs = [part for text in (picture(SMALL), SILENCE, sound(2.2)) for part in ("-f", "lavfi", "-i", text)]
    flags = [f"-disposition:a:{default}", "default", f"-disposition:a:{1 - default}", "0"]
    ffmpeg(*inputs, "-map", "0", "-map", "1", "-map", "2", *H264, *AAC, *flags, str(source))
    clip = encode(source, tmp_path)
    (taken,) = [each for each in clip.plan.sounds if each.track == clip.plan.source.audio]
    assert len(beep_times(clip.joined(taken.name))) == (3 if default == 1 else 0)


def test_subtitles_cover_art_and_chapters_are_ignored(tmp_path: Path, words: Path) -> None:
    cover = tmp_path / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", str(cover))
    source = tmp_path / "video.mp4"
    inputs = [
        "-i",
        str(cover),
        "-i",
        str(words),
        "-f",
        "lavfi",
        "-i",
        picture(SMALL),
        "-f",
        "lavfi",
        "-i",
        sound(2.2),
    ]
    maps = ["-map", "0", "-map", "2", "-map", "3", "-map", "1", "-c:v:0", "copy", "-disposition:v:0", "attached_pic"]
    codecs = ["-c:v:1", "libx264", "-preset:v:1", "ultrafast", "-pix_fmt:v:1", "yuv420p", *AAC, "-c:s", "mov_text"]
    ffmpeg(*inputs, *maps, *codecs, str(source))
    clip = encode(source, tmp_path)
    assert numbers(clip.joined("480p")) == list(range(55))
    assert_plays(clip)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mp3", "flac", "wav", "ogg", "ts"])
def test_sound_alone_is_refused_as_no_video(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"song.{suffix}"
    ffmpeg("-f", "lavfi", "-i", sound(1), str(source))
    assert refusal(source) == Code.NO_VIDEO


def test_song_with_cover_art_is_refused_as_no_video(tmp_path: Path) -> None:
    source = tmp_path / "song.mp4"
    inputs = ["-f", "lavfi", "-i", "color=red:s=64x64", "-f", "lavfi", "-i", sound(1)]
    ffmpeg(*inputs, "-frames:v", "1", "-c:v", "mjpeg", *AAC, "-disposition:v", "attached_pic", str(source))
    assert refusal(source) == Code.NO_VIDEO


@pytest.mark.parametrize(
    "name",
    [
        "-i video.mp4",
        "a b\tc.mp4",
        "line\nbreak.mp4",
        "%03d.mp4",
        "concat:a|b.mp4",
        "http:evil.mp4",
        "quote'\";$(touch x).mp4",
        "Größe 映画 🎬.mp4",
        "no extension",
    ],
)
def test_strange_names_are_only_names(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "%d [odd]: folder"
    folder.mkdir()
    made = make(tmp_path / "video.mp4", look=Look(width=64, height=48, duration_s=0.4))
    clip = encode(made.rename(folder / name), folder)
    assert clip.plan.timeline.frame_count == 10
    assert_plays(clip)


def test_video_longer_than_allowed_is_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "video.mp4", look=SMALL)
    assert refusal(source, Limits(max_duration_s=1.5, max_pixels=LIMITS.max_pixels)) == Code.TOO_LONG


def test_video_larger_than_allowed_is_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "video.mp4", look=SMALL)
    assert refusal(source, Limits(max_duration_s=60, max_pixels=160 * 120 - 1)) == Code.TOO_LARGE


def test_more_tracks_than_allowed_are_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "video.mp4", look=SMALL)
    assert refusal(source, Limits(max_duration_s=60, max_pixels=LIMITS.max_pixels, max_tracks=1)) == Code.UNSUPPORTED


def test_file_that_is_gone_is_missed(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.mp4") == Code.SOURCE_MISSING


def test_empty_file_and_folder_are_unreadable(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert refusal(tmp_path / "empty.mp4") == Code.UNREADABLE
    assert refusal(tmp_path) == Code.UNREADABLE


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("video.mkv", ("-c:s", "subrip")),
        ("video.mp4", ("-c:s", "mov_text")),
        ("video.ts", ("-c:s", "copy")),  # data of an unknown kind
    ],
)
def test_text_before_picture_and_sound_is_no_obstacle(
    film: Path, words: Path, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    source = remux(film, tmp_path / name, before=("-i", str(words)), after=("-map", "0", "-map", "1", *options))
    assert_is_film(encode(source, tmp_path))


def test_packs_for_navigation_before_picture_and_sound_are_no_obstacle(film: Path, tmp_path: Path) -> None:
    disc = tmp_path / "disc.vob"
    ffmpeg("-i", str(film), "-c:v", "mpeg2video", "-q:v", "4", "-c:a", "mp2", str(disc))
    data = disc.read_bytes()
    pack = data[: 14 + (data[13] & 7)]  # with its stuffing
    disc.write_bytes(pack + NAVIGATION + data)
    clip = encode(disc, tmp_path)
    assert clip.plan.source.video.index == 1
    assert_is_film(clip)


@pytest.mark.parametrize(
    ("name", "codec", "shown"),
    [
        ("another.mkv", "libx264", "1"),  # the film's picture track is the second one, and the default one
        ("still.mp4", "mjpeg", "1"),
        ("empty.mkv", "libx264", "0"),
    ],
)
def test_picture_track_before_the_default_one_is_no_obstacle(
    film: Path, tmp_path: Path, name: str, codec: str, shown: str
) -> None:
    other = ("-map", "0", "-c:v:0", codec, "-pix_fmt:v:0", "yuvj420p", "-filter:v:0", f"select={shown}")
    flags = ("-disposition:v:0", "0", "-disposition:v:1", "default")
    before = ("-f", "lavfi", "-i", STILL)
    source = remux(film, tmp_path / name, before=before, after=(*other, "-map", "1", *flags))
    clip = encode(source, tmp_path)
    assert clip.plan.source.video.index == 1
    assert_is_film(clip)


@pytest.mark.parametrize("name", ["cover.mkv", "cover.mp4", "cover.mov", "mkvmerge.mkv"])
@pytest.mark.parametrize("default", ["0", "default"])
@pytest.mark.parametrize("codec", ["mjpeg", "png"])
def test_still_before_the_film_is_a_cover_also_without_the_mark(
    film: Path, tmp_path: Path, name: str, default: str, codec: str
) -> None:
    source = with_first(film, tmp_path / name, STILL, "-c:v:0", codec, "-disposition:v:0", default)
    if name == "mkvmerge.mkv":  # which tells a number of frames, and here no duration
        source = remux(source, tmp_path / "told.mkv", after=("-map", "0", *FRAMES_TOLD))
        source.write_bytes(source.read_bytes().replace(b"DURATION", b"NOTHING!"))
    assert probe(source, limits=LIMITS).video.frame_count == 55


@pytest.mark.parametrize("name", ["video.mkv", "video.mp4"])
@pytest.mark.parametrize(
    ("first", "options"),
    [
        ("testsrc2=s=160x120:r=5:d=3", ("-c:v:0", "mjpeg")),
        ("testsrc2=s=160x120:r=1:d=2", ("-c:v:0", "png")),
        (STILL, ("-c:v:0", "libx264", "-pix_fmt:v:0", "yuv420p")),  # a picture that no cover is made of
    ],
)
def test_of_several_picture_tracks_the_first_one_is_taken_if_it_is_no_cover(
    film: Path, tmp_path: Path, name: str, first: str, options: tuple[str, ...]
) -> None:
    source = with_first(film, tmp_path / name, first, *options, "-disposition:v:0", "default")
    assert probe(source, limits=LIMITS).video.index == 0


def test_still_beside_a_track_that_cannot_be_decoded_is_taken(film: Path, tmp_path: Path) -> None:
    source = with_first(film, tmp_path / "video.mkv", STILL, "-c:v:0", "mjpeg")
    source.write_bytes(source.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_UNKNOWN/ABCDE"))
    assert probe(source, limits=LIMITS).video.index == 0


def with_first(film: Path, target: Path, first: str, *options: str) -> Path:
    """The film behind a picture track of this lavfi source; it isn't marked as the default one."""
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "0", *options)
    ffmpeg("-f", "lavfi", "-i", first, "-i", str(film), *maps, str(target))
    return target


@pytest.mark.parametrize("codec", [("libx264", "-x264-params", "b-adapt=0"), ("libx265", "-x265-params", "bframes=4")])
def test_one_picture_that_could_be_reordered_is_shown_also_if_the_sound_is_stored_first(
    tmp_path: Path, codec: tuple[str, ...]
) -> None:
    source = tmp_path / "video.mp4"
    inputs = ("-f", "lavfi", "-i", sound(3), "-f", "lavfi", "-i", picture(Look(160, 120, "1", 1)))
    options = ("-map", "0", "-map", "1", "-c:v", *codec, "-bf", "3", "-pix_fmt", "yuv420p", *AAC)
    ffmpeg(*inputs, *options, str(source))
    clip = encode(source, tmp_path)
    assert clip.plan.source.video.frame_count == 1
    assert_plays(clip)


def test_formats_are_called_by_their_names_not_by_their_decoders(tmp_path: Path) -> None:
    """Of AV1 a film's page said LIBDAV1D, and of MP3 MP3FLOAT."""
    sounds = ("-map", "0", "-map", "1", "-map", "1", "-c:a:0", "libmp3lame", "-c:a:1", "ac3")
    inputs = ("-f", "lavfi", "-i", picture(SMALL), "-f", "lavfi", "-i", sound(2.2))
    ffmpeg(*inputs, *sounds, "-c:v", "libsvtav1", "-preset", "12", str(tmp_path / "film.mkv"))
    found = probe(tmp_path / "film.mkv", limits=LIMITS)
    assert [found.video.codec, *(track.codec for track in found.sounds)] == ["av1", "mp3", "ac3"]
