"""A version that can be watched while it is made: its EVENT playlists, and which of its segments are final."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Self

from django.db.models import Count, Max, QuerySet

from hls.core import multivariant, names, playlists
from hls.core.chunk import ChunkFacts, RenditionFacts, joined, joined_sounds
from hls.core.plan import Plan
from hls.models import Chunk, ChunkState, Transcode
from hls.store.interface import Place
from hls.stores import version_place
from hls.versions import pinned, with_version

MOST_KEPT = 8  # videos; the facts of two hours are a few megabytes


@dataclass(frozen=True)
class TranscodeProgress:
    """Which chunks are done. Each done chunk makes another value, since done chunks stay as they are.

    A transcode that begins anew has other rows, of another version.
    """

    transcode_id: int
    version: int
    count: int
    newest: int | None
    finished_at: datetime | None

    @classmethod
    def of(cls, transcode: Transcode) -> Self:
        """One query, which reads no facts."""
        found = done(transcode.pk, transcode.version).aggregate(
            count=Count("pk"), newest=Max("pk"), finished_at=Max("finished_at")
        )
        return cls(transcode.pk, transcode.version, **found)


def done(transcode_id: int, version: int) -> QuerySet[Chunk]:
    """The chunks that are done; no rows if the transcode began anew after it was read."""
    return Chunk.objects.filter(transcode=transcode_id, transcode__version=version, state=ChunkState.DONE)


@dataclass(frozen=True)
class MeasuredSoFar:
    """The facts of the done chunks up to the first gap; nothing while the first chunk isn't done."""

    renditions: tuple[RenditionFacts, ...]
    sounds: tuple[RenditionFacts, ...]  # those that are apart


@lru_cache(maxsize=MOST_KEPT)
def measured(progress: TranscodeProgress) -> MeasuredSoFar:
    found = done(progress.transcode_id, progress.version).values_list("facts", flat=True)
    chunks = [ChunkFacts.from_json(facts) for facts in found if facts]
    return MeasuredSoFar(joined(chunks), joined_sounds(chunks))


@dataclass(frozen=True)
class PartialVersion:
    """The version being made, as far as its chunks are done without a gap; looked up as a PublishedVersion is."""

    transcode_id: int
    plan: Plan
    version: int
    renditions: tuple[RenditionFacts, ...]
    source: str  # the file that it is made of, as the transcode names it
    sound_facts: tuple[RenditionFacts, ...] = ()

    @property
    def sounds(self) -> int:
        """How many are apart from the pictures."""
        return len(self.sound_facts)

    @classmethod
    def of(cls, transcode: Transcode) -> Self | None:
        """None while the first chunk isn't done."""
        made_by = transcode.plan or transcode.opening
        if not made_by:
            return None
        found = measured(TranscodeProgress.of(transcode))
        if not found.renditions:
            return None
        plan = Plan.from_json(made_by)
        return cls(transcode.pk, plan, transcode.version, found.renditions, transcode.source, found.sounds)

    @cached_property
    def place(self) -> Place:
        return version_place(self.transcode_id, self.version)

    def rendition(self, name: str) -> RenditionFacts:
        return next((entry for entry in self.renditions if entry.name == name), self.renditions[-1])

    def segment(self, resolution: str, name: str) -> Place | None:
        """A resolution's or a sound's segment; None for what is none of this version, or not yet."""
        number, playing = names.segment_number(name), self._playing(resolution)
        if number is None or playing is None or number >= len(playing.segments):
            return None
        return self.place.below(playing.segments[number].path(playing.name))

    def sheet(self, name: str) -> None:
        """No storyboard before the video is finished."""

    def playlist(self, name: str, resolution: str | None = None) -> str | None:
        """The text of a playlist as it is now."""
        if resolution is None:
            return self._multivariant() if name == names.MASTER else None
        playing = self._playing(resolution)
        if playing is None:
            return None
        is_picture_alone = self.sounds > 0 and names.is_rendition_name(resolution)
        if is_picture_alone and name == names.INDEX:
            return self._of_resolution(playing)
        if name == names.IFRAMES and names.is_rendition_name(resolution):
            return self._iframes(playing)
        return self._media(playing) if name == (names.PICTURES if is_picture_alone else names.INDEX) else None

    def _playing(self, name: str) -> RenditionFacts | None:
        """What plays under a name: a rendition or a sound; None for any other name."""
        if names.is_rendition_name(name):
            return self.rendition(name)
        return next((sound for sound in self.sound_facts if sound.name == name), None)

    def _multivariant(self) -> str:
        return pinned(multivariant.master(self.plan, self.renditions, self.sound_facts), self.version)

    def _of_resolution(self, rendition: RenditionFacts) -> str:
        return pinned(multivariant.of_resolution(self.plan, rendition, self.sound_facts), self.version)

    def _media(self, playing: RenditionFacts) -> str:
        text = playlists.media(self.plan, playing.name, playing.segments, is_finished=False)
        return with_version(text, self.version)

    def _iframes(self, rendition: RenditionFacts) -> str:
        text = playlists.iframes(self.plan, rendition.name, rendition.segments, is_finished=False)
        return with_version(text, self.version)
