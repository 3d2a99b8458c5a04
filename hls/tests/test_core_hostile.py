"""Files made to do harm: cut off, with flipped bits, or something else with a video's file name."""

import random
import socket
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from hls.core.errors import Code, TranscodeError
from hls.core.plan import make_plan
from hls.core.probe import Limits, probe
from hls.tests.clips import Look, make
from hls.tests.watching import LIMITS, assert_plays, encode, encode_one, numbers

pytestmark = pytest.mark.ffmpeg

REFUSALS = {Code.UNREADABLE, Code.UNSUPPORTED, Code.NO_VIDEO}
LOOK = Look(width=160, height=120, duration_s=3)
SECRET = "top secret contents of a local file"
FORMATS: dict[str, dict[str, Any]] = {
    "mp4": {},
    "mkv": {},
    "ts": {},
    "avi": {"video": ("-c:v", "mpeg4", "-g", "10"), "audio": ("-c:a", "libmp3lame")},
    "webm": {
        "video": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "10"),
        "audio": ("-c:a", "libopus"),
    },
}


@pytest.fixture(scope="module", params=FORMATS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    suffix: str = request.param
    return make(tmp_path_factory.mktemp("whole") / f"video.{suffix}", look=LOOK, **FORMATS[suffix])


def outcome(source: Path, folder: Path) -> str:
    """The only permitted outcomes: a video that decodes, or a refusal with one of the codes for unreadable files."""
    try:
        clip = encode(source, folder)
    except TranscodeError as error:
        if error.code not in REFUSALS:
            raise
        return error.code
    assert_plays(clip)
    return "video"


@pytest.mark.parametrize("kept", [0.05, 0.4, 0.8])
def test_cut_off_file_is_played_as_far_as_it_goes_or_refused(whole: Path, tmp_path: Path, kept: float) -> None:
    source = tmp_path / whole.name
    data = whole.read_bytes()
    source.write_bytes(data[: int(len(data) * kept)])
    if outcome(source, tmp_path) == "video":
        assert numbers(tmp_path / "480p.ts")


@pytest.mark.parametrize("seed", range(3))
def test_flipped_bits_end_in_a_video_or_a_refusal(whole: Path, tmp_path: Path, seed: int) -> None:
    dice = random.Random(f"{whole.name} {seed}")
    data = bytearray(whole.read_bytes())
    for _ in range(len(data) // 2000 + 1):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    source = tmp_path / whole.name
    source.write_bytes(data)
    outcome(source, tmp_path)


def test_noise_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "video.mp4"
    source.write_bytes(random.Random(0).randbytes(50_000))
    assert outcome(source, tmp_path) in REFUSALS


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video elsewhere on the disk, which no upload may make visible."""
    return make(tmp_path_factory.mktemp("elsewhere") / "secret.ts", look=LOOK)


DISGUISES = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:3,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\nduration 3\n",
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT3S">'
        '<Period><AdaptationSet mimeType="video/mp2t"><Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>"
    ),
    "asx": '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "text": SECRET,
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{target}"/></svg>',
    "subtitles": "1\n00:00:00,000 --> 00:00:02,000\nHello\n",
}


@pytest.mark.parametrize(("name", "suffix"), [*((name, "mp4") for name in DISGUISES), ("hls", "ts"), ("hls", "avi")])
def test_disguised_list_of_local_files_is_refused(tmp_path: Path, secret: Path, name: str, suffix: str) -> None:
    source = tmp_path / f"video.{suffix}"
    source.write_text(DISGUISES[name].format(target=secret))
    assert outcome(source, tmp_path) in REFUSALS


@pytest.mark.parametrize("name", ["hls", "concat", "dash", "asx", "sdp"])
def test_disguised_list_of_urls_asks_nobody(tmp_path: Path, name: str) -> None:
    """SSRF: the parser mustn't connect to an address in the file."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        source = tmp_path / "video.mp4"
        source.write_text(DISGUISES[name].format(target=f"http://127.0.0.1:{server.getsockname()[1]}/segment.ts"))
        assert outcome(source, tmp_path) in REFUSALS
        with pytest.raises(TimeoutError):
            server.accept()


def test_list_put_in_place_of_a_probed_video_is_not_followed(tmp_path: Path, secret: Path) -> None:
    """The file changes between probing and encoding, with the same size: the probed demuxer is forced."""
    source = make(tmp_path / "video.mp4", look=LOOK)
    plan = make_plan(probe(source, limits=LIMITS))
    text = DISGUISES["hls"].format(target=secret)
    source.write_text(text + "#" * (source.stat().st_size - len(text)))
    with pytest.raises(TranscodeError):
        encode_one(plan, 0, source, tmp_path)


def test_parser_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    source = make(tmp_path / "video.mp4", look=LOOK)
    started = time.monotonic()
    with pytest.raises(TranscodeError) as caught:
        probe(source, limits=Limits(max_duration_s=60, max_pixels=LIMITS.max_pixels, timeout_s=0.01))
    assert caught.value.code == Code.TIMEOUT
    assert time.monotonic() - started < 3


def test_parser_that_wants_too_much_memory_is_refused_it(tmp_path: Path) -> None:
    source = make(tmp_path / "video.mp4", look=LOOK)
    with pytest.raises(TranscodeError) as caught:
        probe(source, limits=Limits(max_duration_s=60, max_pixels=LIMITS.max_pixels, memory_bytes=150_000_000))
    assert caught.value.code == Code.UNREADABLE


def test_several_hostile_files_at_once_leave_the_worker_alone(tmp_path: Path) -> None:
    """Threads share this process, as a worker's do."""
    seen: list[Code] = []

    def look(number: int) -> None:
        source = tmp_path / f"{number}.mp4"
        source.write_bytes(random.Random(number).randbytes(20_000))
        try:
            probe(source, limits=LIMITS)
        except TranscodeError as error:
            seen.append(error.code)

    threads = [Thread(target=look, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert set(seen) <= REFUSALS
