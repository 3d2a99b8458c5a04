"""What deploy/nginx.conf.template says in nginx's language, and Python in its own, is the same."""

import re

import pytest
from django.conf import settings
from django.urls import resolve

from hls.core import names
from project.sentences import sentence_for

TEMPLATE = (settings.BASE_DIR / "deploy" / "nginx.conf.template").read_text()
MOST_SOUNDS = 16
NAMES = [
    *(f"{resolution}/{names.segment_name(number)}" for resolution in names.RENDITIONS for number in (0, 999, 1000)),
    f"{names.RENDITIONS[0]}/{names.segment_name(999_999)}",
    *(f"{names.sound_name(number)}/{names.segment_name(0)}" for number in range(MOST_SOUNDS)),
    *(names.sheet_name(number) for number in (0, 99, 100, 9_999)),
    "thumbnail.jpg",
]
OTHER_NAMES = [
    *(names.MASTER, names.STORYBOARD, names.POSTER, f"480p/{names.INDEX}", f"480p/{names.IFRAMES}"),
    *("360p/segment_000.ts", "segment_000.ts", "480p/storyboard_00.jpg", "480p/segment_00.ts", "thumbnail_jpg"),
    *(f"480p/{names.PICTURES}", f"audio_0/{names.INDEX}", "audio_00/segment_000.ts", "audio_/segment_000.ts"),
    f"{names.sound_name(MOST_SOUNDS)}/segment_000.ts",
]


def blocks(opening: str) -> list[str]:
    """What stands between the braces of each block that begins so; the template indents by four spaces."""
    found = re.findall(rf"^( *){opening} \{{\n(.*?)\n\1\}}$", TEMPLATE, re.MULTILINE | re.DOTALL)
    return [body for _, body in found]


def files_pattern() -> re.Pattern[str]:
    """Of the addresses that nginx answers by itself, in Python's spelling."""
    return location("video_file")


def location(capture: str) -> re.Pattern[str]:
    [pattern] = re.findall(rf'location ~ "([^"]+<{capture}>[^"]+)"', TEMPLATE)
    return re.compile(pattern.replace("(?<", "(?P<").replace(r"\z", r"\Z"))


@pytest.mark.parametrize("name", NAMES)
def test_edge_answers_for_every_file_that_django_has_an_address_for(name: str) -> None:
    path = f"/api/video/{2**53}/{name}"
    found = files_pattern().search(path)
    assert found
    assert (found["video"], found["video_file"]) == (str(2**53), name)
    assert resolve(path).route.startswith("api/video/<")


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_edge_leaves_every_other_name_to_django(name: str) -> None:
    assert not files_pattern().search(f"/api/video/7/{name}")


@pytest.mark.parametrize("number", range(MOST_SOUNDS + 1))
def test_edge_knows_as_many_sounds_as_there_may_be(number: int) -> None:
    name = names.sound_name(number)
    is_known = files_pattern().search(f"/api/video/7/{name}/{names.segment_name(0)}") is not None
    assert is_known == names.is_sound_name(name) == (number < MOST_SOUNDS)


@pytest.mark.parametrize("number", [0, 999, 1000, 999_999])
def test_edge_keeps_every_segment_of_a_text(number: int) -> None:
    name = f"tracks/{2**53}/{names.text_segment_name(number)}"
    found = location("video_text").search(f"/api/video/{2**53}/{name}")
    assert found
    assert (found["video"], found["video_text"]) == (str(2**53), name)


def test_every_name_above_the_best_rendition_leads_to_the_best() -> None:
    [body] = blocks(r"map \$video_best:\$video_file \$video_path")
    better = {best: pattern.split("|") for best, pattern in re.findall(r'"~\^(\w+):\(?([\w|]+)\)?/', body)}
    assert better == {best: list(names.RENDITIONS[number + 1 :]) for number, best in enumerate(names.RENDITIONS[:-1])}


def test_edge_refuses_in_the_words_of_the_api() -> None:
    [body] = blocks(r"map \$status \$refusal")
    said = {int(status): words for status, words in re.findall(r'(\d+) "(.+)";', body)}
    assert said == {status: sentence_for(status) for status in (404, 405, 413, 416, 431, 500, 501, 503)}
    assert f'default "{sentence_for(400)}";' in body


def test_pages_may_read_no_more_headers_than_of_django() -> None:
    [body] = blocks(r"map \$cors_allowed \$cors_expose")
    [exposed] = re.findall(r'default "(.+)";', body)
    assert set(exposed.split(", ")) <= set(settings.CORS_EXPOSE_HEADERS)


@pytest.mark.parametrize("opening", ["location = /-/playback-check", 'location ~ "[^"]+<video_text>[^"]+"'])
def test_check_and_texts_are_sent_every_header_that_other_requests_are_sent(opening: str) -> None:
    """A location with one `proxy_set_header` of its own inherits none: all of them have to be repeated."""
    [check] = blocks(opening)
    everywhere = re.findall(r"^    proxy_set_header ([^;]+);", TEMPLATE, re.MULTILINE)
    assert everywhere
    assert set(everywhere) <= set(re.findall(r"^ +proxy_set_header ([^;]+);", check, re.MULTILINE))
