"""Values that travel as JSON come back exactly the same or are refused; and every failure has its sentences."""

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.chunk import ChunkFacts, IFrame, RenditionFacts, SegmentFacts
from hls.core.errors import ADVICE, REASONS, CannotCopy, Code, EncoderKilled, Reason, TranscodeError, advice_for
from hls.core.wire import dump, load


@dataclass(frozen=True)
class Inner:
    number: int
    ratio: Fraction


@dataclass(frozen=True)
class Outer:
    name: str
    is_large: bool
    seconds: float
    inner: Inner
    maybe: Inner | None
    many: tuple[Inner, ...]
    texts: tuple[str, ...] = ()


inners = st.builds(Inner, st.integers(), st.fractions())
outers = st.builds(
    Outer,
    st.text(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    inners,
    st.none() | inners,
    st.lists(inners, max_size=3).map(tuple),
    st.lists(st.text(), max_size=3).map(tuple),
)


@given(outers)
def test_a_value_survives_its_journey_through_json(value: Outer) -> None:
    assert load(Outer, json.loads(json.dumps(dump(value)))) == value


WHOLE = dump(Outer("a", True, 1.5, Inner(1, Fraction(1, 3)), None, (Inner(2, Fraction(2)),), ("x",)))


def test_fractions_travel_as_text() -> None:
    assert WHOLE["inner"] == {"number": 1, "ratio": "1/3"}


def test_what_is_more_than_needed_is_left_aside() -> None:
    """A newer program may have written more."""
    assert load(Outer, WHOLE | {"colour": "red"}) == load(Outer, WHOLE)


def test_a_whole_number_may_stand_for_seconds() -> None:
    assert load(Outer, WHOLE | {"seconds": 2}).seconds == 2


def test_what_an_older_program_did_not_know_is_as_its_default() -> None:
    older = {key: value for key, value in WHOLE.items() if key != "texts"}
    assert load(Outer, older) == Outer("a", True, 1.5, Inner(1, Fraction(1, 3)), None, (Inner(2, Fraction(2)),), ())


@pytest.mark.parametrize("name", sorted(WHOLE.keys() - {"texts"}))
def test_a_value_in_which_something_is_missing_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        load(Outer, {key: value for key, value in WHOLE.items() if key != name})


@pytest.mark.parametrize(
    "change",
    [
        {"name": 7},
        {"name": None},
        {"is_large": "yes"},
        {"is_large": 1},
        {"seconds": "1.5"},
        {"inner": None},
        {"inner": [1, "1/3"]},
        {"inner": {"number": 1.5, "ratio": "1/3"}},
        {"inner": {"number": 1, "ratio": "one third"}},
        {"inner": {"number": 1, "ratio": None}},
        {"maybe": {}},
        {"many": 5},
        {"many": [None]},
        {"texts": [1]},
    ],
)
def test_a_value_of_another_kind_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError, KeyError)):
        load(Outer, WHOLE | change)


facts = st.builds(
    ChunkFacts,
    st.integers(0, 100),
    st.lists(
        st.builds(
            RenditionFacts,
            st.sampled_from(["480p", "720p"]),
            st.text(),
            st.lists(
                st.builds(
                    SegmentFacts,
                    *[st.integers(0, 2**40)] * 3,
                    st.lists(st.builds(IFrame, *[st.integers(0, 2**40)] * 3), max_size=2).map(tuple),
                ),
                max_size=2,
            ).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    st.lists(st.text(), max_size=2).map(tuple),
)


@given(facts)
def test_a_chunks_facts_survive_the_database(value: ChunkFacts) -> None:
    assert ChunkFacts.from_json(json.loads(json.dumps(value.to_json()))) == value


@pytest.mark.parametrize("code", Code)
def test_every_failure_has_a_sentence_and_a_hint(code: Code) -> None:
    advice = TranscodeError(code, "detail").advice
    assert advice is ADVICE[code]
    for text in (advice.sentence, advice.hint):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "detail" not in text


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_told_in_its_own_words_whatever_the_code(code: Code, reason: Reason) -> None:
    advice = TranscodeError(code, "detail", reason=reason).advice
    assert advice is REASONS[reason]
    assert advice_for(str(code), "of a later version") is ADVICE[code]
    for text in (advice.sentence, advice.hint):
        assert text[0].isupper()
        assert text.endswith(".")


def test_failures_say_in_the_log_what_they_are() -> None:
    assert str(TranscodeError(Code.TIMEOUT)) == "timeout"
    assert str(TranscodeError(Code.TIMEOUT, "no frame for 60 s")) == "timeout: no frame for 60 s"
    assert EncoderKilled("SIGKILL").code == Code.ENCODER_FAILED
    assert str(CannotCopy("damaged")) == CannotCopy("damaged").detail == "damaged"


def test_codes_are_those_that_callers_know() -> None:
    assert {str(code) for code in Code} == {
        *("no_video", "unreadable", "unsupported", "too_long", "too_large"),
        *("disk_full", "source_missing", "timeout", "encoder_failed", "fetch_failed"),
    }
