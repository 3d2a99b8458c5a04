"""Encrypted sources are refused with that reason, however they are marked; clear ones with similar marks play."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from hls.core.errors import Code, Reason, TranscodeError
from hls.core.inspection.probing import look
from hls.core.inspection.protection import Protection, protection
from hls.core.probe import Source, probe
from hls.tests.clips import Look, ffmpeg, make, picture, remux, sound
from hls.tests.watching import LIMITS

pytestmark = pytest.mark.ffmpeg

LOOK = Look(width=160, height=120, duration_s=2)
KEY = ("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
CENC = ("-encryption_scheme", "cenc-aes-ctr", *KEY)
BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
NOISE = Random(7).randbytes(1 << 16)


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("clear") / "video.mp4", look=LOOK)


def looked_into(path: Path) -> Source:
    return look(path, LIMITS)


def assert_said(path: Path, looked: Callable[[Path], Source] = looked_into) -> None:
    with pytest.raises(TranscodeError) as caught:
        looked(path)
    assert (caught.value.code, caught.value.reason) == (Code.UNSUPPORTED, Reason.ENCRYPTED), caught.value.detail
    assert "copy-protected" in caught.value.advice.sentence


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("options", [(), ("-movflags", "frag_keyframe+empty_moov+default_base_moof"), ("-f", "mov")])
def test_common_encryption_is_said(clear: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    encryption = () if "mov" in options else CENC
    source = remux(clear, tmp_path / "video.mp4", after=[*encryption, *options])
    if not encryption:  # a sample entry of an unknown scheme: libav finds no decoder for it
        source.write_bytes(renamed(source.read_bytes(), b"avc1", b"encv"))
    assert_said(source, lambda path: probe(path, limits=LIMITS))  # in a process of its own


def renamed(data: bytes, name: bytes, other: bytes) -> bytes:
    """Rename the last sample entry of this name; `moov` is at the end of the file."""
    at = data.rindex(name, data.rindex(b"moov"))
    return data[:at] + other + data[at + 4 :]


@pytest.mark.parametrize(("name", "other"), [(b"avc1", b"drmi"), (b"mp4a", b"drms"), (b"mp4a", b"enca")])
def test_fairplay_and_encrypted_sound_with_clear_pictures_are_said(
    clear: Path, tmp_path: Path, name: bytes, other: bytes
) -> None:
    assert_said(written(tmp_path / "video.m4v", renamed(clear.read_bytes(), name, other)))


def test_a_clear_beginning_does_not_hide_the_encrypted_rest(clear: Path, tmp_path: Path) -> None:
    """Packagers leave the first seconds clear, with a sample entry of their own."""
    data = bytearray(clear.read_bytes())
    place, sizes = 0, []
    for name in BOXES:
        place = data.index(name, data.rindex(b"moov") if name == b"moov" else place)
        sizes.append(place - 4)
    entry = place + 12
    length = int.from_bytes(data[entry : entry + 4])
    second = bytes(data[entry : entry + length]).replace(b"avc1", b"encv", 1)
    for at in sizes:
        data[at : at + 4] = (int.from_bytes(data[at : at + 4]) + length).to_bytes(4)
    data[place + 8 : place + 12] = (2).to_bytes(4)
    data[entry + length : entry + length] = second
    assert_said(written(tmp_path / "video.mp4", bytes(data)))


def test_of_a_clear_and_an_encrypted_sound_the_clear_one_is_taken(tmp_path: Path) -> None:
    source = tmp_path / "video.mp4"
    inputs = [part for text in (picture(LOOK), sound(2), sound(2)) for part in ("-f", "lavfi", "-i", text)]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-disposition:a:1", "default", "-disposition:a:0", "0"]
    ffmpeg(*inputs, *maps, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", str(source))
    source.write_bytes(renamed(source.read_bytes(), b"mp4a", b"enca"))
    audio = looked_into(source).audio
    assert audio is not None
    assert audio.index == 1


def test_a_video_that_was_decrypted_plays_though_its_licence_is_still_there(clear: Path, tmp_path: Path) -> None:
    data = clear.read_bytes()
    licence = b"pssh" + bytes(4) + NOISE[:16] + (32).to_bytes(4) + NOISE[:32]
    box = (len(licence) + 4).to_bytes(4) + licence
    at = data.rindex(b"moov") - 4
    size = int.from_bytes(data[at : at + 4])
    whole = data[:at] + (size + len(box)).to_bytes(4) + data[at + 4 : at + size] + box + data[at + size :]
    assert looked_into(written(tmp_path / "video.mp4", whole)).video.frame_count == 50


def element(name: bytes, content: bytes, *, length: int = 0) -> bytes:
    """An EBML element; with a `length`, a void element fills it up."""
    made = name + (0x4000 | len(content)).to_bytes(2) + content
    return made + (element(b"\xec", bytes(length - len(made) - 3)) if length else b"")


@pytest.mark.parametrize("key", [b"", element(b"\x47\xe2", NOISE[:16])])
@pytest.mark.parametrize("track", ["v", "a"])
def test_encrypted_matroska_is_said(clear: Path, tmp_path: Path, track: str, key: bytes) -> None:
    name = "x" * 90
    source = remux(clear, tmp_path / "video.mkv", after=["-map", "0", f"-metadata:s:{track}:0", f"title={name}"])
    data = source.read_bytes()
    at = data.index(name.encode()) - 3  # the element Name: two bytes, and one for its size
    assert data[at : at + 2] == b"\x53\x6e"
    encryption = element(b"\x50\x35", element(b"\x47\xe1", b"\x05") + key)
    encoding = element(b"\x62\x40", element(b"\x50\x33", b"\x01") + encryption)
    hidden = element(b"\x6d\x80", encoding, length=93)
    assert_said(written(source, data[:at] + hidden + data[at + len(hidden) :]))


@pytest.mark.parametrize(
    "name",
    [
        "fbb31122 23bd d211 b4b700a0c955fc6e",  # Content Encryption
        "14e68a29 2226 174c b935dae07ee9289c",  # Extended Content Encryption
        "33850543 8169 e649 9b74ad12cb86d58c",  # Advanced Content Encryption, within the header's extension
    ],
)
def test_windows_media_with_rights_management_is_said(tmp_path: Path, name: str) -> None:
    source = make(tmp_path / "video.wmv", look=LOOK, video=("-c:v", "wmv2"), audio=("-c:a", "wmav2"))
    data = source.read_bytes()
    guid = bytes.fromhex(name.replace(" ", ""))
    added = guid + (24 + 64).to_bytes(8, "little") + NOISE[:64]
    if name.startswith("33"):
        extension = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")
        inner = bytes.fromhex("11d2d3abbaa9cf118ee600c00c205365") + (6).to_bytes(2, "little")
        content = inner + len(added).to_bytes(4, "little") + added
        added = extension + (24 + len(content)).to_bytes(8, "little") + content
    size, count = int.from_bytes(data[16:24], "little"), int.from_bytes(data[24:28], "little")
    header = (size + len(added)).to_bytes(8, "little") + (count + 1).to_bytes(4, "little")
    assert_said(written(source, data[:16] + header + data[28:30] + added + data[30:]))


def test_filtered_flash_video_is_said(clear: Path, tmp_path: Path) -> None:
    source = remux(clear, tmp_path / "video.flv", after=["-flvflags", "no_metadata"])
    data = source.read_bytes()
    assert data[13] == 9  # the first tag belongs to the picture track
    assert_said(written(source, data[:13] + bytes([9 | 0x20]) + data[14:]))


def noisy(data: bytes, begin: int, end: int) -> bytes:
    return data[:begin] + NOISE[: end - begin] + data[end:]


def scrambled_packet(packet: bytes, pids: tuple[int, ...], *, is_noise: bool = True) -> bytes:
    """A transport packet whose payload is scrambled with the odd key."""
    if int.from_bytes(packet[1:3]) & 0x1FFF not in pids or not packet[3] & 0x10:
        return packet
    begin = 5 + packet[4] if packet[3] & 0x20 else 4
    marked = packet[:3] + bytes([packet[3] | 0xC0]) + packet[4:]
    return noisy(marked, begin, len(packet)) if is_noise else marked


def transport(source: Path, change: Callable[[bytes], bytes]) -> Path:
    data = source.read_bytes()
    return written(source, b"".join(change(data[at : at + 188]) for at in range(0, len(data), 188)))


@pytest.mark.parametrize("pids", [(0x100, 0x101), (0x101,)])
def test_scrambled_recordings_are_said_also_if_only_the_sound_is(
    clear: Path, tmp_path: Path, pids: tuple[int, ...]
) -> None:
    assert_said(transport(remux(clear, tmp_path / "video.ts"), lambda packet: scrambled_packet(packet, pids)))


def test_a_recording_that_was_descrambled_plays_though_it_is_still_marked(clear: Path, tmp_path: Path) -> None:
    source = remux(clear, tmp_path / "video.ts")
    found = looked_into(transport(source, lambda packet: scrambled_packet(packet, (0x100, 0x101), is_noise=False)))
    assert (found.video.frame_count, found.audio is not None) == (50, True)


def test_a_recording_whose_first_second_is_scrambled_plays_on_from_there(tmp_path: Path) -> None:
    parts = [make(tmp_path / f"{number}.ts", look=LOOK, audio=None) for number in range(2)]
    transport(parts[0], lambda packet: scrambled_packet(packet, (0x100,)))
    joined = written(tmp_path / "video.ts", b"".join(part.read_bytes() for part in parts))
    assert looked_into(joined).video.frame_count == 50


def test_a_scrambled_dvd_is_said(tmp_path: Path) -> None:
    mpeg2 = ("-c:v", "mpeg2video", "-q:v", "2")
    source = make(tmp_path / "video.vob", look=LOOK, video=mpeg2, audio=("-c:a", "ac3"), after=("-f", "dvd"))
    data = source.read_bytes()
    sectors = [data[at : at + 2048] for at in range(0, len(data), 2048)]
    for number, sector in enumerate(sectors):
        if number % 2 and sector[14:18] == b"\x00\x00\x01\xe0":
            sectors[number] = noisy(sector[:20] + bytes([sector[20] | 0x30]) + sector[21:], 128, 2048)
    assert_said(written(source, b"".join(sectors)))


def test_sound_of_a_dvd_that_looks_like_a_scrambled_picture_is_none(tmp_path: Path) -> None:
    """Compressed sound may have any bytes, those of a packet's beginning too."""
    mpeg2 = ("-c:v", "mpeg2video", "-q:v", "2")
    source = make(tmp_path / "video.vob", look=LOOK, video=mpeg2, audio=("-c:a", "ac3"), after=("-f", "dvd"))
    data = source.read_bytes()
    sectors = [data[at : at + 2048] for at in range(0, len(data), 2048)]
    is_sound = [sector[14:18] == b"\x00\x00\x01\xbd" for sector in sectors]
    alike = b"\x00\x00\x01\xe0\x12\x34\xb5"
    for number in (number for number, found in enumerate(is_sound) if found):
        sectors[number] = sectors[number][:200] + alike + sectors[number][200 + len(alike) :]
    assert sum(is_sound) > 5
    assert protection(written(source, b"".join(sectors))) == Protection()


def test_an_encrypted_blu_ray_is_said(clear: Path, tmp_path: Path) -> None:
    source = remux(clear, tmp_path / "video.m2ts", after=["-mpegts_m2ts_mode", "1"])
    data = source.read_bytes()
    units = [data[at : at + 6144] for at in range(0, len(data) // 6144 * 6144, 6144)]
    hidden = (bytes([unit[0] | 0xC0]) + unit[1:16] + NOISE[: 6144 - 16] for unit in units)
    assert_said(written(source, b"".join(hidden)))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "wmv", "flv", "ts", "vob"])
def test_damaged_marks_are_read_to_an_end(clear: Path, tmp_path: Path, suffix: str) -> None:
    codecs = {"wmv": ["-c:v", "wmv2", "-c:a", "wmav2"], "vob": ["-c:v", "mpeg2video", "-c:a", "ac3"]}
    clip = tmp_path / f"video.{suffix}"
    ffmpeg("-i", str(clear), "-t", "0.2", *codecs.get(suffix, ["-c", "copy"]), "-movflags", "faststart", str(clip))
    whole, chance = clip.read_bytes(), Random(suffix)
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(20):
            data[chance.randrange(min(len(data), 2000))] = chance.choice([0, 1, 0x40, 0x7F, 0x80, 0xFF])
        protection(written(clip, bytes(data[: chance.randrange(1, len(data))])))


@pytest.mark.parametrize("suffix", ["mkv", "ts", "m2ts", "mov", "flv"])
def test_clear_videos_are_not_taken_for_encrypted(clear: Path, tmp_path: Path, suffix: str) -> None:
    assert looked_into(remux(clear, tmp_path / f"video.{suffix}")).audio is not None
