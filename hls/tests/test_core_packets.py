"""A sound's packets are found by their times in a few bytes each, as in a log of everything."""

from fractions import Fraction

from av.packet import Packet
from hypothesis import given
from hypothesis import strategies as st

from hls.core.inspection.packets import AnyPacket, SoundPackets, TrackLog

TIMES = st.lists(st.tuples(st.integers(-20, 20), st.integers(1, 3)), max_size=30)


def packet(time: int, size: int) -> AnyPacket:
    made: AnyPacket = Packet(bytes(size))
    made.pts = made.dts = time
    made.time_base = Fraction(1, 1000)
    return made


@given(stored=TIMES, asked=TIMES)
def test_packets_are_found_whatever_their_order(stored: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    packets, log = SoundPackets(), TrackLog()
    for time, size in stored:
        packets.note(time, size)
        log.note(time, packet(time, size))
    for time, size in (*stored, *asked):
        assert packets.has(packet(time, size)) == log.has(packet(time, size))
        assert packets.time_before(time) == max((other for other, _ in stored if other < time), default=None)


def test_packets_in_their_order_take_twelve_bytes_each() -> None:
    packets = SoundPackets()
    for time in range(10_000):
        packets.note(time, 100)
    assert packets.time_before(5) == 4
    assert packets._sorted == (packets.times, packets.sizes)
    assert packets._sorted[0] is packets.times
    assert packets.times.itemsize + packets.sizes.itemsize == 12
