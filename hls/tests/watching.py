"""Encodes a video with the core alone, and checks what a player would get."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame

from hls.binary import ffmpeg_path
from hls.conformance.checker import Violation, check
from hls.core import multivariant, names, playlists
from hls.core.chunk import ChunkFacts, joined, joined_sounds
from hls.core.encoding.encode import Encoder, encode_chunk
from hls.core.plan import Plan, make_plan
from hls.core.probe import Limits, probe
from hls.core.process import Bounds, run
from hls.tests.clips import BITS, COLUMNS

LIMITS = Limits(max_duration_s=600, max_pixels=8192 * 4320)
ENCODER = Encoder(ffmpeg_path())


@dataclass(frozen=True)
class WatchedVideo:
    """A published video: playlists and segments as they are served."""

    plan: Plan
    chunks: tuple[ChunkFacts, ...]
    folder: Path

    def segments(self, rendition: str) -> list[Path]:
        numbers = range(len(self.plan.timeline.segments))
        return [self.folder / rendition / names.segment_name(number) for number in numbers]

    def joined(self, rendition: str) -> Path:
        """All segments, one after the other, as one file."""
        whole = self.folder / f"{rendition}.ts"
        whole.write_bytes(b"".join(path.read_bytes() for path in self.segments(rendition)))
        return whole


def encode(source: Path, folder: Path, *, encoder: Encoder = ENCODER) -> WatchedVideo:
    return encode_plan(make_plan(probe(source, limits=LIMITS)), source, folder, encoder=encoder)


def encode_plan(plan: Plan, source: Path, folder: Path, *, encoder: Encoder = ENCODER) -> WatchedVideo:
    chunks = tuple(encode_one(plan, index, source, folder, encoder) for index in range(len(plan.timeline.chunks)))
    renditions, sounds = joined(chunks), joined_sounds(chunks)
    for facts in renditions:
        index = playlists.media(plan, facts.name, facts.segments, is_finished=True)
        (folder / facts.name / (names.PICTURES if sounds else names.INDEX)).write_text(index)
        (folder / facts.name / names.IFRAMES).write_text(
            playlists.iframes(plan, facts.name, facts.segments, is_finished=True)
        )
        if sounds:
            (folder / facts.name / names.INDEX).write_text(multivariant.of_resolution(plan, facts, sounds))
    for facts in sounds:
        index = playlists.media(plan, facts.name, facts.segments, is_finished=True)
        (folder / facts.name / names.INDEX).write_text(index)
    (folder / names.MASTER).write_text(multivariant.master(plan, renditions, sounds))
    return WatchedVideo(plan, chunks, folder)


def encode_one(plan: Plan, index: int, source: Path, folder: Path, encoder: Encoder = ENCODER) -> ChunkFacts:
    """Encode one chunk in a folder of its own, and move its files to the video's folder."""
    private = folder / f"chunk-{index}"
    private.mkdir(parents=True)
    facts = encode_chunk(
        plan,
        index,
        source=source,
        folder=private,
        encoder=encoder,
        on_progress=lambda frames: None,
        should_stop=lambda: False,
    )
    for path in [path for path in private.rglob("*") if path.is_file()]:
        target = folder / path.relative_to(private)
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    return facts


def complaints(path: Path, ffmpeg: Path = ENCODER.ffmpeg) -> str:
    """ffmpeg's warnings while it decodes a whole file; empty for a clean one."""
    command = [str(ffmpeg), "-nostdin", "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"]
    ended = run(command, bounds=Bounds(timeout_s=120))
    return ended.stderr or ("" if ended.returncode == 0 else f"ended with {ended.returncode}")


def timestamps(path: Path, kind: str) -> list[int]:
    """The decoding timestamps of a file's picture or sound packets, in file order."""
    with av.open(str(path)) as container:
        stream = container.streams.best(kind)  # type: ignore[arg-type]  # "video" or "audio"
        assert stream is not None
        return [packet.dts for packet in container.demux(stream) if packet.dts is not None]


def steps(times: list[int]) -> set[int]:
    return {later - earlier for earlier, later in pairwise(times)}


def frames(path: Path) -> Iterator[VideoFrame]:
    with av.open(str(path)) as container:
        yield from container.decode(video=0)


def numbers(path: Path) -> list[int]:
    """The numbers that the frames show, in the order they are shown."""
    return [number(frame) for frame in frames(path)]


def number(frame: VideoFrame) -> int:
    """The number that a frame's twelve blocks show."""
    row = round(frame.height / 2)
    return sum(1 << bit for bit in range(BITS) if luma(frame, (bit + 2.5) / COLUMNS, row / frame.height) > 128)


def luma(frame: VideoFrame, x: float, y: float) -> int:
    """The brightness at a place given as fractions of width and height."""
    plane = frame.planes[0]
    return bytes(plane)[int(y * frame.height) * plane.line_size + int(x * frame.width)]


def picture_times(path: Path) -> dict[int, Fraction]:
    """When each number is first shown, in seconds."""
    shown: dict[int, Fraction] = {}
    for frame in frames(path):
        assert frame.pts is not None
        shown.setdefault(number(frame), Fraction(frame.pts) / 90_000)
    return shown


def beep_times(path: Path) -> list[float]:
    """When the beeps begin, in seconds."""
    begun = []
    quiet_since = -1.0
    loud_until = -1.0
    for at_s, level in levels(path):
        if level > 0.1:
            if at_s - loud_until > 0.3:
                begun.append(at_s)
            loud_until = at_s
        else:
            quiet_since = at_s
    assert quiet_since >= 0
    return begun


def levels(path: Path) -> Iterator[tuple[float, float]]:
    """Time and peak of each millisecond of the first channel."""
    resampler = AudioResampler(format="s16", layout="mono", rate=48_000)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                yield from _levels(part)


def _levels(frame: AudioFrame) -> Iterator[tuple[float, float]]:
    samples = memoryview(bytes(frame.planes[0])[: frame.samples * 2]).cast("h")
    assert frame.pts is not None
    begin_s = float(frame.pts * Fraction(frame.time_base.num, frame.time_base.den))
    for start in range(0, len(samples), 48):
        yield begin_s + start / 48_000, max(map(abs, samples[start : start + 48])) / 32_768


def assert_plays(clip: WatchedVideo) -> None:
    """Every rendition decodes without a warning, and the published files break no rule."""
    for rendition in clip.plan.renditions:
        assert complaints(clip.joined(rendition.name)) == ""
    assert violations(clip) == ()


def violations(clip: WatchedVideo) -> tuple[Violation, ...]:
    """What our own checker finds in the published files."""
    return check(lambda name: (clip.folder / name).read_bytes())
