"""A version that is published: what it consists of, and which names lead to which of its files."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

from hls.core import names
from hls.models import Transcode
from hls.store.interface import Place
from hls.stores import version_place


@dataclass(frozen=True)
class PublishedRendition:
    name: str
    width: int
    height: int


@dataclass(frozen=True)
class LeftOut:
    """A rendition that was made of the video's first segments only, before it was known to bring nothing.

    Its playlists go on with another rendition's segments. They are those that whoever watches the video while it is
    made already has: a player may end with an error if one changes (RFC 8216 6.2.1; hls.js does).
    """

    name: str
    segment_count: int
    plays: str  # the rendition that plays under its name from there on


@dataclass(frozen=True)
class PublishedVersion:
    """An immutable version, as a transcode's row describes it.

    A name in an address is looked up here, and never joined to a key.
    """

    transcode_id: int
    version: int
    duration_s: float
    size_bytes: int
    segment_count: int
    renditions: tuple[PublishedRendition, ...]  # smallest first
    storyboard_sheets: int
    has_poster: bool
    undecoded: tuple[tuple[float, float], ...] = ()  # from and to, in seconds: what couldn't be decoded of the source
    sounds: int = 0  # how many are apart from the pictures; 0 where a rendition's segments have the only one
    left_out: tuple[LeftOut, ...] = ()
    source: str = ""  # the file it was made of, as the transcode names it; "" where an older program made it

    def as_json(self) -> dict[str, Any]:
        """For the columns `served` and `retired`; the row itself says whose version it is."""
        lists = {"renditions": [asdict(entry) for entry in self.renditions], "undecoded": [*map(list, self.undecoded)]}
        lists |= {"left_out": [asdict(entry) for entry in self.left_out]}
        fields = asdict(self) | lists
        unsaid = {"transcode_id", *(name for name in ("sounds", "source", "left_out") if not fields[name])}
        return {name: value for name, value in fields.items() if name not in unsaid}

    @classmethod
    def from_json(cls, transcode_id: int, data: dict[str, Any]) -> Self:
        renditions = tuple(PublishedRendition(**entry) for entry in data["renditions"])
        undecoded = tuple((begin_s, end_s) for begin_s, end_s in data.get("undecoded", ()))
        left_out = tuple(LeftOut(**entry) for entry in data.get("left_out", ()))
        lists = {"renditions": renditions, "undecoded": undecoded, "left_out": left_out}
        return cls(transcode_id, **{**data, **lists})

    @cached_property
    def place(self) -> Place:
        """Below this are its files."""
        return version_place(self.transcode_id, self.version)

    def folder(self, name: str) -> str:
        """Where the playlists lie that play under a resolution's name: its own, or those of the largest that was made.

        The segments that these name, too, but for a rendition that was left out.
        """
        made = [*(entry.name for entry in self.renditions), *(entry.name for entry in self.left_out)]
        return name if name in made else max(made, key=names.RENDITIONS.index)

    def segment(self, resolution: str, name: str) -> Place | None:
        """A resolution's or a sound's segment; None for what is none of this version."""
        number = names.segment_number(name)
        if number is None or number >= self.segment_count or resolution not in self._folders:
            return None
        folder = self._folders[resolution]
        left_out = next((entry for entry in self.left_out if entry.name == folder), None)
        is_elsewhere = left_out is not None and number >= left_out.segment_count
        return self.place.below(f"{left_out.plays if left_out and is_elsewhere else folder}/{name}")

    def sheet(self, name: str) -> Place | None:
        """A storyboard sheet."""
        is_known = names.is_sheet_name(name) and name in map(names.sheet_name, range(self.storyboard_sheets))
        return self.place.below(name) if is_known else None

    def file(self, name: str) -> Place | None:
        """A segment, a storyboard sheet or the poster, by its name in the version's folder."""
        folder, _, last = name.rpartition("/")
        if folder:
            return self.segment(folder, last)
        return self.poster() if last == names.POSTER else self.sheet(last)

    def playlist(self, name: str, resolution: str | None = None) -> Place | None:
        """The multivariant playlist, or one of a resolution's or a sound's."""
        if resolution is None:
            return self.place.below(name) if name == names.MASTER else None
        is_known = resolution in self._folders and name in self._playlists(resolution)
        return self.place.below(f"{self._folders[resolution]}/{name}") if is_known else None

    def _playlists(self, resolution: str) -> tuple[str, ...]:
        if names.is_sound_name(resolution):
            return (names.INDEX,)
        return (names.INDEX, names.IFRAMES, *([names.PICTURES] if self.sounds else []))

    def storyboard(self) -> Place:
        return self.place.below(names.STORYBOARD)

    def poster(self) -> Place | None:
        """The picture made from the video; None where none could be made."""
        return self.place.below(names.POSTER) if self.has_poster else None

    @cached_property
    def _folders(self) -> dict[str, str]:
        """By each resolution and sound that may be asked for: the folder that its name leads to."""
        sounds = map(names.sound_name, range(self.sounds))
        return {name: self.folder(name) for name in names.RENDITIONS} | {name: name for name in sounds}


def current(transcode: Transcode) -> PublishedVersion | None:
    """What viewers get now."""
    return version_in(transcode, transcode.served)


def retired(transcode: Transcode) -> PublishedVersion | None:
    """What those get who began to watch before the video was replaced."""
    return version_in(transcode, transcode.retired)


def version_in(transcode: Transcode, data: dict[str, Any] | None) -> PublishedVersion | None:
    return None if data is None else PublishedVersion.from_json(transcode.pk, data)
