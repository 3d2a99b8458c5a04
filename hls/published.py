"""What a version that is served consists of: the value delivery looks names up in."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from hls.folders import version_folder
from hls.models import Transcode


@dataclass(frozen=True)
class ServedRendition:
    name: str
    width: int
    height: int


@dataclass(frozen=True)
class Served:
    """An immutable version on the disk."""

    version: int
    duration_s: float
    size_bytes: int
    segment_count: int
    renditions: tuple[ServedRendition, ...]  # smallest first
    storyboard_sheets: int
    has_poster: bool
    undecoded: tuple[tuple[float, float], ...] = ()  # from and to, in seconds: what couldn't be decoded of the source

    def as_json(self) -> dict[str, Any]:
        lists = {"renditions": [asdict(entry) for entry in self.renditions], "undecoded": [*map(list, self.undecoded)]}
        return asdict(self) | lists

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        renditions = tuple(ServedRendition(**entry) for entry in data["renditions"])
        undecoded = tuple((begin_s, end_s) for begin_s, end_s in data.get("undecoded", ()))
        return cls(**{**data, "renditions": renditions, "undecoded": undecoded})

    def rendition(self, name: str) -> ServedRendition:
        """The rendition that plays under this name: itself, or the best real one where the source has no such size."""
        return next((entry for entry in self.renditions if entry.name == name), self.renditions[-1])


@dataclass(frozen=True)
class Edition:
    """A served version and where its files are."""

    served: Served
    folder: Path


def current(transcode: Transcode) -> Edition | None:
    """What viewers get now."""
    return edition(transcode, transcode.served)


def retired(transcode: Transcode) -> Edition | None:
    """What those get who began to watch before the video was replaced."""
    return edition(transcode, transcode.retired)


def edition(transcode: Transcode, data: dict[str, Any] | None) -> Edition | None:
    if data is None:
        return None
    served = Served.from_json(data)
    return Edition(served, version_folder(transcode.pk, served.version))
