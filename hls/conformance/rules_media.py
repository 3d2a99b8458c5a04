"""Rules about EXT-X-MEDIA tags, the groups they form, and the variants that name these groups."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hls.conformance.findings import Violation, at
from hls.conformance.language_tags import is_well_formed
from hls.conformance.m3u8 import Playlist, attributes, integer, quoted

TYPES = ("AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS")  # a variant's attributes that name groups are called alike
QUOTED = frozenset(
    {
        *("URI", "GROUP-ID", "LANGUAGE", "ASSOC-LANGUAGE", "NAME"),
        *("INSTREAM-ID", "CHARACTERISTICS", "CHANNELS"),
    }
)
CHOICES = ("DEFAULT", "AUTOSELECT", "FORCED")
MAY_DIFFER = frozenset({"URI", "CHANNELS", "GROUP-ID"})  # between groups of one type
CAPTIONS = frozenset(
    {"public.accessibility.transcribes-spoken-dialog", "public.accessibility.describes-music-and-sound"}
)
DESCRIBED = "public.accessibility.describes-video"
RULE = "RFC8216-4.3.4.1"

_INSTREAM = re.compile(r"CC[1-4]|SERVICE([1-9]|[1-5]\d|6[0-3])", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z0-9.\u0080-\U0010ffff-]+")  # a uniform type identifier


@dataclass(frozen=True)
class GroupMember:
    """One EXT-X-MEDIA."""

    line: int
    attributes: Mapping[str, str]

    @property
    def type(self) -> str:
        return self.attributes.get("TYPE", "")

    @property
    def group(self) -> str:
        return self.attributes.get("GROUP-ID", "")


def renditions(master: Playlist) -> Iterator[Violation]:
    members = []
    for tag in master.all("EXT-X-MEDIA"):
        try:
            found, written = attributes(tag.value), quoted(tag.value)
        except ValueError as error:
            yield Violation("RFC8216-4.2", at(master, tag.line), f"{error}.")
            continue
        members.append(GroupMember(tag.line, found))
        for rules in (_form(found, written), _needed(found), _choices(found), _contents(found), _accessibility(found)):
            yield from (Violation(rule, at(master, tag.line), sentence) for rule, sentence in rules)
    yield from _groups(master, members)
    yield from _groups_alike(master, members)
    yield from _references(master, members)


type Broken = Iterator[tuple[str, str]]  # rule and sentence


def _form(found: Mapping[str, str], written: frozenset[str]) -> Broken:
    for name in sorted((QUOTED & found.keys()) - written):
        yield "RFC8216-4.2", f"{name} is a quoted string."
    for name in sorted({"TYPE", *CHOICES} & written):
        yield "RFC8216-4.2", f"{name} is no quoted string."


def _needed(found: Mapping[str, str]) -> Broken:
    kind = found.get("TYPE")
    for name in ("TYPE", "GROUP-ID", "NAME"):
        if not found.get(name):
            yield RULE, f"{name} is missing."
    if kind and kind not in TYPES:
        yield RULE, f"There is no TYPE {kind}."
    if kind == "SUBTITLES" and not found.get("URI"):
        yield "RFC8216-4.3.4.2.1", "Subtitles without URI."
    if kind == "CLOSED-CAPTIONS" and "URI" in found:
        yield RULE, "Closed captions are in the pictures, they have no URI."
    if kind == "CLOSED-CAPTIONS" and not _INSTREAM.fullmatch(found.get("INSTREAM-ID", "")):
        yield RULE, "INSTREAM-ID is missing, or neither CC1 to CC4 nor SERVICE1 to SERVICE63."
    if kind != "CLOSED-CAPTIONS" and "INSTREAM-ID" in found:
        yield RULE, "INSTREAM-ID belongs to closed captions alone."
    if kind != "SUBTITLES" and "FORCED" in found:
        yield RULE, "FORCED belongs to subtitles alone."


def _choices(found: Mapping[str, str]) -> Broken:
    for name in CHOICES:
        if found.get(name, "NO") not in ("YES", "NO"):
            yield RULE, f"{name} is neither YES nor NO."
    if found.get("DEFAULT") == "YES" and found.get("AUTOSELECT", "YES") != "YES":
        yield RULE, "A default that isn't selected automatically."


def _contents(found: Mapping[str, str]) -> Broken:
    for name in ("LANGUAGE", "ASSOC-LANGUAGE"):
        if name in found and not is_well_formed(found[name]):
            yield RULE, f"{name} is no language tag (RFC 5646): {found[name]}"
    if found.get("TYPE") != "VIDEO" and "LANGUAGE" not in found:
        yield "Apple-8", "LANGUAGE is missing."
    if "CHARACTERISTICS" in found and not all(map(_IDENTIFIER.fullmatch, _characteristics(found))):
        yield RULE, "CHARACTERISTICS has something else than uniform type identifiers."
    if found.get("TYPE") == "AUDIO" and not integer(found.get("CHANNELS", "2").partition("/")[0]):
        yield RULE, "CHANNELS doesn't begin with a number of channels."


def _accessibility(found: Mapping[str, str]) -> Broken:
    characteristics = set(_characteristics(found))
    is_selected = found.get("AUTOSELECT") == "YES"
    if found.get("TYPE") == "SUBTITLES" and characteristics & CAPTIONS:
        if not characteristics >= CAPTIONS:
            yield "Apple-4", f"Captions have both of {' and '.join(sorted(CAPTIONS))}."
        if not is_selected:
            yield "Apple-4", "Captions are selected automatically."
    if found.get("TYPE") == "AUDIO" and DESCRIBED in characteristics and not is_selected:
        yield "Apple-2", "A described video is selected automatically."


def _characteristics(found: Mapping[str, str]) -> list[str]:
    return [name.strip() for name in found.get("CHARACTERISTICS", "").split(",")] if "CHARACTERISTICS" in found else []


def _grouped(members: list[GroupMember]) -> dict[tuple[str, str], list[GroupMember]]:
    groups: dict[tuple[str, str], list[GroupMember]] = {}
    for member in members:
        groups.setdefault((member.type, member.group), []).append(member)
    return groups


def _groups(master: Playlist, members: list[GroupMember]) -> Iterator[Violation]:
    for group in _grouped(members).values():
        names: set[str] = set()
        for member in group:
            name = member.attributes.get("NAME", "")
            if name in names:
                yield Violation("RFC8216-4.3.4.1.1", at(master, member.line), f"Its group has the name {name} twice.")
            names.add(name)
        defaults = [member for member in group if member.attributes.get("DEFAULT") == "YES"]
        for member in defaults[1:]:
            yield Violation("RFC8216-4.3.4.1.1", at(master, member.line), "Its group has another default already.")


def _groups_alike(master: Playlist, members: list[GroupMember]) -> Iterator[Violation]:
    """Groups of one type have the same members (4.3.4.1.1)."""
    first: dict[str, set[frozenset[tuple[str, str]]]] = {}
    for (kind, name), group in _grouped(members).items():
        alike = {frozenset((k, v) for k, v in entry.attributes.items() if k not in MAY_DIFFER) for entry in group}
        if first.setdefault(kind, alike) != alike:
            sentence = f"The {kind} group {name} has other members than the first one."
            yield Violation("RFC8216-4.3.4.1.1", at(master, group[0].line), sentence)


def _references(master: Playlist, members: list[GroupMember]) -> Iterator[Violation]:
    groups = {(member.type, member.group) for member in members}
    types = {member.type for member in members}
    uncaptioned = set()
    for tag in [tag for entry in master.entries for tag in entry.tags if tag.name == "EXT-X-STREAM-INF"]:
        try:
            found, written = attributes(tag.value), quoted(tag.value)
        except ValueError:  # another rule reports it
            continue
        has_none = found.get("CLOSED-CAPTIONS") == "NONE" and "CLOSED-CAPTIONS" not in written
        uncaptioned.add(has_none)
        for kind in [kind for kind in TYPES if kind in found and not (kind == "CLOSED-CAPTIONS" and has_none)]:
            if kind not in written:
                yield Violation("RFC8216-4.2", at(master, tag.line), f"{kind} is a quoted string.")
            if (kind, found[kind]) not in groups:
                yield Violation("RFC8216-4.3.4.2", at(master, tag.line), f"There is no {kind} group {found[kind]}.")
        for kind in sorted({"AUDIO", "SUBTITLES"} & types - found.keys()):
            yield Violation("RFC8216-6.2.4", at(master, tag.line), f"It names no {kind} group, though there is one.")
    if len(uncaptioned) > 1:
        yield Violation("RFC8216-4.3.4.2", master.name, "CLOSED-CAPTIONS=NONE is said of some variants alone.")
