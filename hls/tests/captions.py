"""Makes videos with closed captions inside of their pictures: CEA-608 in the SEI units of H.264 (ATSC A/53 part 4)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hls.core.formats.sps import IDR, nal_units
from hls.tests.clips import Look, ffmpeg, make, sound

SLICE = 1
NOTHING = bytes((0x80, 0x80))
USER_DATA = bytes.fromhex("b5003147413934" + "03" + "41ff" + "fc")  # a pair of the first field
RESUME_LOADING, ERASE_HIDDEN, SHOW, ERASE_SHOWN = (0x14, 0x20), (0x14, 0x2E), (0x14, 0x2F), (0x14, 0x2C)
LAST_ROW = (0x14, 0x70)
RATE = 25


@dataclass(frozen=True)
class Caption:
    """Words that pop on and go away, by the numbers of the pictures at which they do."""

    words: str
    shown: int
    gone: int


def captioned(
    target: Path,
    captions: Sequence[Caption] = (),
    *,
    look: Look | None = None,
    sounds: int = 1,
    after: Sequence[str] = (),
) -> Path:
    """A video of 25 pictures a second, each of which has a pair of bytes for captions; without B pictures."""
    look = look or Look(160, 120, str(RATE), 6)
    plain = make(
        target.with_name("plain.h264"),
        look=look,
        audio=None,
        video=("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", str(RATE)),
    )
    units = with_pairs(plain.read_bytes(), pairs(captions))
    stream = target.with_name("captioned.h264")
    stream.write_bytes(b"".join(b"\0\0\0\1" + unit for unit in units))
    inputs, maps = ["-r", str(RATE), "-i", str(stream)], ["-map", "0"]
    for number in range(sounds):
        inputs += ["-f", "lavfi", "-i", sound(look.duration_s)]
        maps += ["-map", str(number + 1)]
    ffmpeg(*inputs, *maps, "-c:v", "copy", "-c:a", "aac", *after, str(target))
    return target


def with_pairs(stream: bytes, told: Mapping[int, bytes]) -> Iterator[bytes]:
    """The stream's units with one pair of bytes before each picture."""
    number = 0
    for unit in nal_units(stream):
        if unit[0] & 0x1F in (SLICE, IDR):
            message = USER_DATA + told.get(number, NOTHING) + b"\xff"
            yield bytes((6, 4, len(message))) + message + b"\x80"
            number += 1
        yield unit


def pairs(captions: Sequence[Caption]) -> dict[int, bytes]:
    """What each picture has to carry: words are loaded unseen before they are shown; controls come twice."""
    found: dict[int, bytes] = {}
    for caption in captions:
        letters = [odd(ord(letter)) for letter in caption.words] + [NOTHING[0]] * (len(caption.words) % 2)
        words = [bytes(letters[at : at + 2]) for at in range(0, len(letters), 2)]
        loaded = [*twice(RESUME_LOADING), *twice(ERASE_HIDDEN), *twice(LAST_ROW), *words]
        for first, sent in (
            (caption.shown - len(loaded), loaded),
            (caption.shown, twice(SHOW)),
            (caption.gone, twice(ERASE_SHOWN)),
        ):
            found |= dict(enumerate(sent, first))
    return found


def twice(control: tuple[int, int]) -> list[bytes]:
    return [bytes(map(odd, control))] * 2


def odd(byte: int) -> int:
    """The byte with a parity bit that makes the number of ones odd."""
    return byte | 0x80 if byte.bit_count() % 2 == 0 else byte
