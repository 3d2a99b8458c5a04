"""Byte ranges and entity tags, by RFC 9110."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.delivery.ranges import ByteRange, NotSatisfiable, byte_range, matches, moment, tags


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=0-100000", 0, 1000),
        ("bytes=999-999", 999, 1),
        ("bytes=500-", 500, 500),
        ("bytes=-1", 999, 1),
        ("bytes=-1000", 0, 1000),
        ("bytes=-999999999999999999", 0, 1000),
        (f"bytes=0-{'9' * 5000}", 0, 1000),
        (f"bytes=-{'9' * 5000}", 0, 1000),
        (f"bytes={'0' * 5000}1-1", 1, 1),
        (" BYTES= 3-5 , ", 3, 3),
    ],
)
def test_single_range_is_found(header: str, start: int, length: int) -> None:
    """RFC 9110 14.1.2: a last position behind the end means the end, a long suffix the whole file."""
    assert byte_range(header, 1000) == ByteRange(start, length)


@pytest.mark.parametrize(
    "header",
    [
        "bytes=1000-",
        "bytes=1000-1001",
        "bytes=-0",
        f"bytes={10**17}-",
        f"bytes={'9' * 5000}-",
        "bytes=1000-,2000-",
        "bytes=,-0,",
        "bytes=5-3",
    ],
)
def test_range_without_a_byte_of_the_file_is_not_satisfiable(header: str) -> None:
    with pytest.raises(NotSatisfiable):
        byte_range(header, 1000)


@pytest.mark.parametrize(
    "header",
    [
        "bytes=-",
        "bytes=,",
        "bytes=a-b",
        "bytes=--1",
        "bytes=1.5-2",
        "bytes=0 - 1",
        "bytes=0-1;4-5",
        "bytes=0-1,x",
        "bytes=\u0661-\u0662",
        "bytes=0-1\0",
    ],
)
def test_range_that_is_none_is_ignored(header: str) -> None:
    """RFC 9110 14.2: the whole file is sent."""
    assert byte_range(header, 1000) is None


@pytest.mark.parametrize(
    "header",
    ["bytes=0-1,1-2", "bytes=0-999,0-999,0-999", "bytes=0-,-1", "bytes=900-,0-1,2-3,950-951", "bytes=-5,-5"],
)
def test_ranges_that_overlap_are_refused(header: str) -> None:
    with pytest.raises(NotSatisfiable):
        byte_range(header, 1000)


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "bytes=-1,0-0", "bytes=0-4,5-9", "bytes=0-1,1000-"])
def test_several_ranges_that_lie_apart_are_ignored(header: str) -> None:
    """RFC 9110 14.2: the whole file is sent."""
    assert byte_range(header, 1000) is None


@pytest.mark.parametrize("header", ["", "bytes", "bytes=", "items=0-1", "x bytes=0-1", "bytes =0-1", "=0-1"])
def test_other_units_are_ignored(header: str) -> None:
    """RFC 9110 14.2."""
    assert byte_range(header, 1000) is None


def test_no_range_of_an_empty_file_is_satisfiable() -> None:
    with pytest.raises(NotSatisfiable):
        byte_range("bytes=0-", 0)
    with pytest.raises(NotSatisfiable):
        byte_range("bytes=-5", 0)


@given(first=st.integers(0, 2_000), last=st.integers(0, 2_000), size=st.integers(1, 1_000))
def test_every_range_lies_within_the_file(first: int, last: int, size: int) -> None:
    try:
        part = byte_range(f"bytes={first}-{last}", size)
    except NotSatisfiable:
        assert first >= size or last < first
        return
    assert part is not None
    assert part.start == first <= last
    assert 1 <= part.length <= size - first
    assert part.content_range(size) == f"bytes {first}-{min(last, size - 1)}/{size}"


@given(spans=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=5))
def test_several_ranges_are_refused_exactly_where_a_byte_is_wanted_twice(spans: list[tuple[int, int]]) -> None:
    ordered = [sorted(span) for span in spans]
    wanted = [byte for first, last in ordered for byte in range(first, last + 1)]
    header = "bytes=" + ",".join(f"{first}-{last}" for first, last in ordered)
    try:
        assert byte_range(header, 51) is None
        is_refused = False
    except NotSatisfiable:
        is_refused = True
    assert is_refused == (len(set(wanted)) < len(wanted))


@pytest.mark.parametrize("header", ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a"', "*", " * "])
def test_tag_is_found_in_if_none_match(header: str) -> None:
    """RFC 9110 13.1.2: weak comparison."""
    assert matches(header, '"a"')
    assert matches(header, 'W/"a"')


@pytest.mark.parametrize("header", ["", '"b"', "a", '"a', '"aa"', "**"])
def test_other_tags_do_not_match(header: str) -> None:
    assert not matches(header, '"a"')


def test_tags_are_found_among_what_is_none() -> None:
    assert tags('W/"a", b, "c,d" , "", "e" f, "g"') == ['W/"a"', '"c,d"', '""', '"g"']
    assert tags('a "b" c') == []


@pytest.mark.parametrize(
    "header", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_the_three_forms_of_a_date_are_understood(header: str) -> None:
    """RFC 9110 5.6.7."""
    assert moment(header) == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "yesterday",
        f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT",
        "Mon, 32 Jan 2020 00:00:00 GMT",
        "Mon, 01 Jan 2020 99:99:99 GMT",
        f"Mon, 01 Jan 2020 00:00:00 +{'9' * 40}",
    ],
)
def test_what_is_no_date_is_none(header: str) -> None:
    assert moment(header) is None


@given(header=st.text(max_size=60) | st.from_regex(r"\A\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ (GMT|[+-]\d+)\Z"))
def test_nothing_in_a_header_is_an_error(header: str) -> None:
    moment(header)
    tags(header)
    byte_range(header, 1000)
