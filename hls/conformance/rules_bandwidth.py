"""Rules that compare declared bit rates with measured ones (RFC 8216 4.1 and 4.3.4.2)."""

from collections.abc import Iterator
from fractions import Fraction

from hls.conformance.findings import Stream, Violation
from hls.conformance.m3u8 import integer
from hls.core.bandwidth import average_bps, peak_bps

TOLERANCE = Fraction(1, 100)


def declared(stream: Stream) -> Iterator[Violation]:
    target_s = stream.playlist.number("EXT-X-TARGETDURATION")
    if not target_s or not any(piece.duration_s for piece in stream.pieces):
        return
    measured = {
        "BANDWIDTH": peak_bps(stream.pieces, target_s),
        "AVERAGE-BANDWIDTH": average_bps(stream.pieces),
    }
    for name, bps in measured.items():
        told_bps = integer(stream.attributes.get(name, ""))
        if told_bps is not None and abs(told_bps - bps) > bps * TOLERANCE:
            sentence = f"{name} is declared as {told_bps}, and measured as {bps}."
            yield Violation("RFC8216-4.3.4.2", stream.playlist.name, sentence)
