"""Checks an encoded chunk against its plan, and measures it: nothing is published unchecked."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from hls.core import names
from hls.core.chunk import ChunkFacts, IFrame, RenditionFacts, SegmentFacts
from hls.core.encoding.command import TS_OFFSET_S
from hls.core.encoding.filters import tiles
from hls.core.encoding.sounds import AAC_SAMPLES, SAMPLE_RATE, audio_frame, audio_span
from hls.core.errors import Code, TranscodeError
from hls.core.formats import transport
from hls.core.formats.retiming import with_times
from hls.core.ladder import Rendition
from hls.core.plan import Plan, SoundRendition
from hls.core.timeline import ChunkSpan, Segment

AAC_TICKS = AAC_SAMPLES * transport.TICKS // SAMPLE_RATE
AAC_LC = 2  # the object type (ISO/IEC 14496-3)


def measured(plan: Plan, index: int, folder: Path, *, on_tick: Callable[[], None] = lambda: None) -> ChunkFacts:
    """Reduce each segment to one PAT and one PMT, then check and measure the files in `folder`.

    Raises TranscodeError(ENCODER_FAILED) if anything isn't as planned.
    """
    span = plan.timeline.chunks[index]
    renditions = tuple(
        _rendition(plan, span, rendition, folder / rendition.name, on_tick) for rendition in plan.made(span)
    )
    sounds = tuple(_sound(plan, span, sound, folder / sound.name, on_tick) for sound in plan.sounds)
    tile_names = tuple(names.tile_name(number) for number in tiles(plan, span))
    for name in tile_names:
        _expect((folder / name).is_file(), f"{name} is missing")
    return ChunkFacts(index=index, renditions=renditions, tiles=tile_names, sounds=sounds)


def _rendition(
    plan: Plan, span: ChunkSpan, rendition: Rendition, folder: Path, on_tick: Callable[[], None]
) -> RenditionFacts:
    _expect_segments(span, folder)
    codecs: set[str] = set()
    segments = []
    sound_frames = 0
    sound_end = None
    for segment in span.segments:
        on_tick()
        path = folder / names.segment_name(segment.number)
        try:
            data = transport.with_tables_first(path.read_bytes())
            if rendition.is_copied:
                data = _retimed(plan, segment, data)
            look = _Look(plan, rendition, segment, data)
            segments.append(look.facts())
            codecs.add(look.codecs())
        except (transport.Malformed, IndexError, ValueError) as error:
            raise TranscodeError(Code.ENCODER_FAILED, f"{rendition.name}/{path.name}: {error}") from error
        path.write_bytes(data)
        if look.sound:
            _expect(sound_end in (None, look.sound.first_pts), f"{rendition.name}/{path.name}: the sound has a gap")
            sound_frames += look.sound.frame_count
            sound_end = look.sound.first_pts + look.sound.frame_count * AAC_TICKS
    _expect(len(codecs) == 1, f"{rendition.name}: the codec changes: {codecs}")
    if plan.muxed:
        part = audio_span(plan, span)
        _expect(sound_frames == part.end_frame - part.first_frame, f"{rendition.name}: {sound_frames} AAC frames")
        _expect(sound_end == _aac_ticks(part.end_frame), "the sound is off its grid")
    return RenditionFacts(name=rendition.name, codecs=codecs.pop(), segments=tuple(segments))


def _sound(
    plan: Plan, span: ChunkSpan, rendition: SoundRendition, folder: Path, on_tick: Callable[[], None]
) -> RenditionFacts:
    """One of several sounds: each segment has exactly the AAC frames that begin in it."""
    _expect_segments(span, folder)
    segments = []
    for segment in span.segments:
        on_tick()
        path = folder / names.segment_name(segment.number)
        try:
            data = transport.with_tables_first(path.read_bytes())
            found = transport.sound(data, transport.sound_tables(data).audio_pid)
        except (transport.Malformed, IndexError, ValueError) as error:
            raise TranscodeError(Code.ENCODER_FAILED, f"{rendition.name}/{path.name}: {error}") from error
        first, end = (audio_frame(plan, frame) for frame in (segment.first_frame, segment.end_frame))
        planned = transport.SoundFrames(_aac_ticks(first), end - first, AAC_LC, SAMPLE_RATE)
        _expect(found == planned, f"{rendition.name}/{path.name}: {found} instead of {planned}")
        path.write_bytes(data)
        segments.append(SegmentFacts(segment.number, end - first, len(data), iframes=()))
    return RenditionFacts(name=rendition.name, codecs=f"mp4a.40.{AAC_LC}", segments=tuple(segments))


def _expect_segments(span: ChunkSpan, folder: Path) -> None:
    expected = {names.segment_name(segment.number) for segment in span.segments}
    _expect({path.name for path in folder.iterdir()} == expected, f"{folder.name}: other segments than planned")


def _retimed(plan: Plan, segment: Segment, data: bytes) -> bytes:
    """Put copied pictures on the frame grid: shown at their frame's time, decoded one after the other."""
    copyable, pid = plan.source.video.copyable, transport.tables(data).video_pid
    delay = copyable.delay_frames if copyable else 0
    shown = [plan.timeline.nearest_frame(_seconds(unit.pts)) for unit in transport.units(data, pid)]
    times = [
        (_ticks(plan, frame), _ticks(plan, segment.first_frame + place - delay)) for place, frame in enumerate(shown)
    ]
    return with_times(data, pid, times)


class _Look:
    """One parsed segment. Raises Malformed, IndexError or ValueError for bytes that can't be parsed."""

    def __init__(self, plan: Plan, rendition: Rendition, segment: Segment, data: bytes) -> None:
        self.plan = plan
        self.rendition = rendition
        self.segment = segment
        self.data = data
        self.tables = transport.tables(data)
        self.pictures = transport.units(data, self.tables.video_pid)
        audio_pid = self.tables.audio_pid
        self.sound = None if audio_pid is None else transport.sound(data, audio_pid)
        self.parameters = transport.parameters(data, self.pictures[0], self.tables.video_pid)

    def facts(self) -> SegmentFacts:
        where = f"{self.rendition.name}/{names.segment_name(self.segment.number)}"
        _expect(self._has_planned_times(), f"{where}: pictures off the frame grid, or too many or too few")
        has_only_planned = self.plan.muxed is not None or self.tables.audio_pid is None
        _expect(has_only_planned, f"{where}: sound beside the pictures")
        keyframes = [unit for unit in self.pictures if unit.is_random_access]
        frames = [self.plan.timeline.nearest_frame(_seconds(unit.pts)) for unit in keyframes]
        _expect(self._are_in_place(frames), f"{where}: IDR pictures off their places")
        for unit in keyframes:
            _expect(transport.is_idr(self.data, unit, self.tables.video_pid), f"{where}: a key frame that isn't IDR")
        size = (self.parameters.width, self.parameters.height)
        _expect(size == (self.rendition.width, self.rendition.height), f"{where}: {size[0]} x {size[1]} pixels")
        return SegmentFacts(
            number=self.segment.number,
            frame_count=len(self.pictures),
            size_bytes=len(self.data),
            iframes=tuple(self._iframe(unit, frame) for unit, frame in zip(keyframes, frames, strict=True)),
        )

    def codecs(self) -> str:
        if not self.plan.muxed:
            return self.parameters.codec
        return f"{self.parameters.codec},mp4a.40.{self.sound.object_type if self.sound else AAC_LC}"

    def _iframe(self, unit: transport.Unit, frame: int) -> IFrame:
        """The I-frame's byte range: from its first packet to its own last byte."""
        return IFrame(frame=frame, offset=unit.offset, size=unit.end - unit.offset)

    def _are_in_place(self, frames: list[int]) -> bool:
        """Whether IDR pictures are at their planned frames; a copied rendition only has to begin with one."""
        if self.rendition.is_copied:
            return frames[:1] == [self.segment.first_frame]
        return frames == list(self.plan.timeline.keyframes(self.segment))

    def _has_planned_times(self) -> bool:
        planned = [_ticks(self.plan, frame) for frame in range(self.segment.first_frame, self.segment.end_frame)]
        return _alike(sorted(unit.pts for unit in self.pictures), planned)


def _ticks(plan: Plan, frame: int) -> int:
    return round((plan.timeline.seconds(frame) + TS_OFFSET_S) * transport.TICKS)


def _aac_ticks(frame: int) -> int:
    """When an AAC frame of the grid is heard."""
    return frame * AAC_TICKS + TS_OFFSET_S * transport.TICKS


def _seconds(pts: int) -> Fraction:
    """The time from the video's beginning."""
    return Fraction(pts, transport.TICKS) - TS_OFFSET_S


def _alike(times: list[int], planned: list[int]) -> bool:
    return len(times) == len(planned) and all(abs(a - b) <= 1 for a, b in zip(times, planned, strict=True))


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise TranscodeError(Code.ENCODER_FAILED, otherwise)
