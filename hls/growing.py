"""A film that can be watched while it is made: its EVENT playlists, and which of its segments are final."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hls.core import names, playlists
from hls.core.chunk import ChunkFacts, RenditionFacts, joined
from hls.core.plan import Plan
from hls.folders import version_folder
from hls.models import Chunk, ChunkState, Transcode
from hls.versions import pinned, with_version


@dataclass(frozen=True)
class Growing:
    """The version being made, as far as its chunks are done without a gap."""

    plan: Plan
    version: int
    folder: Path
    renditions: tuple[RenditionFacts, ...]

    @classmethod
    def of(cls, film: Transcode) -> Self | None:
        """None where not even the first chunk is done."""
        done = Chunk.objects.filter(transcode=film, state=ChunkState.DONE).values_list("facts", flat=True)
        renditions = joined(ChunkFacts.from_json(facts) for facts in done if facts)
        if film.plan is None or not renditions:
            return None
        return cls(Plan.from_json(film.plan), film.version, version_folder(film.pk, film.version), renditions)

    def rendition(self, name: str) -> RenditionFacts:
        return next((entry for entry in self.renditions if entry.name == name), self.renditions[-1])

    def multivariant(self) -> str:
        return pinned(playlists.multivariant(self.plan, self.renditions), self.version)

    def media(self, resolution: str, name: str) -> str | None:
        """The growing media playlist; there are no I-frame playlists before the film is finished."""
        if name != names.INDEX:
            return None
        rendition = self.rendition(resolution)
        text = playlists.media(self.plan, rendition.name, rendition.segments, is_finished=False)
        return with_version(text, self.version)

    def segment(self, resolution: str, number: int) -> Path | None:
        """The file of a final segment, else None."""
        rendition = self.rendition(resolution)
        if number >= len(rendition.segments):
            return None
        return self.folder / rendition.name / names.segment_name(number)
