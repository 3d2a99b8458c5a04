"""Rules about alternative sounds: they agree with the pictures, and the playlists describe them correctly."""

from collections.abc import Callable, Iterator
from fractions import Fraction

from hls.conformance import sound_segment
from hls.conformance.findings import Fetched, Presentation, Stream, Violation, at, beside
from hls.conformance.m3u8 import attributes, integer
from hls.conformance.rules_segments import AAC_LC, FRAME_SLACK, TS_TYPE, delivery, sound_goes_on
from hls.conformance.sound_segment import ReadSound
from hls.core.bandwidth import Piece
from hls.core.formats import transport

PACKED_TYPES = ("audio/aac", "audio/aacp", "audio/mp4a-latm")
SAMPLES = 1024  # of an AAC frame


def sound(stream: Stream, presentation: Presentation, fetch: Callable[[str], Fetched]) -> Iterator[Violation]:
    playlist = stream.playlist
    frame = 0.0  # ticks
    for entry in playlist.entries:
        name = beside(playlist.name, entry.uri)
        try:
            fetched = fetch(name)
            segment = sound_segment.read(fetched.body)
        except OSError as error:
            yield Violation("RFC8216-6.2.1", at(playlist, entry), f"The segment isn't there: {error}")
            continue
        except (transport.Malformed, IndexError, ValueError) as error:
            yield Violation("RFC8216-3.2", name, f"Not sound that plays: {error}.")
            continue
        stream.pieces.append(Piece(len(fetched.body), Fraction(str(entry.duration_s or 0))))
        stream.begins.append(segment.frames.first_pts)
        frame = SAMPLES * transport.TICKS / segment.frames.sample_rate
        yield from delivery(name, fetched, types=PACKED_TYPES if segment.is_packed else [TS_TYPE])
        yield from _content(name, segment, stream)
        yield from sound_goes_on(name, segment.frames, stream)
    if len(stream.begins) == len(playlist.entries) and frame:
        yield from _durations(stream, frame)
        if presentation.variants:
            yield from _beside_pictures(stream, presentation.variants[0], frame)


def _content(name: str, segment: ReadSound, stream: Stream) -> Iterator[Violation]:
    if not segment.is_packed and not segment.begins_with_tables:
        yield Violation("RFC8216-3.2", name, "It doesn't begin with a PAT and a PMT.")
    if segment.has_pictures:
        yield Violation("RFC8216-4.3.4.1", name, "A rendition of TYPE=AUDIO has pictures.")
    if segment.frames.object_type != AAC_LC:
        yield Violation("Apple-2", name, "Its sound isn't AAC-LC.")
    stream.sound_codec = f"mp4a.40.{segment.frames.object_type}"
    stream.channels = segment.channels or None
    told = stream.attributes.get("CHANNELS")
    if told is not None and segment.channels and integer(told.partition("/")[0]) != segment.channels:
        yield Violation("RFC8216-4.3.4.1", name, f"CHANNELS says {told}, it has {segment.channels}.")


def _durations(stream: Stream, frame: float) -> Iterator[Violation]:
    """EXTINF is exact to an AAC frame, and so is the sum of any of them."""
    playlist = stream.playlist
    ends = [*stream.begins[1:], stream.sound_end or 0]
    told_ticks = 0.0
    for entry, end in zip(playlist.entries, ends, strict=True):
        told_ticks += (entry.duration_s or 0) * transport.TICKS
        if abs(told_ticks - (end - stream.begins[0])) > frame + FRAME_SLACK:
            lasts_s = (end - stream.begins[0]) / transport.TICKS
            sentence = f"The sum of EXTINF is {told_ticks / transport.TICKS:.3f} s here, and the sound {lasts_s:.3f} s."
            yield Violation("Apple-8", at(playlist, entry), sentence)
            return


def _beside_pictures(stream: Stream, pictures: Stream, frame: float) -> Iterator[Violation]:
    """Cut as the pictures, at the same times, and as long as they."""
    playlist = stream.playlist
    cuts = [entry.duration_s or 0 for entry in playlist.entries]
    others = [entry.duration_s or 0 for entry in pictures.playlist.entries]
    slack = frame + FRAME_SLACK
    is_cut_alike = len(cuts) == len(others) and all(
        abs(cut - other) * transport.TICKS <= slack for cut, other in zip(cuts, others, strict=True)
    )
    if not is_cut_alike:
        yield Violation("RFC8216-6.2.4", playlist.name, "Its segments are cut elsewhere than the pictures'.")
    if len(pictures.begins) != len(others):
        return
    if is_cut_alike:
        for number, (begin, shown) in enumerate(zip(stream.begins, pictures.begins, strict=True)):
            if abs(begin - shown) > slack:
                sentence = f"Its sound begins {(begin - shown) / transport.TICKS:.3f} s after the picture."
                yield Violation("RFC8216-6.2.4", at(playlist, playlist.entries[number]), sentence)
                break
    late = (stream.sound_end or 0) - pictures.begins[0] - pictures.duration_s * transport.TICKS
    if abs(late) > slack:
        sentence = f"The sound ends {late / transport.TICKS:.3f} s after the pictures."
        yield Violation("Apple-2", playlist.name, sentence)


def declared(presentation: Presentation) -> Iterator[Violation]:
    """What the multivariant playlist says of sounds, now that they are read."""
    for variant in presentation.variants:
        formats = {sound.sound_codec for sound in presentation.sounds_of(variant) if sound.sound_codec}
        told = {codec.strip() for codec in variant.attributes.get("CODECS", "").split(",")}
        if formats - told:
            sentence = f"CODECS lacks {','.join(sorted(formats - told))}, which its AUDIO group has."
            yield Violation("RFC8216-4.3.4.2", variant.playlist.name, sentence)
    yield from _within_variants(presentation)
    yield from _channels_told(presentation)


def _within_variants(presentation: Presentation) -> Iterator[Violation]:
    """A sound without a URI is in the variants' own segments (RFC 8216 4.3.4.2.1)."""
    for tag in presentation.master.all("EXT-X-MEDIA"):
        try:
            found = attributes(tag.value)
        except ValueError:  # another rule reports it
            continue
        if found.get("TYPE") != "AUDIO" or found.get("URI"):
            continue
        for variant in presentation.variants:
            is_read = bool(variant.begins)
            if is_read and variant.attributes.get("AUDIO") == found.get("GROUP-ID") and not variant.has_sound:
                sentence = f"Its segments have no sound, and {found.get('NAME')} has no URI."
                yield Violation("RFC8216-4.3.4.2.1", variant.playlist.name, sentence)


def _channels_told(presentation: Presentation) -> Iterator[Violation]:
    """CHANNELS is needed where sounds of one codec differ in it (RFC 8216 4.3.4.1)."""
    for stream in presentation.sounds:
        others = {other.channels for other in presentation.sounds if other.sound_codec == stream.sound_codec}
        if len(others - {None}) > 1 and "CHANNELS" not in stream.attributes:
            yield Violation("RFC8216-4.3.4.1", stream.playlist.name, "CHANNELS is missing; another sound has others.")
