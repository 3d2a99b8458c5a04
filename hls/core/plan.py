"""Plans a video: decides everything before its first chunk is encoded, as one value that travels as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import Any, Self

from hls.core import names
from hls.core.ladder import AUDIO_KBPS, HURRIED, HURRIED_CRF, Rendition, obstacle, renditions
from hls.core.probe import AudioTrack, Landing, Obstacle, Source, VideoTrack
from hls.core.quality import Quality
from hls.core.timeline import ChunkSpan, Timeline, output_rate, timeline
from hls.core.wire import Json, dump, load

RUN_UP_S = Fraction(1, 2)  # sound decoders need half of it, and tracks aren't interleaved exactly
TILE_INTERVAL_S = 10
MIN_TILES = 10
TILE_LONG_SIDE = 240
ROUNDING_S = Fraction(1, 4)  # differences made by containers: encoder priming, pictures stored before they are shown
PADDING_S = Fraction(1, 20)  # sound encoders add priming before the first packet, and fill up the last one
STILL_RATE = Fraction(1)  # for a video of a single picture


@dataclass(frozen=True)
class SoundRendition:
    """One of several sounds, apart from the pictures: AAC in segments of its own."""

    name: str  # audio_0, audio_1, …
    track: AudioTrack
    audio_kbps: int


@dataclass(frozen=True)
class Plan:
    source: Source
    timeline: Timeline
    renditions: tuple[Rendition, ...]  # smallest first
    frames_per_tile: int  # one storyboard tile every so many frames; tile n shows frame n * frames_per_tile
    tile_width: int
    tile_height: int
    lead: int = 0  # black frames before the first picture, if the sound begins earlier
    tail: int = 0  # frames for which the last picture stays on, if it lasts longer or the sound goes on after it
    quality: Quality | None = None  # its own CRFs; None where they were not looked for

    @property
    def zero_s(self) -> Fraction:
        """The video's beginning on the source's own clock."""
        return self.source.video.start_s - self.timeline.seconds(self.lead)

    @property
    def muxed(self) -> AudioTrack | None:
        """The sound that each rendition has beside its pictures; None without sound, and where there are several."""
        return None if self.source.sounds else self.source.audio

    @property
    def sounds(self) -> tuple[SoundRendition, ...]:
        """The sounds that have renditions of their own, in the file's order; () where there are not several."""
        return tuple(
            SoundRendition(names.sound_name(number), track, AUDIO_KBPS)
            for number, track in enumerate(self.source.sounds)
        )

    @property
    def last_picture(self) -> int:
        """The frame at which the source's last picture begins to be shown."""
        video = self.source.video
        return self.lead + floor((video.frame_count - 1) / video.rate * self.timeline.rate)

    def is_before_pictures(self, span: ChunkSpan) -> bool:
        """Whether the whole chunk is before the first picture."""
        return span.end_frame <= self.lead

    def is_after_pictures(self, span: ChunkSpan) -> bool:
        """Whether a chunk shows nothing but the last picture, which begins before it."""
        return span.first_frame > self.last_picture

    def is_staying(self, span: ChunkSpan) -> bool:
        """Whether the last picture is shown in a chunk, and for more than a frame."""
        return span.end_frame > self.last_picture + 1

    @property
    def frame_step(self) -> int:
        """Every n-th picture of the source is kept: 2 for 120 fps."""
        return max(1, round(self.source.video.picture_rate / self.timeline.rate))

    def landing(self, span: ChunkSpan) -> Landing | None:
        """Where to begin reading for a chunk; None for the file's beginning."""
        return self._landing(span.first_frame)

    def picture_landing(self, span: ChunkSpan) -> Landing | None:
        """Where to begin reading for a chunk's pictures alone: at the last picture, if it stays on in this chunk."""
        return self._landing(min(span.first_frame, self.last_picture))

    def _landing(self, frame: int) -> Landing | None:
        begin_s = self.zero_s + self.timeline.seconds(frame)
        fit = [place for place in self.source.video.landings if place.serves(begin_s, run_up_s=RUN_UP_S)]
        return fit[-1] if fit and frame else None

    def run_up_s(self, span: ChunkSpan) -> float:
        """How many seconds of the source are decoded before the chunk's first frame."""
        landing = self.landing(span)
        return float(self.timeline.seconds(span.first_frame) - (landing.shown_s - self.zero_s if landing else 0))

    @property
    def tile_count(self) -> int:
        return ceil(self.timeline.frame_count / self.frames_per_tile)

    @property
    def kept(self) -> tuple[Rendition, ...]:
        """The renditions of the whole video; the others were left out from a certain chunk on."""
        left_out = self.quality.left_out if self.quality else ()
        return tuple(rendition for rendition in self.renditions if rendition.name not in left_out)

    def playing(self, rendition: Rendition) -> Rendition:
        """What plays under a rendition's name: itself, or the next smaller one that was not left out."""
        place = self.renditions.index(rendition)
        return [entry for entry in self.renditions[: place + 1] if entry in self.kept][-1]

    def made(self, span: ChunkSpan) -> tuple[Rendition, ...]:
        """The renditions that are made in this chunk."""
        return self.kept if self.quality and span.index >= self.quality.first_chunk else self.renditions

    @property
    def is_copying(self) -> bool:
        """Whether the top rendition is the source's own H.264."""
        return self.renditions[-1].is_copied

    @property
    def obstacle(self) -> str:
        """Why the top rendition is encoded, as Obstacle has it; "" where it is copied."""
        if self.is_copying:
            return ""
        if len(self.renditions) == 1:
            return Obstacle.ONLY_ONE
        if found := obstacle(self.source.video, self.renditions[-1]):
            return found
        if self.lead or self.tail:
            return Obstacle.STAYS if _stays_s(self.source.video) >= ROUNDING_S else Obstacle.SOUND
        return Obstacle.TRIED

    def rendition(self, name: str) -> Rendition:
        """The rendition of this name. Raises KeyError for a name that this video doesn't have."""
        return {rendition.name: rendition for rendition in self.renditions}[name]

    def is_hurried(self, span: ChunkSpan) -> bool:
        """Whether viewers wait for this chunk, and it lasts longer than it would if the top were not copied."""
        return span.index == 0 and self.is_copying and self.timeline.gop < span.frame_count < self.timeline.frame_count

    def crf(self, rendition: Rendition, span: ChunkSpan) -> float:
        """The CRF of a rendition in this chunk: the video's own from a certain chunk on, before that the ladder's."""
        crf = self.quality.crf(rendition, span.index) if self.quality else rendition.crf
        return crf + HURRIED_CRF if self.is_hurried(span) else crf

    def x264_params(self, rendition: Rendition, span: ChunkSpan) -> str:
        """What differs from the preset in this chunk."""
        return f"{rendition.x264_params}:{HURRIED}" if self.is_hurried(span) else rendition.x264_params

    def to_json(self) -> Json:
        """A JSON object, fit for a JSONField."""
        return dump(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return load(cls, data)


def make_plan(source: Source, *, may_copy: bool = True) -> Plan:
    """Plan a video. The same source always gives the same plan.

    The video lasts as long as its pictures or its sound, whichever is longer.
    """
    video = source.video
    is_still = video.frame_count == 1 and (_early_s(source) > 0 or _late_s(source, 1 / video.rate) > 0)
    rate = STILL_RATE if is_still else output_rate(video.picture_rate)
    pictures = max(1, ceil(_places(video) * rate / video.rate))
    lead = _rounded(_early_s(source), rate)
    tail = _rounded(_late_s(source, pictures / rate), rate)
    ladder = renditions(source, may_copy=may_copy and not lead and not tail)
    starts = video.copyable.segment_starts if video.copyable and ladder[-1].is_copied else ()
    grid = timeline(rate, lead + pictures + tail, starts, is_still=is_still)
    interval_s = min(Fraction(TILE_INTERVAL_S), grid.duration_s / MIN_TILES)
    shrink = min(1, TILE_LONG_SIDE / max(video.width, video.height))
    return Plan(
        source=source,
        timeline=grid,
        renditions=ladder,
        frames_per_tile=max(1, round(interval_s * rate)),
        tile_width=max(2, round(video.width * shrink / 2) * 2),
        tile_height=max(2, round(video.height * shrink / 2) * 2),
        lead=lead,
        tail=tail,
    )


def without_copying(plan: Plan) -> Plan:
    """The plan of a video whose pictures turn out unfit to be copied; what samples have shown of the others stays."""
    return replace(make_plan(plan.source, may_copy=False), quality=plan.quality)


def _early_s(source: Source) -> Fraction:
    """How long the sound is heard before the first picture; 0 if that is only rounding."""
    if source.audio is None or source.audio.heard_s is None:
        return Fraction(0)
    early_s = source.video.start_s - source.audio.heard_s
    return early_s if early_s >= ROUNDING_S else Fraction(0)


def _places(video: VideoTrack) -> Fraction | int:
    """Places on the grid of the source's rate. Of the last one there is less if the next one would have come late."""
    if video.is_variable_rate:
        return round(video.duration_s * video.rate)
    return min(Fraction(video.frame_count), video.duration_s * video.rate)


def _stays_s(video: VideoTrack) -> Fraction:
    """How much longer than a place on the grid the last picture is shown."""
    return video.duration_s - _places(video) / video.rate


def _late_s(source: Source, pictures_s: Fraction) -> Fraction:
    """How long the last picture or the sound goes on after `pictures_s`; 0 if that is only rounding."""
    late_s = source.video.duration_s - pictures_s
    if source.audio and source.audio.end_s is not None:
        late_s = max(late_s, source.audio.end_s - source.video.start_s - pictures_s)
    return late_s if late_s >= ROUNDING_S else Fraction(0)


def _rounded(seconds: Fraction, rate: Fraction) -> int:
    """Seconds as frames, rounded up, except for less than half a frame that may be padding."""
    return ceil(seconds * rate - min(Fraction(1, 2), PADDING_S * rate)) if seconds else 0
