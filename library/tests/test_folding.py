"""Which texts a search takes for the same."""

# ruff: noqa: RUF001  (letters that look alike are what this is about)

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.folding import folded


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Übermut", "übermut"),
        ("Übermut", "UBERMUT"),
        ("Café", "cafe\u0301"),
        ("Café", "CAFE"),
        ("Straße", "STRASSE"),
        ("STRAẞE", "strasse"),
        ("Москва", "МОСКВА"),
        ("Ёлка", "елка"),
        ("Й", "й"),
        ("за\u0301мок", "замок"),
        ("ΑΘΉΝΑ", "αθηνα"),
        ("Ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
        ("ᾠδή", "ωδη"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "ıstanbul"),
        ("Çağrı", "cagri"),
        ("Smørrebrød", "smorrebrod"),
        ("Łódź", "LODZ"),
        ("Œuvre", "oeuvre"),
        ("Þór", "thor"),
        ("ﬁlm", "FILM"),
        ("Ｆｉｌｍ", "film"),
        ("Don’t", "don't"),
        ("A–B", "a-b"),
        ("がぎ", "か\u3099き\u3099"),
        ("한글", unicodedata.normalize("NFD", "한글")),
    ],
)
def test_texts_that_people_take_for_the_same_become_the_same(text: str, same: str) -> None:
    assert folded(text) == folded(same)


@pytest.mark.parametrize(("text", "other"), [("май", "маи"), ("ї", "і"), ("か", "が"), ("हिंदी", "हद"), ("a", "b")])
def test_texts_that_differ_stay_different(text: str, other: str) -> None:
    """Marks that make another letter stay."""
    assert folded(text) != folded(other)


@given(text=st.text())
def test_folding_again_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(text=st.text())
def test_every_form_of_unicode_is_folded_alike(text: str) -> None:
    assert len({folded(unicodedata.normalize(form, text)) for form in ("NFC", "NFD", "NFKC", "NFKD")}) == 1
