"""Rules that compare declared bit rates with measured ones (RFC 8216 4.1 and 4.3.4.2)."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from hls.conformance.findings import Presentation, Stream, Violation
from hls.conformance.m3u8 import integer
from hls.core.bandwidth import average_bps, peak_bps

NAMES = ("BANDWIDTH", "AVERAGE-BANDWIDTH")
TOLERANCE = Fraction(1, 100)


def declared(stream: Stream, presentation: Presentation) -> Iterator[Violation]:
    """A variant's rates are those of its most expensive combination (4.3.4.2, Apple 9): the sums of the largest ones.

    Texts may be left out of them: they change after the pictures are published, and are small.
    """
    pictures = _rates(stream)
    if pictures is None:
        return
    sounds, texts = _largest(presentation.sounds_of(stream)), _largest(presentation.texts_of(stream))
    for name, own_bps, sound_bps, text_bps in zip(NAMES, pictures, sounds, texts, strict=True):
        bps = own_bps + sound_bps
        told_bps = integer(stream.attributes.get(name, ""))
        if told_bps is not None and not bps * (1 - TOLERANCE) <= told_bps <= (bps + text_bps) * (1 + TOLERANCE):
            sentence = f"{name} is declared as {told_bps}, and measured as {bps}."
            yield Violation("RFC8216-4.3.4.2", stream.playlist.name, sentence)


def _largest(renditions: Sequence[Stream]) -> tuple[int, int]:
    rates = [rates for rates in map(_rates, renditions) if rates is not None]
    return max((peak for peak, _ in rates), default=0), max((average for _, average in rates), default=0)


def _rates(stream: Stream) -> tuple[int, int] | None:
    """Peak and average; None for a stream without anything to measure."""
    target_s = stream.playlist.number("EXT-X-TARGETDURATION")
    if not target_s or not any(piece.duration_s for piece in stream.pieces):
        return None
    return peak_bps(stream.pieces, target_s), average_bps(stream.pieces)
