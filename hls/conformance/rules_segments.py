"""Rules about the content of segments, and whether the playlists describe it correctly."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil

from hls.conformance.findings import Fetched, Presentation, Stream, Violation, at, beside
from hls.conformance.m3u8 import Entry, byte_range, decimal
from hls.core.bandwidth import Piece
from hls.core.formats import transport

MAX_PROFILE, MAX_LEVEL = 100, 52  # High, 5.2
AAC_LC = 2
TS_TYPE = "video/mp2t"
FRAME_SLACK = 2  # ticks: a time is rounded twice


class _Segment:
    """A parsed segment. Raises Malformed, ValueError or IndexError for bytes that can't be parsed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.tables = transport.tables(data)
        self.pictures = transport.units(data, self.tables.video_pid)
        self.shown = sorted(unit.pts for unit in self.pictures)
        self.parameters = transport.parameters(data, self.pictures[0], self.tables.video_pid)
        audio_pid = self.tables.audio_pid
        self.sound = None if audio_pid is None else transport.sound(data, audio_pid)
        self.pids = [transport.pid(data, packet) for packet in range(0, len(data), transport.PACKET)]
        self.table_pids = [transport.PAT_PID, self.tables.pmt_pid]


def variant(stream: Stream, presentation: Presentation, fetch: Callable[[str], Fetched]) -> Iterator[Violation]:
    """Read each segment of a variant once, for its own rules and for the I-frame playlists that point into it."""
    playlist = stream.playlist
    shown: list[int] = []
    decoded: list[int] = []
    for entry in playlist.entries:
        name = beside(playlist.name, entry.uri)
        try:
            fetched = fetch(name)
            segment = _Segment(fetched.body)
        except OSError as error:
            yield Violation("RFC8216-6.2.1", at(playlist, entry), f"The segment isn't there: {error}")
            continue
        except (transport.Malformed, IndexError, ValueError) as error:
            yield Violation("RFC8216-3.2", name, f"Not a transport stream that plays: {error}.")
            continue
        stream.pieces.append(Piece(len(fetched.body), Fraction(str(entry.duration_s or 0))))
        stream.begins.append(segment.shown[0])
        shown += segment.shown
        decoded += [unit.dts for unit in segment.pictures]
        yield from delivery(name, fetched, types=[TS_TYPE])
        yield from _beginning(name, segment)
        yield from _codecs(name, segment, stream)
        if segment.sound is not None:
            yield from sound_goes_on(name, segment.sound, stream)
        for iframes, iframe in presentation.iframe_entries.pop(name, ()):
            yield from _iframe(iframes, iframe, segment)
    yield from _decoding(stream, decoded)
    yield from _times(stream, shown)
    is_told = "mp4a" in stream.attributes.get("CODECS", "mp4a")
    if is_told != stream.has_sound and (stream.has_sound or "AUDIO" not in stream.attributes):
        yield Violation("RFC8216-4.3.4.2", playlist.name, "CODECS doesn't tell whether there is sound.")


def delivery(name: str, fetched: Fetched, *, rule: str = "RFC8216-3.2", types: Sequence[str]) -> Iterator[Violation]:
    if fetched.content_type is not None and fetched.content_type.partition(";")[0].strip().lower() not in types:
        yield Violation(rule, name, f"Its media type is {fetched.content_type}.")
    if fetched.was_redirected:
        yield Violation("Apple-10", name, "It is reached through a redirect.")


def _beginning(name: str, segment: _Segment) -> Iterator[Violation]:
    if segment.pids[:2] != segment.table_pids:
        yield Violation("RFC8216-3.2", name, "It doesn't begin with a PAT and a PMT.")
    first = segment.pictures[0]
    if not transport.is_idr(segment.data, first, segment.tables.video_pid):
        yield Violation("RFC8216-4.3.5.1", name, "Its first picture is no IDR picture, so it isn't independent.")


def _codecs(name: str, segment: _Segment, stream: Stream) -> Iterator[Violation]:
    parameters, sound = segment.parameters, segment.sound
    if parameters.profile > MAX_PROFILE or parameters.level > MAX_LEVEL:
        yield Violation("Apple-1", name, f"{parameters.codec} is above High profile, level 5.2.")
    expected = [parameters.codec, *([f"mp4a.40.{sound.object_type}"] if sound else [])]
    declared = stream.attributes.get("CODECS", "").split(",")
    if not set(expected) <= set(declared):
        yield Violation("RFC8216-4.3.4.2", name, f"CODECS says {','.join(declared)}, it is {','.join(expected)}.")
    size = f"{parameters.width}x{parameters.height}"
    if stream.attributes.get("RESOLUTION", size) != size:
        yield Violation("RFC8216-4.3.4.2", name, f"RESOLUTION says {stream.attributes['RESOLUTION']}, it is {size}.")
    if sound and sound.object_type != AAC_LC:
        yield Violation("Apple-2", name, "Its sound isn't AAC-LC.")


def sound_goes_on(name: str, sound: transport.SoundFrames, stream: Stream) -> Iterator[Violation]:
    """A segment's sound begins where that of the segment before ended."""
    stream.has_sound = True
    if stream.sound_end is not None and abs(sound.first_pts - stream.sound_end) > FRAME_SLACK:
        yield Violation("RFC8216-4.3.2.3", name, "Its sound doesn't go on where the segment before ended.")
    stream.sound_end = sound.first_pts + round(sound.frame_count * 1024 * transport.TICKS / sound.sample_rate)


def _decoding(stream: Stream, decoded: list[int]) -> Iterator[Violation]:
    """Decoding timestamps are as regular as presentation timestamps."""
    steps = [later - earlier for earlier, later in pairwise(decoded)]
    if steps and max(steps) - min(steps) > FRAME_SLACK:
        sentence = "Decoding times jump or stand still, and no EXT-X-DISCONTINUITY says so."
        yield Violation("RFC8216-4.3.2.3", stream.playlist.name, sentence)


def _times(stream: Stream, shown: list[int]) -> Iterator[Violation]:
    """Presentation timestamps are regular over all segments, match FRAME-RATE, and agree with EXTINF."""
    playlist = stream.playlist
    steps = [later - earlier for earlier, later in pairwise(shown)]
    if steps and (max(steps) - min(steps) > FRAME_SLACK or shown[-1] <= shown[0]):
        sentence = "Timestamps jump or stand still, and no EXT-X-DISCONTINUITY says so."
        yield Violation("RFC8216-4.3.2.3", playlist.name, sentence)
        return
    if len(stream.begins) != len(playlist.entries) or not steps:
        return
    step = (shown[-1] - shown[0]) / len(steps)
    rate = transport.TICKS / step
    told_rate = decimal(stream.attributes.get("FRAME-RATE", ""))
    if told_rate is not None and abs(told_rate - rate) > max(0.001, rate * FRAME_SLACK / (shown[-1] - shown[0])):
        sentence = f"FRAME-RATE is declared as {told_rate:.3f}, and measured as {rate:.3f}."
        yield Violation("RFC8216-4.3.4.2", playlist.name, sentence)
    ends = [*stream.begins[1:], shown[-1] + step]
    for entry, begin, end in zip(playlist.entries, stream.begins, ends, strict=True):
        if abs((entry.duration_s or 0) * transport.TICKS - (end - begin)) > FRAME_SLACK:
            yield Violation(
                "Apple-8", at(playlist, entry), f"EXTINF isn't the {(end - begin) / transport.TICKS} s it lasts."
            )
    total_s = sum(entry.duration_s or 0 for entry in playlist.entries)
    if abs(total_s * transport.TICKS - (ends[-1] - shown[0])) > step:
        yield Violation("Apple-8", playlist.name, "The sum of EXTINF is more than a frame off the video's duration.")


def same_times(presentation: Presentation) -> Iterator[Violation]:
    for stream in presentation.variants[1:]:
        if stream.begins != presentation.variants[0].begins:
            sentence = "Its segments have other timestamps than the first variant's."
            yield Violation("RFC8216-6.2.4", stream.playlist.name, sentence)


def _iframe(stream: Stream, entry: Entry, segment: _Segment) -> Iterator[Violation]:
    """An entry of an I-frame playlist agrees with the segment it points into (RFC 8216 4.3.3.6)."""
    where = at(stream.playlist, entry)
    offset, size = byte_range(entry.tag("EXT-X-BYTERANGE")) or (0, 0)
    end = offset + size
    stream.pieces.append(Piece(size, Fraction(str(entry.duration_s or 0))))
    if end > len(segment.data):
        yield Violation("RFC8216-4.3.2.2", where, "The byte range ends after its segment.")
        return
    if {*segment.pids[offset // transport.PACKET : ceil(end / transport.PACKET)]} & {*segment.table_pids}:
        sentence = "The byte range includes a PAT or a PMT, which clients find at the segment's beginning."
        yield Violation("RFC8216-4.3.3.6", where, sentence)
    touched = [unit for unit in segment.pictures if unit.offset < end and offset < unit.end]
    if len(touched) != 1 or not transport.is_idr(segment.data, touched[0], segment.tables.video_pid):
        yield Violation("RFC8216-4.3.3.6", where, "The byte range isn't one IDR picture.")
        return
    picture = touched[0]
    if picture.offset != offset:
        yield Violation("RFC8216-4.3.3.6", where, "The byte range doesn't begin with its picture's first packet.")
    if picture.end > end:
        yield Violation("RFC8216-4.3.3.6", where, "The byte range cuts its picture off.")
    if len(segment.shown) > 1:
        following = [unit.pts for unit in segment.pictures if unit.is_random_access and unit.pts > picture.pts]
        until = following[0] if following else segment.shown[-1] + _step(segment)
        if abs((entry.duration_s or 0) * transport.TICKS - (until - picture.pts)) > FRAME_SLACK:
            yield Violation("RFC8216-4.3.3.6", where, "EXTINF isn't the time until the next I-frame.")


def _step(segment: _Segment) -> float:
    """Ticks per frame, for a segment with more than one frame."""
    return (segment.shown[-1] - segment.shown[0]) / (len(segment.shown) - 1)


def iframes_left(presentation: Presentation) -> Iterator[Violation]:
    for left in presentation.iframe_entries.values():
        for stream, entry in left:
            sentence = "An I-frame of a segment that no variant has."
            yield Violation("RFC8216-4.3.3.6", at(stream.playlist, entry), sentence)
