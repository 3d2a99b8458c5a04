"""Rules about declared bit rates, against what was measured (RFC 8216 4.1 and 4.3.4.2)."""

from collections.abc import Iterator

from hls.core.bandwidth import average_bps, peak_bps
from hls.core.findings import Stream, Violation

TOLERANCE = 0.01


def declared(stream: Stream) -> Iterator[Violation]:
    target_s = stream.playlist.number("EXT-X-TARGETDURATION")
    if not stream.pieces or not target_s:
        return
    measured = {
        "BANDWIDTH": peak_bps(stream.pieces, target_s),
        "AVERAGE-BANDWIDTH": average_bps(stream.pieces),
    }
    for name, bps in measured.items():
        text = stream.attributes.get(name, "")
        if not text.isdigit():
            continue
        if abs(int(text) - bps) > bps * TOLERANCE:
            sentence = f"{name} is declared as {text}, and measured as {bps}."
            yield Violation("RFC8216-4.3.4.2", stream.playlist.name, sentence)
