"""Rules about subtitles and captions in WebVTT (RFC 8216 3.5, Apple 5)."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from hls.conformance import webvtt
from hls.conformance.findings import Fetched, Presentation, Stream, Violation, at, beside
from hls.conformance.m3u8 import Entry
from hls.conformance.rules_segments import delivery
from hls.conformance.webvtt import TICKS_PER_MS, ShownCue
from hls.core.bandwidth import Piece

TYPES = ("text/vtt", "text/plain")
CLOCK_SLACK_MS = 40  # of a cue's time; what viewers can't see
ROUNDING_MS = 5  # cue times are whole milliseconds, and the roundings of EXTINF add up over hours
RULE = "RFC8216-3.5"


@dataclass(frozen=True)
class TextSpan:
    """A segment that was read: when it is shown, in ms from the video's beginning, and its cues on that clock."""

    entry: Entry
    begin_ms: float
    end_ms: float
    cues: frozenset[ShownCue]


def text(stream: Stream, presentation: Presentation, fetch: Callable[[str], Fetched]) -> Iterator[Violation]:
    """Texts in fMP4 (IMSC1), whose playlist has an EXT-X-MAP, are not read."""
    playlist = stream.playlist
    yield from _length(stream, presentation)
    if any(entry.tag("EXT-X-MAP") for entry in playlist.entries):
        return
    first_pts = _first_pts(presentation)
    ends_ms = list(accumulate((entry.duration_s or 0) * 1000 for entry in playlist.entries))
    spans = []
    for entry, begin_ms, end_ms in zip(playlist.entries, [0.0, *ends_ms], ends_ms, strict=False):
        name = beside(playlist.name, entry.uri)
        try:
            fetched = fetch(name)
            parsed = webvtt.parse(fetched.body)
        except OSError as error:
            yield Violation("RFC8216-6.2.1", at(playlist, entry), f"The segment isn't there: {error}")
            continue
        except ValueError as error:
            yield Violation(RULE, name, f"Not a WebVTT segment: {error}.")
            continue
        stream.pieces.append(Piece(len(fetched.body), Fraction(str(entry.duration_s or 0))))
        yield from delivery(name, fetched, rule="Apple-10", types=TYPES)
        if parsed.zero_pts is None:
            yield Violation("Apple-5", name, f"{webvtt.MAP} is missing.")
        shift_ms, is_agreed = _shift(parsed.zero_pts, first_pts, begin_ms)
        if not is_agreed:
            sentence = f"{webvtt.MAP} puts cue time 0 at {shift_ms / 1000:.3f} s of the video."
            yield Violation(RULE, name, sentence)
        cues = (ShownCue(cue.begin_ms + shift_ms, cue.end_ms + shift_ms, cue.text) for cue in parsed.cues)
        spans.append(TextSpan(entry, begin_ms, end_ms, frozenset(cues)))
    stream.cues = {cue for span in spans for cue in span.cues}
    yield from _places(stream, spans)


def _first_pts(presentation: Presentation) -> int | None:
    """When the video begins, by the pictures' clock; None if they can't be read."""
    if not presentation.variants:
        return None
    pictures = presentation.variants[0]
    return pictures.begins[0] if len(pictures.begins) == len(pictures.playlist.entries) and pictures.begins else None


def _shift(zero_pts: int | None, first_pts: int | None, begin_ms: float) -> tuple[int, bool]:
    """What to add to cue times for times of the video, in ms, and whether the map agrees with the pictures' clock.

    Cue times count from the video's beginning, from the segment's, or are the clock's own: then nothing is mapped.
    """
    if first_pts is None:
        return 0, True
    shift_ms = ((zero_pts or 0) - first_pts) / TICKS_PER_MS
    for expected_ms in (0.0, begin_ms, -first_pts / TICKS_PER_MS):
        if abs(shift_ms - expected_ms) <= CLOCK_SLACK_MS:
            return round(expected_ms), True
    return round(shift_ms), False


def _places(stream: Stream, spans: list[TextSpan]) -> Iterator[Violation]:
    """Each cue stands in every segment during which it is shown, and in no other (RFC 8216 3.5)."""
    playlist = stream.playlist
    for span in spans:
        for cue in sorted(span.cues):
            if cue.end_ms < span.begin_ms - ROUNDING_MS or cue.begin_ms > span.end_ms + ROUNDING_MS:
                yield Violation(RULE, at(playlist, span.entry), f"{_told(cue)} isn't shown during this segment.")
                break
    ends = [span.end_ms for span in spans]
    lacking: dict[int, ShownCue] = {}
    for cue in sorted(stream.cues):
        number = bisect_right(ends, cue.begin_ms + ROUNDING_MS)
        while number < len(spans) and spans[number].begin_ms < cue.end_ms - ROUNDING_MS:
            if cue not in spans[number].cues:
                lacking.setdefault(number, cue)
            number += 1
    for number, cue in sorted(lacking.items()):
        sentence = f"{_told(cue)} is shown during this segment, and isn't in it."
        yield Violation(RULE, at(playlist, spans[number].entry), sentence)


def _told(cue: ShownCue) -> str:
    return f"The cue at {cue.begin_ms / 1000:.3f} s"


def _length(stream: Stream, presentation: Presentation) -> Iterator[Violation]:
    if not presentation.variants:
        return
    shorter_s = presentation.variants[0].duration_s - stream.duration_s
    if abs(shorter_s) * 1000 > CLOCK_SLACK_MS:
        sentence = f"It lasts {stream.duration_s:.3f} s, the pictures {presentation.variants[0].duration_s:.3f} s."
        yield Violation("Apple-5", stream.playlist.name, sentence)


def forced(presentation: Presentation) -> Iterator[Violation]:
    """The subtitles of a language have its forced ones too (Apple 5): something is shown whenever a forced cue is."""
    for stream in presentation.texts:
        if stream.attributes.get("FORCED") != "YES":
            continue
        whole = [other for other in presentation.texts if _is_whole(other, stream)]
        cues = [cue for other in whole for cue in other.cues]
        for cue in sorted(stream.cues) if whole else ():
            if not any(other.begin_ms < cue.end_ms and cue.begin_ms < other.end_ms for other in cues):
                sentence = f"{_told(cue)} is forced, and the other subtitles of its language lack it."
                yield Violation("Apple-5", stream.playlist.name, sentence)
                break


def _is_whole(other: Stream, forced: Stream) -> bool:
    names = ("GROUP-ID", "LANGUAGE")
    is_alike = all(other.attributes.get(name) == forced.attributes.get(name) for name in names)
    is_read = len(other.pieces) == len(other.playlist.entries)
    return is_alike and is_read and other.attributes.get("FORCED", "NO") == "NO"
