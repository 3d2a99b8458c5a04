"""WebVTT as MP4 has it (`wvtt`; ISO/IEC 14496-30, 7): a sample has a box for each cue that is shown in its time."""

from collections.abc import Iterator
from io import BytesIO

from hls.core.formats.parts import boxes

CUE, TEXT, SETTINGS = b"vttc", b"payl", b"sttg"


def cues_of(sample: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The text and the settings of each cue; none where nothing is shown."""
    file = BytesIO(sample)
    for cue in boxes(file, 0, len(sample)):
        if cue.name == CUE:
            parts = {part.name: part.content(file, len(sample)) for part in boxes(file, cue.begin, cue.end)}
            yield parts.get(TEXT, b""), parts.get(SETTINGS, b"")
