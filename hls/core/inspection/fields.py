"""Tells H.264 pictures whose packet is only the second field of a frame, as camcorders and broadcasters store them.

libav gives each field of a transport stream a packet of its own, and ffmpeg copies them so to other containers. The
decoder puts two of them together: a frame is shown when its first field is. Only the headers of slices tell.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hls.core.formats.sps import IDR, SLICE, SPS, Field, SequenceParameters, field_of, kind, nal_units
from hls.core.formats.sps import sequence_parameters as parsed
from hls.core.inspection.copying import PacketLog, avcc_units
from hls.core.inspection.headers import LOOKED_AT
from hls.core.inspection.packets import AnyPacket


@dataclass
class Fields:
    """Follows the packets of an H.264 track in decoding order. `log` knows how they are stored."""

    log: PacketLog
    parameters: SequenceParameters | None = None
    first: Field | None = None  # the field that waits for the second one of its frame

    def __post_init__(self) -> None:
        self._note_sets(sorted(self.log.parameter_sets))

    def is_second(self, packet: AnyPacket, bring: Callable[[AnyPacket], None]) -> bool:
        """Whether it is the second field of the frame that the packet before began. `bring` makes sure of its head."""
        allows_fields = self.parameters is not None and self.parameters.is_interlaced
        if not (packet.is_keyframe or allows_fields):
            return False
        bring(packet)
        units = self._units(bytes(memoryview(packet)[:LOOKED_AT]))
        self._note_sets(units)
        found = next((unit for unit in units if kind(unit) in (SLICE, IDR)), None)
        here = field_of(found, self.parameters) if found and self.parameters else None
        is_second = here is not None and self.first is not None and here.completes(self.first)
        self.first = None if is_second else here
        return is_second

    def _units(self, data: bytes) -> Sequence[bytes]:
        return avcc_units(data, self.log.length_size) if self.log.has_lengths else [*nal_units(data)]

    def _note_sets(self, units: Sequence[bytes]) -> None:
        for unit in units:
            if kind(unit) == SPS:
                try:
                    self.parameters = parsed(unit)
                except (ValueError, IndexError):
                    self.parameters = None
