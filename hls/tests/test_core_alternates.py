"""Alternatives put into a multivariant playlist that has some already, whatever those are called."""

import pytest

from hls.conformance.m3u8 import attributes, parse
from hls.core.alternates import Alternate, MediaType, with_alternates

BASE = """\
#EXTM3U
#EXT-X-VERSION:4
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="sounds"
480p/video.m3u8
"""
SUBTITLES = Alternate(MediaType.TEXT, "tracks/1/index.m3u8", "English")


@pytest.mark.parametrize("title", ["#EXT-X-STREAM-INF:", "#EXT-X-INDEPENDENT-SEGMENTS", r"\1 \g<0>", "#EXT-X-MEDIA:"])
def test_texts_come_beside_sounds_whatever_these_are_called(title: str) -> None:
    sounds = with_alternates(BASE, [Alternate(MediaType.SOUND, "audio_0/index.m3u8", title)])
    whole = parse("master.m3u8", with_alternates(sounds, [SUBTITLES]))
    found = [attributes(tag.value) for tag in whole.all("EXT-X-MEDIA")]
    assert {entry["NAME"]: entry["URI"] for entry in found} == {
        title: "audio_0/index.m3u8",
        "English": "tracks/1/index.m3u8",
    }
    [variant] = whole.entries
    assert variant.tags[0].value == 'BANDWIDTH=1,AUDIO="sounds",SUBTITLES="texts"'


def test_quotes_in_a_name_are_not_lost() -> None:
    """No quoted string can have the double ones (RFC 8216 4.2): a name of these alone was blank."""
    labels = ('English "SDH"', '"', "'", "A\nB")
    named = [Alternate(MediaType.TEXT, f"tracks/{number}/index.m3u8", label) for number, label in enumerate(labels)]
    whole = parse("master.m3u8", with_alternates(BASE, named))
    names = [attributes(tag.value)["NAME"] for tag in whole.all("EXT-X-MEDIA")]
    assert names == ["English 'SDH'", "'", "' 2", "A B"]
