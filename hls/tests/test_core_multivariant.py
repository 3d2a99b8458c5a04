"""Multivariant playlists of videos with several sounds, character by character."""

import re
from dataclasses import replace
from fractions import Fraction
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.conformance.m3u8 import attributes, parse
from hls.core import multivariant, playlists
from hls.core.chunk import IFrame, RenditionFacts, SegmentFacts
from hls.core.plan import Plan, make_plan
from hls.core.probe import AudioTrack
from hls.tests.factories import SOUNDS, plan_of_several_sounds, source
from hls.tests.test_core_plan import clip
from hls.versions import one_folder_up, pinned

PLAN = plan_of_several_sounds(seconds=12, width=1280, height=720)
PICTURES = tuple(
    SegmentFacts(number, 150, size, tuple(IFrame(150 * number + 50 * gop, 0, 5_000) for gop in range(3)))
    for number, size in enumerate((750_000, 600_000))
)
HEARD = {
    "audio_0": (72_000, 60_000),
    "audio_1": (75_000, 66_000),
    "audio_2": (60_000, 81_000),
    "audio_3": (1_000, 2_000),
}
RENDITIONS = tuple(RenditionFacts(entry.name, "avc1.64001f", PICTURES) for entry in PLAN.renditions)
HEARD_FACTS = tuple(
    RenditionFacts(
        name, "mp4a.40.2", tuple(SegmentFacts(number, 281 + number, size, ()) for number, size in enumerate(sizes))
    )
    for name, sizes in HEARD.items()
)
MEDIA = """\
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sounds",NAME="Kino",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",\
URI="{0}audio_0/index.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sounds",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",\
URI="{0}audio_1/index.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sounds",NAME="The 'director' talks",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=NO,\
CHANNELS="2",URI="{0}audio_2/index.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sounds",NAME="English, described",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,\
CHARACTERISTICS="public.accessibility.describes-video",CHANNELS="2",URI="{0}audio_3/index.m3u8"
"""


def test_multivariant_playlist_of_several_sounds() -> None:
    """The peak: 750,000 bytes in 6 s of the pictures, and 81,000 of the commentary."""
    assert (
        multivariant.master(PLAN, RENDITIONS, HEARD_FACTS)
        == f"""\
#EXTM3U
#EXT-X-VERSION:4
#EXT-X-INDEPENDENT-SEGMENTS
{MEDIA.format("")}\
#EXT-X-STREAM-INF:BANDWIDTH=1108000,AVERAGE-BANDWIDTH=994000,CODECS="avc1.64001f,mp4a.40.2",\
RESOLUTION=854x480,FRAME-RATE=25.000,AUDIO="sounds",CLOSED-CAPTIONS=NONE
480p/video.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1108000,AVERAGE-BANDWIDTH=994000,CODECS="avc1.64001f,mp4a.40.2",\
RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="sounds",CLOSED-CAPTIONS=NONE
720p/video.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=20000,AVERAGE-BANDWIDTH=20000,CODECS="avc1.64001f",\
RESOLUTION=854x480,URI="480p/iframes.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=20000,AVERAGE-BANDWIDTH=20000,CODECS="avc1.64001f",\
RESOLUTION=1280x720,URI="720p/iframes.m3u8"
"""
    )


def test_playlist_of_one_resolution() -> None:
    assert (
        multivariant.of_resolution(PLAN, RENDITIONS[1], HEARD_FACTS)
        == f"""\
#EXTM3U
#EXT-X-VERSION:4
#EXT-X-INDEPENDENT-SEGMENTS
{MEDIA.format("../")}\
#EXT-X-STREAM-INF:BANDWIDTH=1108000,AVERAGE-BANDWIDTH=994000,CODECS="avc1.64001f,mp4a.40.2",\
RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="sounds",CLOSED-CAPTIONS=NONE
video.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=20000,AVERAGE-BANDWIDTH=20000,CODECS="avc1.64001f",\
RESOLUTION=1280x720,URI="iframes.m3u8"
"""
    )


def test_a_sound_has_the_lines_of_the_pictures() -> None:
    for is_finished in (True, False):
        pictures = playlists.media(PLAN, "720p", PICTURES, is_finished=is_finished)
        assert playlists.media(PLAN, "audio_1", HEARD_FACTS[1].segments, is_finished=is_finished) == pictures


def test_a_sound_that_a_video_does_not_have_is_refused() -> None:
    with pytest.raises(KeyError):
        playlists.media(PLAN, "audio_4", PICTURES, is_finished=True)


@given(
    rate=st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)]),
    frame_count=st.integers(1, 5_000),
)
def test_target_durations_are_alike_at_every_rate(rate: Fraction, frame_count: int) -> None:
    """RFC 8216 6.2.4; the sound's own 281 or 282 frames of 1,024 samples may round to another one."""
    pictures = clip(rate=rate, frame_count=frame_count)
    plan = make_plan(replace(pictures, audio=SOUNDS[1], sounds=SOUNDS))
    heard = [SegmentFacts(segment.number, 282, 1_000, ()) for segment in plan.timeline.segments]
    seen = [SegmentFacts(segment.number, segment.frame_count, 1_000, ()) for segment in plan.timeline.segments]
    text = playlists.media(plan, "audio_0", heard, is_finished=True)
    assert text == playlists.media(plan, "480p", seen, is_finished=True)


def told(plan: Plan) -> list[dict[str, str]]:
    """The attributes of each EXT-X-MEDIA."""
    sounds = [replace(HEARD_FACTS[0], name=sound.name) for sound in plan.sounds]
    text = multivariant.master(plan, RENDITIONS, sounds)
    return [dict(attributes(tag.value)) for tag in parse("master.m3u8", text).all("EXT-X-MEDIA")]


def planned(*tracks: AudioTrack, default: int = 0) -> Plan:
    numbered = tuple(replace(track, index=number + 1) for number, track in enumerate(tracks))
    return make_plan(replace(source(seconds=12, width=1280, height=720), audio=numbered[default], sounds=numbered))


PLAIN = AudioTrack(1, "aac", 2, 48_000)


@pytest.mark.parametrize("default", range(4))
def test_one_sound_is_the_default_and_is_chosen_by_itself(default: int) -> None:
    found = told(planned(*SOUNDS, default=default))
    assert [number for number, entry in enumerate(found) if entry["DEFAULT"] == "YES"] == [default]
    assert found[default]["AUTOSELECT"] == "YES"


def test_of_alike_sounds_only_one_is_chosen_by_itself() -> None:
    """RFC 8216 4.3.4.1: those with AUTOSELECT=YES differ in language or characteristics."""
    english, described = replace(PLAIN, language="eng"), replace(PLAIN, language="eng", is_described=True)
    found = told(planned(english, described, english, english, described, default=2))
    assert [entry["AUTOSELECT"] for entry in found] == ["NO", "YES", "YES", "NO", "NO"]


def test_sounds_without_title_or_language_are_numbered() -> None:
    named = told(planned(PLAIN, replace(PLAIN, title="\x00 "), replace(PLAIN, language="und", title="Sound 2"), PLAIN))
    assert [entry["NAME"] for entry in named] == ["Sound 1", "Sound 2", "Sound 2 2", "Sound 4"]
    assert {entry["LANGUAGE"] for entry in named} == {"und"}


@given(title=st.text(), language=st.text(max_size=20))
def test_what_a_file_calls_its_sounds_breaks_no_playlist(title: str, language: str) -> None:
    hostile = replace(PLAIN, title=title, language=language)
    found = told(planned(hostile, hostile, replace(PLAIN, title='",URI="x\n#EXT-X-ENDLIST')))
    assert [entry["URI"] for entry in found] == [f"audio_{number}/index.m3u8" for number in range(3)]
    assert len({entry["NAME"] for entry in found}) == 3


@given(title=st.one_of(st.text(), st.sampled_from(["URI=", "a,URI=", ",URI=b", "x:URI="])))
def test_no_title_is_taken_for_an_address(title: str) -> None:
    plan = planned(replace(PLAIN, title=title), PLAIN)
    text = pinned(multivariant.of_resolution(plan, RENDITIONS[0], HEARD_FACTS[:2]), 3)
    pictures, *others = uris(text)
    assert (pictures, others) == (
        "video.m3u8?v=3",
        ["../audio_0/index.m3u8?v=3", "../audio_1/index.m3u8?v=3", "iframes.m3u8?v=3"],
    )
    assert text.count("?v=3") == 4 + title.count("?v=3")


def uris(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return lines + re.findall('[:,]URI="([^"]+)"$', text, re.MULTILINE)


@pytest.mark.parametrize("address", ["master.m3u8", "720p/index.m3u8"])
def test_addresses_one_folder_up_lead_to_the_same_places(address: str) -> None:
    base = f"https://api.example.com/api/video/7/{address}"
    is_master = address == "master.m3u8"
    text = (
        multivariant.master(PLAN, RENDITIONS, HEARD_FACTS)
        if is_master
        else multivariant.of_resolution(PLAN, RENDITIONS[1], HEARD_FACTS)
    )
    plain = [urljoin(base, uri) for uri in uris(text)]
    assert [urljoin(f"{base}/", uri) for uri in uris(one_folder_up(text))] == plain
    assert "https://api.example.com/api/video/7/audio_3/index.m3u8" in plain
