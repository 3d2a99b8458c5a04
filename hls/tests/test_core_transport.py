"""Segments as bytes: what is written into a transport stream is read back, and other bytes are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.formats import transport
from hls.core.formats.retiming import with_times
from hls.core.formats.transport import PACKET, Malformed
from hls.tests.packets import (
    AAC_TICKS,
    AUDIO_PID,
    OTHER_PICTURE,
    PMT_PID,
    VIDEO_PID,
    Picture,
    adts,
    annex_b,
    key_picture,
    packet,
    pat,
    pes,
    pmt,
    sound_packets,
    table_packet,
    written,
)

KEY = key_picture(64, 48)
OTHER = annex_b(OTHER_PICTURE)
times = st.integers(0, 2**33 - 1)


def pictures(*, count: int = 3, step: int = 3600) -> list[Picture]:
    return [Picture(n * step, OTHER if n else KEY, is_random_access=not n) for n in range(count)]


def test_the_tables_name_the_streams() -> None:
    assert transport.tables(pat() + pmt()) == transport.Tables(PMT_PID, VIDEO_PID, AUDIO_PID)


def test_a_video_without_sound_has_no_stream_for_it() -> None:
    assert transport.tables(pat() + pmt(((0x1B, VIDEO_PID),))).audio_pid is None


def test_streams_of_other_kinds_are_passed_over() -> None:
    many = ((0x06, 0x200), (0x1B, VIDEO_PID), (0x81, 0x300), (0x0F, AUDIO_PID), (0x15, 0x1FFE))
    assert transport.tables(pat() + pmt(many)) == transport.Tables(PMT_PID, VIDEO_PID, AUDIO_PID)


def test_descriptions_of_streams_are_passed_over() -> None:
    language = b"\x0a\x04eng\x00"
    assert transport.tables(pat() + pmt(descriptor=language)) == transport.tables(pat() + pmt())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pat() + pmt(((0x24, VIDEO_PID),)), "no H.264"),
        (pat(), "no table with PID 4096"),
        (pmt(), "no table with PID 0"),
        (b"", "no table"),
        (pat() + pmt()[:-1], "whole transport packets"),
        (pat() + pmt() + b"\x00" * PACKET, "whole transport packets"),
        (b"<html>".ljust(PACKET), "whole transport packets"),
    ],
)
def test_what_is_no_video_is_refused_with_its_reason(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        transport.tables(data)


@given(pts=times, dts=st.none() | times, is_key=st.booleans())
def test_a_pictures_times_are_read_to_the_last_of_33_bits(pts: int, dts: int | None, is_key: bool) -> None:
    data = Picture(pts, KEY, dts, is_random_access=is_key).packets()
    (unit,) = transport.units(data, VIDEO_PID)
    assert (unit.pts, unit.dts, unit.is_random_access) == (pts, pts if dts is None else dts, is_key)


@given(size=st.integers(0, 1000))
def test_a_picture_of_any_size_is_put_together_again(size: int) -> None:
    stream = bytes(n % 251 for n in range(size))
    data = Picture(900, stream, is_random_access=True).packets()
    (unit,) = transport.units(data, VIDEO_PID)
    assert (unit.offset, unit.end) == (0, len(data))
    assert transport.payload(data, unit, VIDEO_PID) == stream


def test_packets_of_other_streams_between_do_not_belong_to_a_picture() -> None:
    first, second = (Picture(n, bytes([n]) * 500).packets() for n in (1, 2))
    sound = sound_packets(7, adts())
    data = first[:PACKET] + sound + first[PACKET:] + sound + second
    found = transport.units(data, VIDEO_PID)
    assert [unit.pts for unit in found] == [1, 2]
    assert transport.payload(data, found[0], VIDEO_PID) == b"\x01" * 500
    assert found[0].end == len(first) + len(sound), "up to its own last packet"


def test_a_stream_that_is_not_there_has_no_pictures() -> None:
    assert transport.units(pat() + pmt(), VIDEO_PID) == []


@pytest.mark.parametrize("header", [pes(0xE0, b"x" * 20, 1)[:7] + b"\0" * 20, b"\0\0\2" + b"x" * 20, b"\0\0\1"])
def test_a_picture_without_its_time_is_refused(header: bytes) -> None:
    with pytest.raises(Malformed, match="without PTS"):
        transport.units(packet(VIDEO_PID, header, is_start=True), VIDEO_PID)


def test_an_idr_picture_is_told_from_another_key_frame() -> None:
    data = Picture(1, KEY).packets() + Picture(2, OTHER, is_random_access=True).packets()
    first, second = transport.units(data, VIDEO_PID)
    assert transport.is_idr(data, first, VIDEO_PID)
    assert not transport.is_idr(data, second, VIDEO_PID)
    assert transport.parameters(data, first, VIDEO_PID).width == 64
    with pytest.raises(Malformed, match="SPS"):
        transport.parameters(data, second, VIDEO_PID)


@pytest.mark.parametrize(("rate_index", "sample_rate"), [(3, 48_000), (4, 44_100), (11, 8_000), (12, 7_350)])
@pytest.mark.parametrize(("object_type", "channels"), [(2, 2), (1, 1), (2, 6)])
def test_sound_is_described_by_its_first_frame(
    rate_index: int, sample_rate: int, object_type: int, channels: int
) -> None:
    stream = adts(4, object_type=object_type, rate_index=rate_index, channels=channels)
    found = transport.sound(sound_packets(900, stream), AUDIO_PID)
    assert found == transport.SoundFrames(900, 4, object_type, sample_rate)


def test_a_segment_without_sound_has_none() -> None:
    assert transport.sound(pat() + pmt(), AUDIO_PID) is None


@pytest.mark.parametrize(("shift", "is_whole"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_sound_goes_on_where_it_ended_but_for_a_rounding(shift: int, is_whole: bool) -> None:
    data = sound_packets(900, adts(3)) + sound_packets(900 + 3 * AAC_TICKS + shift, adts(2))
    if is_whole:
        found = transport.sound(data, AUDIO_PID)
        assert found is not None
        assert found.frame_count == 5
    else:
        with pytest.raises(Malformed, match="sound at"):
            transport.sound(data, AUDIO_PID)


@pytest.mark.parametrize(
    "stream", [b"\xff\xf1\x4c", b"ID3" + adts(), adts() + b"\xff", adts(rate_index=13), b"\x00" * 30]
)
def test_sound_that_is_no_adts_is_refused(stream: bytes) -> None:
    with pytest.raises(Malformed, match="not ADTS"):
        transport.sound(sound_packets(1, stream), AUDIO_PID)


def test_tables_are_at_the_beginning_and_nowhere_else() -> None:
    data = written(pictures(), [0]) + pat() + pmt() + sound_packets(AAC_TICKS, adts())
    tidy = transport.with_tables_first(data)
    pids = [transport.pid(tidy, at) for at in range(0, len(tidy), PACKET)]
    assert pids == [0, PMT_PID, VIDEO_PID, VIDEO_PID, VIDEO_PID, AUDIO_PID, AUDIO_PID]


def test_tables_elsewhere_and_descriptions_of_services_go() -> None:
    services = table_packet(17, 0x42, b"name")
    other_tables = pat() + pmt()
    tidy = written(pictures(), [])
    untidy = pat() + services + pmt(((0x1B, VIDEO_PID),)) + pictures()[0].packets() + other_tables
    untidy += b"".join(picture.packets() for picture in pictures()[1:])
    assert transport.with_tables_first(untidy) == transport.with_tables_first(tidy) == tidy


def test_doing_it_twice_changes_nothing() -> None:
    keys = [Picture(n * 3600, KEY, is_random_access=True) for n in range(20)]
    once = transport.with_tables_first(written(keys, []))
    assert transport.with_tables_first(once) == once


@given(st.lists(st.tuples(times, times), min_size=3, max_size=3))
def test_new_times_are_what_is_read_afterwards(wanted: list[tuple[int, int]]) -> None:
    data = written([Picture(n, KEY, dts=n) for n in range(3)], [0])
    changed = with_times(data, VIDEO_PID, wanted)
    found = transport.units(changed, VIDEO_PID)
    assert [(unit.pts, unit.dts) for unit in found] == wanted
    assert [transport.payload(changed, unit, VIDEO_PID) for unit in found] == [KEY] * 3
    assert transport.sound(changed, AUDIO_PID) == transport.sound(data, AUDIO_PID)


def test_the_programs_clock_moves_with_the_picture_that_carries_it() -> None:
    data = written([Picture(9000, KEY, dts=8000, is_random_access=True, pcr=7500)], [])
    changed = with_times(data, VIDEO_PID, [(19_000, 18_000)])
    expected = written([Picture(19_000, KEY, dts=18_000, is_random_access=True, pcr=17_500)], [])
    assert changed == expected


def test_a_picture_that_tells_one_time_gets_one_time() -> None:
    data = written([Picture(9000, KEY)], [])
    assert with_times(data, VIDEO_PID, [(5, 5)]) == written([Picture(5, KEY)], [])
    with pytest.raises(Malformed, match="without DTS"):
        with_times(data, VIDEO_PID, [(5, 4)])


@pytest.mark.parametrize("count", [0, 2, 4])
def test_as_many_times_as_pictures_are_needed(count: int) -> None:
    with pytest.raises(Malformed, match="3 pictures instead of"):
        with_times(written(pictures(), []), VIDEO_PID, [(1, 1)] * count)


@given(
    at=st.integers(0, 5 * PACKET - 1),
    value=st.integers(0, 255),
)
def test_a_single_wrong_byte_is_read_or_refused_but_never_a_crash(at: int, value: int) -> None:
    """The checker and hls.core.encoding.measure catch Malformed, ValueError, and IndexError past the end."""
    data = bytearray(written(pictures(), []))
    data[at] = value
    try:
        found = transport.tables(bytes(data))
        for unit in transport.units(bytes(data), found.video_pid):
            transport.is_idr(bytes(data), unit, found.video_pid)
    except (ValueError, IndexError):
        return
    assert found.pmt_pid <= 0x1FFF
