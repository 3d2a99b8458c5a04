"""A version that can be watched while it is made: its EVENT playlists, and which of its segments are final."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

from django.db.models import Count, Max, QuerySet

from hls.core import names, playlists
from hls.core.chunk import ChunkFacts, RenditionFacts, joined
from hls.core.plan import Plan
from hls.folders import version_folder
from hls.models import Chunk, ChunkState, Transcode
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


@lru_cache(maxsize=MOST_KEPT)
def measured(progress: TranscodeProgress) -> tuple[RenditionFacts, ...]:
    """The facts of the done chunks up to the first gap; () while the first chunk isn't done."""
    found = done(progress.transcode_id, progress.version).values_list("facts", flat=True)
    return joined(ChunkFacts.from_json(facts) for facts in found if facts)


@dataclass(frozen=True)
class PartialVersion:
    """The version being made, as far as its chunks are done without a gap; looked up as a PublishedVersion is."""

    transcode_id: int
    plan: Plan
    version: int
    renditions: tuple[RenditionFacts, ...]
    source: str  # the file that it is made of, as the transcode names it

    @property
    def sounds(self) -> int:
        """How many are apart from the pictures."""
        return len(self.plan.sounds)

    @classmethod
    def of(cls, transcode: Transcode) -> Self | None:
        """None while the first chunk isn't done."""
        if transcode.plan is None:
            return None
        renditions = measured(TranscodeProgress.of(transcode))
        if not renditions:
            return None
        plan = Plan.from_json(transcode.plan)
        return cls(transcode.pk, plan, transcode.version, renditions, transcode.source)

    @cached_property
    def folder(self) -> Path:
        return version_folder(self.transcode_id, self.version)

    def rendition(self, name: str) -> RenditionFacts:
        return next((entry for entry in self.renditions if entry.name == name), self.renditions[-1])

    def segment(self, resolution: str, name: str) -> str | None:
        """The path of a segment; None for what is none of this version, or not yet."""
        number = names.segment_number(name)
        if number is None or number >= len(self.renditions[0].segments) or not names.is_rendition_name(resolution):
            return None
        return f"{self.folder}/{self.rendition(resolution).name}/{name}"

    def sheet(self, name: str) -> None:
        """No storyboard before the video is finished."""

    def playlist(self, name: str, resolution: str | None = None) -> str | None:
        """The text of a playlist as it is now; there are no I-frame playlists before the video is finished."""
        if resolution is None:
            return self._multivariant() if name == names.MASTER else None
        is_known = name == names.INDEX and names.is_rendition_name(resolution)
        return self._media(resolution) if is_known else None

    def _multivariant(self) -> str:
        return pinned(playlists.multivariant(self.plan, self.renditions), self.version)

    def _media(self, resolution: str) -> str:
        rendition = self.rendition(resolution)
        text = playlists.media(self.plan, rendition.name, rendition.segments, is_finished=False)
        return with_version(text, self.version)
