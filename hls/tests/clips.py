"""Makes small unusual videos with ffmpeg's test sources: frames are numbered, and sound can be timed.

Every frame shows its number as twelve white or black blocks across the middle, and a white mark in the top left
corner. The tone beeps for a tenth of a second at each full second.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import imageio_ffmpeg

from hls.core.inspection.packets import tick_s
from hls.core.process import Bounds, run

FFMPEG = Path(imageio_ffmpeg.get_ffmpeg_exe())  # makes the clips; another ffmpeg may transcode them
BITS = 12
COLUMNS = BITS + 4  # two empty ones on each side
BEEP_HZ = 1000


@dataclass(frozen=True)
class Look:
    """The plain picture that a clip begins with."""

    width: int = 320
    height: int = 240
    rate: str = "25"
    duration_s: float = 4


def picture(look: Look) -> str:
    """A lavfi source of numbered frames."""
    column = f"iw/{COLUMNS}"
    boxes = [
        f"drawbox=x={bit + 2}*{column}:y=ih*3/8:w={column}:h=ih/4:color=white:t=fill:"
        f"enable='gt(mod(floor(n/{2**bit}),2),0)'"
        for bit in range(BITS)
    ]
    corner = "drawbox=x=0:y=0:w=iw/8:h=ih/8:color=white:t=fill"
    base = f"color=c=0x202020:s={look.width}x{look.height}:r={look.rate}:d={look.duration_s}"
    return ",".join([base, "format=yuv444p", *boxes, corner])


def sound(duration_s: float, *, sample_rate: int = 48_000, layout: str = "stereo") -> str:
    """A lavfi source of silence with a beep at each full second."""
    beep = f"if(lt(mod(t,1),0.1),0.5*sin({BEEP_HZ}*2*PI*t),0)"
    return f"aevalsrc=exprs='{beep}':s={sample_rate}:d={duration_s},aformat=channel_layouts={layout}"


def without_libvmaf(program: Path) -> Path:
    """Make a program of the same ffmpeg as one that was built without libvmaf, as Debian's is."""
    refuses = 'case "$*" in *libvmaf*) echo "No such filter: \'libvmaf\'" >&2; exit 8;; esac'
    program.write_text(f'#!/bin/sh\n{refuses}\nexec "{FFMPEG}" "$@"\n')
    program.chmod(0o755)
    return program


def ffmpeg(*arguments: str) -> None:
    ended = run([str(FFMPEG), "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *arguments], bounds=Bounds(120))
    assert ended.returncode == 0, ended.stderr


def make(
    target: Path,
    *,
    look: Look | None = None,
    video: Sequence[str] = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
    audio: Sequence[str] | None = ("-c:a", "aac", "-b:a", "64k"),
    filters: str = "null",
    audio_source: str | None = None,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> Path:
    """A video at `target`: numbered frames through `filters`, beeps unless `audio` is None."""
    look = look or Look()
    inputs = ["-f", "lavfi", "-i", f"{picture(look)},{filters}"]
    if audio is not None:
        inputs += ["-f", "lavfi", "-i", audio_source or sound(look.duration_s)]
    ffmpeg(*before, *inputs, *video, *(audio or ()), *after, str(target))
    return target


def remux(source: Path, target: Path, *, before: Sequence[str] = (), after: Sequence[str] = ()) -> Path:
    """The same packets in another container."""
    ffmpeg(*before, "-i", str(source), "-c", "copy", *after, str(target))
    return target


def recorded(target: Path, *parts: Path) -> Path:
    """A Flash file as a server records a stream whose sender begins anew: one head, then the tags of all parts."""
    head = 13  # bytes of a Flash file's header, with the length before it
    target.write_bytes(parts[0].read_bytes() + b"".join(part.read_bytes()[head:] for part in parts[1:]))
    return target


def in_a_row(target: Path, *parts: Path, audio: Sequence[str] | None = None, after: Sequence[str] = ()) -> Path:
    """The pictures of all parts one after the other, so that a long film costs no more than a short one to encode.

    Each part may be named often. The sound, unless `audio` is None, is silence as long as the pictures.
    """
    listed = target.with_suffix(".ffconcat")
    listed.write_text("ffconcat version 1.0\n" + "".join(f"file '{part}'\n" for part in parts))
    silence = () if audio is None else ("-f", "lavfi", "-i", "anullsrc=r=16000", *audio, "-shortest")
    ffmpeg("-safe", "0", "-f", "concat", "-i", str(listed), *silence, "-c:v", "copy", *after, str(target))
    return target


def with_last_lasting(source: Path, target: Path, last_s: float, *, is_shown_last: bool = False) -> Path:
    """The same packets, but the picture that is stored last lasts so long, or else the one that is shown last."""
    with av.open(str(source)) as whole, av.open(str(target), "w") as made:
        tracks = {stream.index: made.add_stream_from_template(stream) for stream in whole.streams}
        packets = [packet for packet in whole.demux() if packet.size]
        pictures = [packet for packet in packets if packet.stream.type == "video"]
        last = max(pictures, key=lambda packet: packet.pts or 0) if is_shown_last else pictures[-1]
        last.duration = round(last_s / tick_s(last.stream))
        for packet in packets:
            packet.stream = tracks[packet.stream.index]
            made.mux(packet)
    return target


def fit_h264(rate: int, *, gop: int = 0, options: Sequence[str] = ("-bf", "3")) -> tuple[str, ...]:
    """Options for `video` of `make`: H.264 that can be copied, an IDR picture every `gop` frames or two seconds."""
    frames = str(gop or 2 * rate)
    return (
        *("-c:v", "libx264", "-preset", "superfast", "-profile:v", "high", "-pix_fmt", "yuv420p"),
        *("-g", frames, "-keyint_min", frames, "-sc_threshold", "0", *options),
    )


def with_damaged_keyframe(source: Path, target: Path, number: int) -> Path:
    """A copy in which the second half of a keyframe is overwritten; the container shows no sign of it."""
    with av.open(str(source)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.is_keyframe][number]
        assert packet.pos is not None
        begin, end = packet.pos + packet.size // 2, packet.pos + packet.size
    data = bytearray(source.read_bytes())
    data[begin:end] = bytes(byte ^ 0x55 for byte in data[begin:end])
    target.write_bytes(data)
    return target


def in_moov(data: bytes, path: Sequence[bytes], added: bytes) -> bytes:
    """An MP4 whose `moov` is last, with `added` at the end of the first box on this path; its parents grow, too."""
    place = data.rindex(b"moov")
    places = [place]
    for name in path:
        place = data.index(name, place)
        places.append(place)
    grown = bytearray(data)
    for at in places:
        grown[at - 4 : at] = (int.from_bytes(grown[at - 4 : at]) + len(added)).to_bytes(4)
    end = place - 4 + int.from_bytes(data[place - 4 : place])
    return bytes(grown[:end]) + added + bytes(grown[end:])


def with_box(source: Path, target: Path, kind: bytes, payload: bytes) -> Path:
    """A copy of an MP4 file with one more box in its first track's description; its `moov` is after the media."""
    data = bytearray(source.read_bytes())
    parents, at = [], 0
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        while bytes(data[at + 4 : at + 8]) != name:
            at += int.from_bytes(data[at : at + 4])
        parents.append(at)
        at += 8
    at += 8  # version and count of stsd
    parents.append(at)
    end = at + int.from_bytes(data[at : at + 4])
    box = struct.pack(">I4s", 8 + len(payload), kind) + payload
    data[end:end] = box
    for parent in parents:
        data[parent : parent + 4] = (int.from_bytes(data[parent : parent + 4]) + len(box)).to_bytes(4)
    target.write_bytes(data)
    return target


def with_edits(source: Path, target: Path, edits: Sequence[tuple[float, float]]) -> Path:
    """A copy of an MP4 that shows these parts one after the other: where each begins, and how long it is, in seconds.

    The `moov` is after the media, with one edit for each track, as ffmpeg writes it.
    """
    data = bytearray(source.read_bytes())
    moov = data.rindex(b"moov") - 4
    movie_rate = _number(data, data.index(b"mvhd", moov) + 16)
    at = moov
    while (at := data.find(b"edts", at + 5) - 4) >= 0:
        trak, rate = data.rindex(b"trak", moov, at) - 4, _number(data, data.index(b"mdhd", at) + 16)
        size, begin = _number(data, at), _number(data, at + 28)
        entries = b"".join(
            struct.pack(">III", round(lasts_s * movie_rate), begin + round(begin_s * rate), 1 << 16)
            for begin_s, lasts_s in edits
        )
        elst = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
        data[at : at + size] = struct.pack(">I4s", 8 + len(elst), b"edts") + elst
        for parent in (moov, trak):
            data[parent : parent + 4] = (_number(data, parent) + 8 + len(elst) - size).to_bytes(4)
    target.write_bytes(data)
    return target


def _number(data: bytes | bytearray, at: int) -> int:
    return int.from_bytes(data[at : at + 4])
