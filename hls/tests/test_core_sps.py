"""H.264's sequence parameter set: written values are read back, and unsupported ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.formats.sps import IDR, PPS, SPS, kind, nal_units, sequence_parameters
from hls.tests.packets import annex_b, golomb, sps

even = st.integers(1, 4096).map(lambda half: half * 2)


@given(width=even, height=even, level=st.integers(10, 62))
def test_any_even_size_is_read_back_whatever_had_to_be_cropped(width: int, height: int, level: int) -> None:
    found = sequence_parameters(sps(width, height, level=level))
    assert (found.width, found.height, found.level, found.is_interlaced) == (width, height, level, False)


@given(width=even, quarter_height=st.integers(1, 1024))
def test_a_video_of_fields_has_rows_twice_as_high(width: int, quarter_height: int) -> None:
    found = sequence_parameters(sps(width, quarter_height * 4, has_fields=True))
    assert (found.width, found.height, found.is_interlaced) == (width, quarter_height * 4, True)


@pytest.mark.parametrize(
    ("profile", "constraints", "level", "codec"),
    [
        (100, 0, 40, "avc1.640028"),
        (100, 12, 31, "avc1.640c1f"),
        (77, 64, 30, "avc1.4d401e"),
        (66, 192, 13, "avc1.42c00d"),
    ],
)
def test_the_codec_is_named_by_profile_constraints_and_level(
    profile: int, constraints: int, level: int, codec: str
) -> None:
    """RFC 6381 3.3."""
    assert sequence_parameters(sps(640, 360, profile=profile, constraints=constraints, level=level)).codec == codec


def test_bytes_that_were_escaped_are_counted_once() -> None:
    """Two zeros and a small byte would look like a start code, so a 3 is put between them (H.264 7.4.1.1)."""
    unit = sps(1920, 1080, profile=0, constraints=0, level=0)
    assert unit.count(b"\x00\x00\x03") == 1
    found = sequence_parameters(unit)
    assert (found.profile, found.level, found.width, found.height) == (0, 0, 1920, 1080)


@pytest.mark.parametrize("profile", [100, 110, 122, 244])
@pytest.mark.parametrize("fact", [{"chroma": 3}, {"chroma": 2}, {"extra_depth": 2}, {"has_scaling": True}])
def test_more_than_eight_bits_or_other_colours_are_refused(profile: int, fact: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="8-bit"):
        sequence_parameters(sps(1920, 1080, profile=profile, **fact))


@pytest.mark.parametrize("order", [0, 2])
def test_both_usual_ways_to_order_pictures_are_read(order: int) -> None:
    assert sequence_parameters(sps(1280, 720, order=order)).width == 1280


def test_an_order_with_a_cycle_is_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        sequence_parameters(sps(1280, 720, order=1))


@given(cut=st.integers(1, 9), width=even)
def test_a_cut_off_set_is_an_error_and_no_wrong_answer(cut: int, width: int) -> None:
    whole = sps(width, 1080)
    with pytest.raises((IndexError, ValueError)):
        sequence_parameters(whole[: min(cut, len(whole) - 3)])


@given(junk=st.binary(max_size=200))
def test_any_bytes_are_either_read_or_refused(junk: bytes) -> None:
    try:
        found = sequence_parameters(b"\x67" + junk)
    except (IndexError, ValueError):
        return
    assert found.codec.startswith("avc1.")


@given(units=st.lists(st.binary(min_size=1, max_size=20).filter(lambda b: b"\x00\x00" not in b and b[-1] != 0)))
def test_units_are_found_between_their_start_codes(units: list[bytes]) -> None:
    assert list(nal_units(annex_b(*units))) == units


def test_what_stands_before_the_first_start_code_is_no_unit() -> None:
    assert list(nal_units(b"junk\x00\x00\x01\x65a\x00\x00\x00\x01\x41b\x00\x00\x00")) == [b"\x65a", b"\x41b"]
    assert list(nal_units(b"no start code")) == []
    assert list(nal_units(b"\x00\x00\x01")) == []


def test_the_kind_of_a_unit_leaves_its_importance_aside() -> None:
    assert [kind(bytes([importance << 5 | SPS])) for importance in range(4)] == [SPS] * 4
    assert (kind(b"\x65"), kind(b"\x68")) == (IDR, PPS)


@pytest.mark.parametrize(("number", "bits"), [(0, "1"), (1, "010"), (2, "011"), (3, "00100"), (6, "00111")])
def test_numbers_are_written_as_the_standards_table_has_them(number: int, bits: str) -> None:
    """H.264 table 9-2. Without it, writer and reader could be wrong in the same way unnoticed."""
    assert golomb(number) == bits
