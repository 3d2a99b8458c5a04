"""Alternative sounds and subtitles in a multivariant playlist (RFC 8216 4.3.4.1 and Apple's rules for accessibility).

The engine writes a version's multivariant playlist once, with the sounds as the file has them. What editors change
afterwards, and the texts, are put into it when it is asked for: a version never changes, but its tracks do.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

SOUNDS, TEXTS = "sounds", "texts"  # the two groups
CAPTIONS = ("public.accessibility.transcribes-spoken-dialog", "public.accessibility.describes-music-and-sound")
DESCRIBED = ("public.accessibility.describes-video",)
STEREO = "2"
UNDETERMINED = "und"  # in BCP 47

_UNQUOTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # in a quoted string (RFC 8216 4.2)
_STREAM = re.compile(r"^(#EXT-X-STREAM-INF:.*)$", re.MULTILINE)
_MEDIA = re.compile(r"^#EXT-X-MEDIA:TYPE=([A-Z]+),.*\n", re.MULTILINE)
_BEFORE_STREAM = re.compile(r"^(?=#EXT-X-STREAM-INF:)", re.MULTILINE)


class MediaType(StrEnum):
    SOUND = "AUDIO"
    TEXT = "SUBTITLES"


@dataclass(frozen=True)
class Alternate:
    """One EXT-X-MEDIA."""

    type: MediaType
    uri: str  # of its media playlist, relative to the multivariant playlist
    name: str  # for people; different in all of a group
    language: str = ""  # BCP 47; "" if unknown
    is_default: bool = False
    is_autoselected: bool = True  # by the viewer's language
    is_forced: bool = False
    characteristics: tuple[str, ...] = ()

    @property
    def likeness(self) -> tuple[object, ...]:
        """What a player chooses by: of two with the same, it can't know which is meant."""
        return self.type, self.language, self.is_forced, self.characteristics

    def tag(self) -> str:
        is_text = self.type == MediaType.TEXT
        found = [
            f"TYPE={self.type}",
            f'GROUP-ID="{TEXTS if is_text else SOUNDS}"',
            f'NAME="{quotable(self.name)}"',
            f'LANGUAGE="{quotable(self.language) or UNDETERMINED}"',  # always: Apple 8
            f"DEFAULT={_yes(self.is_default)}",
            f"AUTOSELECT={_yes(self.is_autoselected)}",
            *([f"FORCED={_yes(self.is_forced)}"] if is_text else []),
            *([f'CHARACTERISTICS="{",".join(self.characteristics)}"'] if self.characteristics else []),
            *([] if is_text else [f'CHANNELS="{STEREO}"']),
            f'URI="{self.uri}"',
        ]
        return f"#EXT-X-MEDIA:{','.join(found)}"


def with_alternates(multivariant: str, alternates: Sequence[Alternate]) -> str:
    """The playlist with these alternates instead of those of their types that it names.

    Where there are texts, its variants name their group. They have to name the sounds' group already, if it has one.
    """
    types = {alternate.type for alternate in alternates}
    kept = _MEDIA.sub(lambda found: "" if MediaType(found[1]) in types else found[0], multivariant)
    lines = "".join(f"{alternate.tag()}\n" for alternate in told_apart(alternates))
    text = _BEFORE_STREAM.sub(lambda _: lines, kept, count=1)
    if MediaType.TEXT in types:
        text = _STREAM.sub(rf'\1,SUBTITLES="{TEXTS}"', text)
    return text


def told_apart(alternates: Sequence[Alternate]) -> list[Alternate]:
    """The alternates, so that people and players can tell those of one group apart (RFC 8216 4.3.4.1.1).

    A name that another one has already gets a number. Of those that are alike in language, purpose and force only one
    is chosen by itself: the default one, or else the first.
    """
    return list(_selected_once(_named_apart(alternates)))


def _named_apart(alternates: Sequence[Alternate]) -> list[Alternate]:
    taken: set[tuple[MediaType, str]] = set()
    found = []
    for alternate in alternates:
        name = quotable(alternate.name)
        numbered = (f"{name} {number}" for number in range(2, len(alternates) + 2))
        name = next(entry for entry in (name, *numbered) if (alternate.type, entry) not in taken)
        taken.add((alternate.type, name))
        found.append(replace(alternate, name=name))
    return found


def _selected_once(alternates: Sequence[Alternate]) -> Iterator[Alternate]:
    taken = {alternate.likeness for alternate in alternates if alternate.is_default}
    for alternate in alternates:
        is_selected = alternate.is_default or (alternate.is_autoselected and alternate.likeness not in taken)
        taken |= {alternate.likeness} if is_selected else set()
        yield replace(alternate, is_autoselected=is_selected)


def quotable(text: str) -> str:
    return _UNQUOTABLE.sub(" ", text.replace('"', "'"))


def _yes(value: bool) -> str:
    return "YES" if value else "NO"
