"""Languages of tracks, as people and files write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.subtitles.languages import ACCEPTED, NotALanguage, label_of, lenient, shortest

SHORTEST = {
    "en": "en",
    "eng": "en",
    "ENG": "en",
    " en ": "en",
    "en_US": "en-US",
    "en-us": "en-US",
    "en-Latn": "en",
    "ger": "de",
    "deu": "de",
    "fre": "fr",
    "chi": "zh",
    "zh-hant": "zh-Hant",
    "zh-cmn-Hans": "zh-Hans",
    "zh-TW": "zh-TW",
    "pt-br": "pt-BR",
    "por_BR": "pt-BR",
    "es-419": "es-419",
    "sr-Latn": "sr-Latn",
    "iw": "he",
    "nb": "nb",
    "yue": "yue",
    "tlh": "tlh",
    "mul": "mul",
    "zxx": "zxx",
    "": "und",
    "  ": "und",
    "und": "und",
    "UND": "und",
    "und-Latn": "und",
    "mis": "und",
    "root": "und",
    "qaa": "und",
    "qtz": "und",
}
JUNK = [
    *("english", "English please", "xx", "xx-!!", "xx-YY", "en-en", "en-000", "pt-BR-BR", "abcd", "jp", "pob"),
    *(
        "e",
        "123",
        "12",
        "-",
        "en-",
        "-en",
        "en--US",
        "en US",
        "en.US",
        "e\nn",
        "en\x00",
        "\uff45\uff4e",
        "日本語",
        "x-foo",
    ),
    *("e" * 300, "en-" * 100 + "US", "en" + "-a" * 17, "<b>", "'; DROP TABLE", "../en"),
]
SUBTAGS = ["en", "de", "zh", "ger", "cmn", "Hant", "Latn", "US", "419", "1996", "x", "u", "ca", "mis", "qaa", "und"]
SUBTAG = st.text("abXY019_", max_size=9)


@pytest.mark.parametrize(("tag", "short"), SHORTEST.items())
def test_shortest_form(tag: str, short: str) -> None:
    assert shortest(tag) == short
    assert shortest(short) == short
    assert lenient(tag) == short


@pytest.mark.parametrize("tag", JUNK)
def test_what_is_no_language_is_refused_in_a_sentence(tag: str) -> None:
    with pytest.raises(NotALanguage) as refused:
        shortest(tag)

    assert str(refused.value) == ACCEPTED
    assert ACCEPTED.endswith(".")
    assert lenient(tag) == "und"


@given(st.text(max_size=40) | st.lists(st.sampled_from(SUBTAGS) | SUBTAG, max_size=5).map("-".join))
def test_any_tag_of_a_file_is_taken(tag: str) -> None:
    language = lenient(tag)

    assert lenient(language) == language
    assert label_of(language)


@pytest.mark.parametrize(
    ("language", "label"),
    [
        ("en", "English"),
        ("de", "German"),
        ("pt-BR", "Portuguese (Brazil)"),
        ("zh-Hant", "Chinese (Traditional)"),
        ("es-419", "Spanish (Latin America)"),
        ("mul", "Multiple languages"),
        ("zxx", "No linguistic content"),
        ("und", "Unknown"),
    ],
)
def test_label(language: str, label: str) -> None:
    assert label_of(language) == label


def test_label_tells_tracks_of_one_language_apart() -> None:
    assert label_of("en", "subtitles") == "English"
    assert label_of("en", "audio") == "English"
    assert label_of("en", "captions") == "English, captions"
    assert label_of("en", "subtitles", is_forced=True) == "English, forced"
