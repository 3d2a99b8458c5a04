"""Reads text tracks: WebVTT, SubRip and ASS that people upload, and what comes out of a video.

webvtt-py and pysubs2 were measured and left (0.6 and 1.9): webvtt-py takes 1.0 s for 50,000 cues, which is all the
time there is, and drops what has a comma for a dot; pysubs2 reads -1 s as 1 s and 100 hours as none, drops times
without milliseconds, refuses an ASS file for one time that it doesn't know, ignores the order of fields that the file
declares, and takes quadratic time for text such as `<a<a<a`. To clean a text for them means to find every line of
times first, and then nothing is left to be done. The tests compare with both, on files that are well-formed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from operator import itemgetter
from pathlib import PurePosixPath

from hls.core.subtitles.cues import LATEST_MS, MOST_CUES, Cue, TextRefused
from hls.core.subtitles.decoding import decoded
from hls.core.subtitles.placing import settings_of
from hls.core.subtitles.sanitising import safe_settings, safe_text, without_forbidden

MOST_BYTES = 5_000_000
MOST_LINES = 300_000
MOST_MARKS = 200_000  # `<`, `&` and `{`: each may begin something that has to be looked at
ENDINGS = (".vtt", ".srt", ".ass", ".ssa")

# A sign, two or three numbers with colons between them, and perhaps a fraction: 0:1:2,5 or 01:02.500 or 00:00:20.
# Spaces are counted, as two unbounded runs of them side by side would take quadratic time.
_TIME = (
    r"(-?)[ \t]{0,3}(?:([0-9]{1,10})[ \t]{0,3}:[ \t]{0,3})?([0-9]{1,3})[ \t]{0,3}:[ \t]{0,3}([0-9]{1,2})"
    r"(?:[ \t]{0,3}[.,:][ \t]{0,3}([0-9]{1,9}))?"
)
_TIMES = re.compile(  # \u2013 and \u2014 are what word processors make of `--`, \u2192 is what they make of `-->`
    r"[^\w-]{0,8}(?:[0-9]{1,6}[ \t]+)?"  # what stands before the times in broken files, such as the cue's number
    rf"{_TIME}[ \t]*((?:-{{1,3}}|- -|[\u2013\u2014])[ \t]?>|\u2192)[ \t]*{_TIME}(?![0-9:])(.*)"
)
_SHORT_ARROWS = ("->", "- >", "\u2192")
_USUAL_TIME = "([0-9]{2}):([0-9]{2}):([0-9]{2})[.,]([0-9]{3})"
_USUAL_TIMES = re.compile(rf"{_USUAL_TIME} --> {_USUAL_TIME}(?![0-9:])(.*)")  # of most lines, in half of the time
_ASS_TIME = re.compile(_TIME)
_ASS_FIELDS = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
_HARD_SPACE = ("\\h", "\xa0")
_NUMBER = re.compile(r"\s*[0-9]{1,9}\s*")
_LONGEST_UNTOLD_MS = 7_000  # how long a text stays whose end isn't told: time enough to read two full lines


class Form(StrEnum):
    """How the text of a packet is written."""

    WEBVTT = "webvtt"
    BOXED = "wvtt"  # WebVTT in MP4's boxes
    SUBRIP = "subrip"
    ASS = "ass"
    MOV_TEXT = "mov_text"  # as FFmpeg puts it into events of ASS; what braces hold beside codes is text


type Times = tuple[int, int, str]  # start and end in milliseconds, and the settings that stand behind them


@dataclass(frozen=True)
class RawCue:
    """A cue as the file has it: times may be negative or in the wrong order, the text is the source's."""

    times: Times
    text: str


def read(data: bytes, name: str) -> tuple[Cue, ...]:
    """The cues of an uploaded file, sorted by their beginnings.

    The ending of `name` says what the file is, unless its content clearly says otherwise. Raises TextRefused.
    """
    ending = PurePosixPath(name).suffix.lower()
    if ending not in ENDINGS:
        raise TextRefused("Only files that end in .vtt, .srt, .ass or .ssa are accepted.")
    if len(data) > MOST_BYTES:
        raise TextRefused(f"This file is too large: at most {MOST_BYTES // 1_000_000} MB of text are accepted.")
    text = _bounded(decoded(data))
    if _is_ass(text, ending):
        cues = _safe(_read_ass(text), is_ass=True)
    elif text.lstrip().startswith("WEBVTT") or ending == ".vtt":
        cues = _safe(_read_webvtt(text))
    else:
        cues = _safe(_read_subrip(text))
    if not cues:
        raise TextRefused("Nothing to show was found: a WebVTT, SubRip or ASS file with times and text is accepted.")
    return cues


def read_webvtt(text: str) -> tuple[Cue, ...]:
    """The cues of WebVTT that was written of a video's track; none if it is empty. Raises TextRefused for too much."""
    if len(text) > MOST_BYTES:
        raise TextRefused(f"This track is too long: at most {MOST_BYTES // 1_000_000} MB of text are accepted.")
    return _safe(_read_webvtt(_bounded(text), is_plain=True))


def read_packets(packets: Sequence[RawCue], form: Form, *, may_lack_ends: bool = False) -> tuple[Cue, ...]:
    """The cues of a track within a video, each of which came alone. Raises TextRefused for too many."""
    raw = (_laid_out(replace(cue, text=without_forbidden(cue.text)), form) for cue in packets)
    return _safe(_with_ends(list(raw)) if may_lack_ends else raw, is_ass=form is Form.ASS)


def _laid_out(cue: RawCue, form: Form) -> RawCue:
    """The cue with line breaks and a place for ASS's codes of them, which stand in SubRip as well."""
    if form in (Form.WEBVTT, Form.BOXED) or "\\" not in cue.text:
        return cue
    start_ms, end_ms, settings = cue.times
    text = cue.text.replace("\\N", "\n")
    text = text.replace("\\n", " ").replace(*_HARD_SPACE) if form is Form.ASS else text
    return RawCue((start_ms, end_ms, f"{settings_of(text)} {settings}"), text)


def _bounded(text: str) -> str:
    """The text without what no text needs. Raises TextRefused for what would take too long to read."""
    text = without_forbidden(text)
    if "\n\n\n" in text:
        text = re.sub(r"\n{3,}", "\n\n", text)
    if text.count("\n") > MOST_LINES:
        raise TextRefused(f"This file has too many lines: at most {MOST_LINES:,} are accepted.")
    if sum(text.count(mark) for mark in "<&{") > MOST_MARKS:
        raise TextRefused(f"This file has too many tags: at most {MOST_MARKS:,} of <, & and {{ are accepted.")
    return text


def _safe(raw: Iterable[RawCue], *, is_ass: bool = False) -> tuple[Cue, ...]:
    """The cues that a viewer sees, sorted."""
    found: dict[tuple[int, int, str, str], None] = {}
    for number, cue in enumerate(raw):
        if number >= MOST_CUES:
            raise TextRefused(f"This file has too many cues: at most {MOST_CUES:,} are accepted.")
        start_ms, end_ms, settings = cue.times
        start_ms = max(start_ms, 0)
        if start_ms < end_ms and start_ms < LATEST_MS and (text := safe_text(cue.text, is_ass=is_ass)):
            found[start_ms, min(end_ms, LATEST_MS), text, safe_settings(settings)] = None
    shown = _laid_once(found) if is_ass else found
    return tuple(Cue(*cue) for cue in sorted(shown, key=itemgetter(0)))


def _laid_once(found: Iterable[tuple[int, int, str, str]]) -> Iterable[tuple[int, int, str, str]]:
    """What ASS lays over itself, for a shadow or an outline, is one cue, in the place of the first that has one."""
    once: dict[tuple[int, int, str], str] = {}
    for start_ms, end_ms, text, settings in found:
        once[start_ms, end_ms, text] = once.get((start_ms, end_ms, text)) or settings
    return ((*cue, settings) for cue, settings in once.items())


def _with_ends(raw: list[RawCue]) -> list[RawCue]:
    """The cues, of which those without a length last until the next one begins, if most have none.

    A few among others are meant not to be seen: programs hide notes in them.
    """
    lacking = [cue for cue in raw if cue.times[0] == cue.times[1]]
    if len(lacking) * 2 <= len(raw):
        return raw
    begins = sorted({cue.times[0] for cue in raw})
    following = dict(pairwise([*begins, begins[-1] + _LONGEST_UNTOLD_MS]))
    return [_ended(cue, following[cue.times[0]]) for cue in raw]


def _ended(cue: RawCue, next_ms: int) -> RawCue:
    start_ms, end_ms, settings = cue.times
    if start_ms != end_ms:
        return cue
    return replace(cue, times=(start_ms, min(next_ms, start_ms + _LONGEST_UNTOLD_MS), settings))


def _read_webvtt(text: str, *, is_plain: bool = False) -> Iterator[RawCue]:
    """The cues of WebVTT. Header, NOTE, STYLE, REGION and cues' names are what stands in no cue (WebVTT 6.1).

    What `is_plain` has none of them. There, an empty line ends no cue: FFmpeg leaves a caption's empty rows in it.
    """
    begun: Times | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        if not line and is_plain:
            continue
        if (timed := _timed(line)) is None and line:
            lines.append(line)
            continue
        if begun:
            yield RawCue(begun, "\n".join(lines if timed is None or is_plain else _without_number(lines)))
        begun, lines = timed, []
    if begun:
        yield RawCue(begun, "\n".join(lines))


def _read_subrip(text: str) -> Iterator[RawCue]:
    """The cues of SubRip: what stands between two lines of times, empty lines too, but not the next cue's number."""
    begun: Times | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        if (timed := _timed(line)) is None:
            lines.append(line)
            continue
        if begun:
            yield _laid_out(RawCue(begun, "\n".join(_without_number(lines))), Form.SUBRIP)
        begun, lines = timed, []
    if begun:
        yield _laid_out(RawCue(begun, "\n".join(_without_number([*lines, ""]))), Form.SUBRIP)


def _read_ass(text: str) -> Iterator[RawCue]:
    """The dialogue of ASS and SSA, whose fields stand in the order that the last Format line declares."""
    order = _order_of(_ASS_FIELDS)
    for line in text.split("\n"):
        key, _, rest = line.partition(":")
        kind = key.strip().lower()
        if kind == "dialogue":
            if cue := _ass_cue(rest, *order):
                yield cue
        elif kind == "format":
            declared = [name.strip().lower() for name in rest.split(",")]
            order = _order_of(declared) if {"start", "end", "text"} <= set(declared) else order


def _order_of(fields: list[str]) -> tuple[int, int, int, int]:
    """How many fields there are, and which of them are the beginning, the end and the text."""
    return len(fields), fields.index("start"), fields.index("end"), fields.index("text")


def _ass_cue(event: str, count: int, start_at: int, end_at: int, text_at: int) -> RawCue | None:
    """The cue of a Dialogue line; None if it has too few fields or no times. The last field may have commas."""
    values = event.split(",", count - 1)
    if len(values) < count:
        return None
    start = _ASS_TIME.fullmatch(values[start_at].strip())
    end = _ASS_TIME.fullmatch(values[end_at].strip())
    if start is None or end is None:
        return None
    return _laid_out(RawCue((_ms(*start.groups()), _ms(*end.groups()), ""), values[text_at]), Form.ASS)


def _is_ass(text: str, ending: str) -> bool:
    """Whether there is dialogue, in a file that is named ASS or has its sections."""
    if ending not in (".ass", ".ssa") and (
        "[" not in text or re.search(r"^\[(?:Script Info|V4\+? Styles|Events)\]", text, re.M | re.I) is None
    ):
        return False
    return re.search(r"^[ \t]*Dialogue[ \t]*:", text, re.M | re.I) is not None


def _timed(line: str) -> Times | None:
    """What a line of times says; None for every other line."""
    if ">" not in line and "\u2192" not in line:
        return None
    if found := _USUAL_TIMES.match(line):
        hours, minutes, seconds, ms, to_hours, to_minutes, to_seconds, to_ms, settings = found.groups()
        start_ms = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1_000 + int(ms)
        return start_ms, ((int(to_hours) * 60 + int(to_minutes)) * 60 + int(to_seconds)) * 1_000 + int(to_ms), settings
    if (found := _TIMES.match(" ".join(line.split()))) is None:  # text from web pages has other spaces
        return None
    groups = found.groups()
    start, arrow, end, settings = groups[:5], groups[5], groups[6:11], groups[11]
    if arrow in _SHORT_ARROWS and not (start[1] and end[1]):  # without hours it may be what is said: 10:15 -> 11:30
        return None
    return _ms(*start), _ms(*end), settings


def _ms(sign: str, hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int:
    """The time of a sign, hours, minutes, seconds and digits of a fraction, where minutes and seconds may be many."""
    ms = (int(minutes) * 60 + int(seconds)) * 1_000
    if hours:
        ms += int(hours) * 3_600_000
    if fraction:
        ms += int(fraction if len(fraction) == 3 else fraction.ljust(3, "0")[:3])
    return -ms if sign else ms


def _without_number(lines: list[str]) -> list[str]:
    """The lines between two lines of times, without the number that belongs to the second one.

    That is the last one, if it stands right before the times, or between empty lines: `1984` may be what is said.
    """
    kept = len(lines)
    while kept and not lines[kept - 1].strip():
        kept -= 1
    if kept and _NUMBER.fullmatch(lines[kept - 1]):
        is_adjacent = kept == len(lines)
        stands_alone = kept > 1 and not lines[kept - 2].strip()
        if is_adjacent or stands_alone:
            return lines[: kept - 1]
    return lines[:kept]
