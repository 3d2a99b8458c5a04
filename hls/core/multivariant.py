"""Writes multivariant playlists by RFC 8216 4.3.4 and Apple's HLS authoring specification, from measured sizes.

`master.m3u8` names all renditions. Where the sounds are apart, each rendition's `index.m3u8` is a multivariant playlist
too, of this one resolution with all sounds, so that players which know nothing else of a video have sound.
"""

from collections.abc import Sequence
from itertools import chain

from hls.core import names
from hls.core.alternates import DESCRIBED, SOUNDS, Alternate, MediaType, quotable, with_alternates
from hls.core.bandwidth import Piece, average_bps, peak_bps
from hls.core.chunk import RenditionFacts
from hls.core.plan import Plan, SoundRendition
from hls.core.playlists import BYTE_RANGES, iframe_pieces, segment_pieces
from hls.core.probe import AudioTrack
from hls.core.subtitles.languages import UNKNOWN, label_of, language_of


def master(plan: Plan, renditions: Sequence[RenditionFacts], sounds: Sequence[RenditionFacts] = ()) -> str:
    """`master.m3u8` with the renditions' measured bandwidths. Each rendition and each sound has to have a segment.

    A rendition that was left out is not named.
    """
    kept = [rendition.name for rendition in plan.kept]
    renditions = [facts for facts in renditions if facts.name in kept]
    playlist = names.PICTURES if sounds else names.INDEX  # a variant's playlist is a media playlist (RFC 8216 4.3.4.2)
    variants = [line for facts in renditions for line in _variant(plan, facts, sounds, f"{facts.name}/{playlist}")]
    iframes = [_iframe_stream(plan, facts, f"{facts.name}/{names.IFRAMES}") for facts in renditions]
    return with_alternates(_text([*variants, *iframes]), alternates(plan))


def of_resolution(plan: Plan, facts: RenditionFacts, sounds: Sequence[RenditionFacts]) -> str:
    """`<rendition>/index.m3u8` of a video whose sounds are apart: this rendition's pictures, and all sounds."""
    lines = [*_variant(plan, facts, sounds, names.PICTURES), _iframe_stream(plan, facts, names.IFRAMES)]
    return with_alternates(_text(lines), alternates(plan, folder="../"))


def alternates(plan: Plan, folder: str = "") -> list[Alternate]:
    """The sounds that are apart, named as in the file; `folder` leads from the playlist to the version's folder.

    The one that a player without wishes takes is the one that a video of a single sound would have had. A commentary is
    never chosen by itself, unless it is that one.
    """
    return [
        Alternate(
            type=MediaType.SOUND,
            uri=f"{folder}{sound.name}/{names.INDEX}",
            name=sound_label(sound.track, number),
            language=_language(sound),
            is_default=sound.track == plan.source.audio,
            is_autoselected=not sound.track.is_commentary,
            characteristics=DESCRIBED if sound.track.is_described else (),
        )
        for number, sound in enumerate(plan.sounds, start=1)
    ]


def sound_label(track: AudioTrack, number: int) -> str:
    """What people choose a sound by: its own title; else its language or its number, and its purpose."""
    if title := quotable(track.title).strip():
        return title
    language = language_of(track)
    name = f"Sound {number}" if language == UNKNOWN else label_of(language)
    if track.is_described:
        return f"{name}, described"
    return f"{name}, commentary" if track.is_commentary else name


def _language(sound: SoundRendition) -> str:
    """In BCP 47; "" if unknown."""
    language = language_of(sound.track)
    return "" if language == UNKNOWN else language


def _text(lines: Sequence[str]) -> str:
    return "\n".join(["#EXTM3U", f"#EXT-X-VERSION:{BYTE_RANGES}", "#EXT-X-INDEPENDENT-SEGMENTS", *lines]) + "\n"


def _variant(plan: Plan, facts: RenditionFacts, sounds: Sequence[RenditionFacts], uri: str) -> list[str]:
    attributes = [
        *_bandwidth(plan, segment_pieces(plan, facts.segments), [segment_pieces(plan, s.segments) for s in sounds]),
        f'CODECS="{_codecs(facts, sounds)}"',
        _resolution(plan, facts),
        f"FRAME-RATE={float(plan.timeline.rate):.3f}",
        *([f'AUDIO="{SOUNDS}"'] if sounds else []),
        "CLOSED-CAPTIONS=NONE",
    ]
    return [f"#EXT-X-STREAM-INF:{','.join(attributes)}", uri]


def _iframe_stream(plan: Plan, facts: RenditionFacts, uri: str) -> str:
    pieces = [piece for segment in facts.segments for piece in iframe_pieces(plan, segment)]
    video_codec = facts.codecs.partition(",")[0]
    attributes = [*_bandwidth(plan, pieces, []), f'CODECS="{video_codec}"', _resolution(plan, facts)]
    return f'#EXT-X-I-FRAME-STREAM-INF:{",".join(attributes)},URI="{uri}"'


def _codecs(facts: RenditionFacts, sounds: Sequence[RenditionFacts]) -> str:
    """Those of the pictures and of all sounds that may be played with them, each once (RFC 8216 4.3.4.2)."""
    return ",".join(dict.fromkeys(chain([facts.codecs], (sound.codecs for sound in sounds))))


def _bandwidth(plan: Plan, pieces: Sequence[Piece], sounds: Sequence[Sequence[Piece]]) -> list[str]:
    """The largest sums of bit rates that a combination of this stream with one of the sounds has (RFC 8216 4.3.4.2)."""
    target_s = plan.timeline.target_duration_s
    peak = peak_bps(pieces, target_s) + max((peak_bps(sound, target_s) for sound in sounds), default=0)
    average = average_bps(pieces) + max((average_bps(sound) for sound in sounds), default=0)
    return [f"BANDWIDTH={peak}", f"AVERAGE-BANDWIDTH={average}"]


def _resolution(plan: Plan, facts: RenditionFacts) -> str:
    rendition = plan.rendition(facts.name)
    return f"RESOLUTION={rendition.width}x{rendition.height}"
