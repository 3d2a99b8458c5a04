"""The checker on EXT-X-MEDIA: its attributes, its groups, and the variants that name them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hls.conformance.findings import Fetched, beside
from hls.conformance.language_tags import is_well_formed
from hls.conformance.m3u8 import parse
from hls.conformance.rules_media import renditions
from hls.conformance.rules_playlists import any_playlist
from hls.tests.presentations import CAPTIONED, DESCRIBED, ENGLISH, FOREIGN, SPOKEN, Files, edited, presentation
from hls.tests.presentations import violations as found_in


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return presentation(tmp_path_factory.mktemp("video"))


def rules(files: Files, master: str = "master.m3u8") -> set[str]:
    return {violation.rule for violation in found_in(files, master)}


def test_a_presentation_that_conforms_has_no_violation(published: Files) -> None:
    assert found_in(published) == ()


def test_a_presentation_of_one_resolution_is_checked_from_its_own_folder(published: Files) -> None:
    """Addresses with ../ lead out of the folder, and keep their queries."""
    assert found_in(published, "480p/index.m3u8") == ()
    without = {name: body for name, body in published.items() if not name.startswith("audio_1/segment_001")}
    lacking = [found for found in found_in(without, "480p/index.m3u8") if found.rule == "RFC8216-6.2.1"]
    assert [found.where for found in lacking] == ["audio_1/index.m3u8?v=1:10"]


def test_a_variant_that_is_a_multivariant_playlist_is_named(published: Files) -> None:
    """As the playlist of one resolution is, where a video has several sounds."""
    nested = edited(published, "master.m3u8", "480p/video.m3u8", "480p/index.m3u8")
    assert ("RFC8216-4.3.4.2", "480p/index.m3u8") in {(found.rule, found.where) for found in found_in(nested)}


@pytest.mark.parametrize(
    ("base", "uri", "expected"),
    [
        ("480p/index.m3u8", "../audio_0/index.m3u8?v=1&r=2", "audio_0/index.m3u8?v=1&r=2"),
        ("index.m3u8?v=1", "../audio_0/index.m3u8?v=1", "../audio_0/index.m3u8?v=1"),
        ("../audio_0/index.m3u8?v=1", "segment_000.ts", "../audio_0/segment_000.ts"),
        ("index.m3u8?from=a/b", "video.m3u8", "video.m3u8"),
        ("../a/index.m3u8", "/b.ts", "/b.ts"),
        ("http://here/a/index.m3u8?v=1", "../b.ts?v=2", "http://here/b.ts?v=2"),
        ("a/index.m3u8", "//there/b.ts", "//there/b.ts"),
    ],
)
def test_addresses_may_lead_out_of_the_folder(base: str, uri: str, expected: str) -> None:
    assert beside(base, uri) == expected


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("RFC8216-4.2", 'NAME="English",', "NAME = English,"),
        ("RFC8216-4.2", 'NAME="English",', "NAME=English,"),
        ("RFC8216-4.2", "TYPE=AUDIO", 'TYPE="AUDIO"'),
        ("RFC8216-4.2", "DEFAULT=YES", 'DEFAULT="YES"'),
        ("RFC8216-4.2", 'AUDIO="sounds"', "AUDIO=sounds"),
        ("RFC8216-4.3.4.1", "TYPE=AUDIO,", ""),
        ("RFC8216-4.3.4.1", "TYPE=AUDIO,", "TYPE=SOUND,"),
        ("RFC8216-4.3.4.1", 'GROUP-ID="sounds",', ""),
        ("RFC8216-4.3.4.1", 'NAME="English",', ""),
        ("RFC8216-4.3.4.1", "DEFAULT=NO", "DEFAULT=no"),
        ("RFC8216-4.3.4.1", "AUTOSELECT=YES,FORCED", "AUTOSELECT=MAYBE,FORCED"),
        ("RFC8216-4.3.4.1", "FORCED=NO", "FORCED=0"),
        ("RFC8216-4.3.4.1", "DEFAULT=YES,AUTOSELECT=YES", "DEFAULT=YES,AUTOSELECT=NO"),
        ("RFC8216-4.3.4.1", 'CHANNELS="2"', 'CHANNELS="2",FORCED=NO'),
        ("RFC8216-4.3.4.1", 'CHANNELS="2"', 'CHANNELS="stereo"'),
        ("RFC8216-4.3.4.1", 'CHANNELS="2"', 'CHANNELS="2",INSTREAM-ID="CC1"'),
        ("RFC8216-4.3.4.1", 'LANGUAGE="de"', 'LANGUAGE="de_AT"'),
        ("RFC8216-4.3.4.1", 'LANGUAGE="de"', 'LANGUAGE="de",ASSOC-LANGUAGE="German language"'),
        ("RFC8216-4.3.4.1", "describes-video", "describes video"),
        ("RFC8216-4.3.4.1.1", 'NAME="English (described)"', 'NAME="English"'),
        ("RFC8216-4.3.4.1.1", "DEFAULT=NO", "DEFAULT=YES"),
        ("RFC8216-4.3.4.2.1", ',URI="tracks/6/index.m3u8?v=1&r=2"', ""),
        ("RFC8216-4.3.4.2", 'AUDIO="sounds"', 'AUDIO="sound"'),
        ("RFC8216-4.3.4.2", 'SUBTITLES="texts"', 'SUBTITLES="text"'),
        ("RFC8216-4.3.4.2", "CLOSED-CAPTIONS=NONE", 'CLOSED-CAPTIONS="NONE"'),
        ("RFC8216-4.3.4.2", "CLOSED-CAPTIONS=NONE", 'VIDEO="angles"'),
        ("RFC8216-6.2.4", ',SUBTITLES="texts"', ""),
        ("RFC8216-6.2.4", ',AUDIO="sounds"', ""),
        ("RFC8216-4.1", "audio_1/index.m3u8", "audio_2/index.m3u8"),
        ("Apple-2", "AUTOSELECT=YES,CHARACTERISTICS", "AUTOSELECT=NO,CHARACTERISTICS"),
        ("Apple-2", "AUTOSELECT=YES,CHARACTERISTICS", "CHARACTERISTICS"),
        ("Apple-4", "public.accessibility.transcribes-spoken-dialog,", ""),
        ("Apple-4", ",public.accessibility.describes-music-and-sound", ""),
        ("Apple-4", "AUTOSELECT=YES,FORCED=NO,CHARACTERISTICS", "AUTOSELECT=NO,FORCED=NO,CHARACTERISTICS"),
        ("Apple-4", "AUTOSELECT=YES,FORCED=NO,CHARACTERISTICS", "FORCED=NO,CHARACTERISTICS"),
        ("Apple-8", 'LANGUAGE="de",', ""),
    ],
)
def test_broken_rule_is_named(published: Files, rule: str, before: str, after: str) -> None:
    assert rule in rules(edited(published, "master.m3u8", before, after))


@pytest.mark.parametrize(
    ("after", "broken"),
    [
        ('INSTREAM-ID="CC1"', False),
        ('INSTREAM-ID="CC5"', True),
        ('INSTREAM-ID="SERVICE63"', False),
        ('INSTREAM-ID="SERVICE64"', True),
        ('INSTREAM-ID="SERVICE0"', True),
        ('INSTREAM-ID="CC1",URI="captions.m3u8"', True),
        ("AUTOSELECT=NO", True),
    ],
)
def test_closed_captions_are_in_the_pictures(after: str, broken: bool) -> None:
    line = f'TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="English",LANGUAGE="en",{after}'
    assert media(line) == ({"RFC8216-4.3.4.1"} if broken else set())


def test_services_of_closed_captions_need_the_seventh_version() -> None:
    """RFC 8216 section 7, which leaves all other EXT-X-MEDIA to any version."""
    for instream, version, broken in (("CC1", 1, set()), ("SERVICE1", 6, {"RFC8216-7"}), ("SERVICE1", 7, set())):
        line = f'#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="c",INSTREAM-ID="{instream}"'
        text = f"#EXTM3U\n#EXT-X-VERSION:{version}\n{line}\n"
        assert {found.rule for found in any_playlist(Fetched(text.encode()), parse("a.m3u8", text))} == broken


def test_no_captions_is_said_of_all_variants_or_of_none() -> None:
    stream = "#EXT-X-STREAM-INF:BANDWIDTH=1,CLOSED-CAPTIONS=NONE\na.m3u8\n"
    assert media(after=stream * 2) == set()
    assert media(after=f"{stream}#EXT-X-STREAM-INF:BANDWIDTH=1\nb.m3u8\n") == {"RFC8216-4.3.4.2"}


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        ("", "", False),
        ("mono.m3u8", "other.m3u8", False),
        ('CHANNELS="1"', 'CHANNELS="6"', False),
        ("DEFAULT=YES", "DEFAULT=NO", True),
        ('LANGUAGE="en"', 'LANGUAGE="fr"', True),
    ],
)
def test_groups_of_one_type_have_the_same_members(before: str, after: str, broken: bool) -> None:
    line = (
        'TYPE=AUDIO,GROUP-ID="{}",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1",URI="mono.m3u8"'
    )
    found = media(line.format("low"), line.format("high").replace(before, after))
    assert found == ({"RFC8216-4.3.4.1.1"} if broken else set())


def media(*lines: str, after: str = "") -> set[str]:
    text = "".join(f"#EXT-X-MEDIA:{line}\n" for line in lines)
    return {found.rule for found in renditions(parse("master.m3u8", f"#EXTM3U\n{text}{after}"))}


APPLE_ADVANCED = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-STREAM-INF:BANDWIDTH=2177116,CODECS="avc1.640020,mp4a.40.2",CLOSED-CAPTIONS="cc1",AUDIO="aud1",SUBTITLES="sub1"
v5/prog_index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2399619,CODECS="avc1.640020,ac-3",CLOSED-CAPTIONS="cc1",AUDIO="aud2",SUBTITLES="sub1"
v5/prog_index.m3u8
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aud1",LANGUAGE="en",NAME="English",AUTOSELECT=YES,DEFAULT=YES,CHANNELS="2",URI="a1/p"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aud2",LANGUAGE="en",NAME="English",AUTOSELECT=YES,DEFAULT=YES,CHANNELS="6",URI="a2/p"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc1",LANGUAGE="en",NAME="English",AUTOSELECT=YES,DEFAULT=YES,\
INSTREAM-ID="CC1"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="sub1",LANGUAGE="en",NAME="English",AUTOSELECT=YES,DEFAULT=YES,FORCED=NO,URI="s1/p"
"""
APPLE_BIPBOP = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="bipbop_audio",LANGUAGE="eng",NAME="BipBop Audio 1",AUTOSELECT=YES,DEFAULT=YES
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="bipbop_audio",LANGUAGE="eng",NAME="BipBop Audio 2",AUTOSELECT=NO,DEFAULT=NO,URI="a/p"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,LANGUAGE="en",\
CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog, public.accessibility.describes-music-and-sound",\
URI="subtitles/eng/prog_index.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English (Forced)",DEFAULT=NO,AUTOSELECT=NO,FORCED=YES,LANGUAGE="en",\
URI="subtitles/eng_forced/prog_index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=263851,CODECS="mp4a.40.2, avc1.4d400d",AUDIO="bipbop_audio",SUBTITLES="subs"
gear1/prog_index.m3u8
"""
RFC_8_6 = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="English",DEFAULT=YES,AUTOSELECT=YES,LANGUAGE="en",URI="main/english.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="Deutsch",DEFAULT=NO,AUTOSELECT=YES,LANGUAGE="de",URI="main/german.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="Commentary",DEFAULT=NO,AUTOSELECT=NO,LANGUAGE="en",URI="commentary.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS="...",AUDIO="aac"
low/video-only.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=65000,CODECS="mp4a.40.5",AUDIO="aac"
main/english-audio.m3u8
"""
RFC_8_7 = """#EXTM3U
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="low",NAME="Main",DEFAULT=YES,URI="low/main/audio-video.m3u8"
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="low",NAME="Centerfield",DEFAULT=NO,URI="low/centerfield/audio-video.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS="...",VIDEO="low"
low/main/audio-video.m3u8
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="mid",NAME="Main",DEFAULT=YES,URI="mid/main/audio-video.m3u8"
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="mid",NAME="Centerfield",DEFAULT=NO,URI="mid/centerfield/audio-video.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2560000,CODECS="...",VIDEO="mid"
mid/main/audio-video.m3u8
"""
SHAKA_PACKAGER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,URI="audio.m3u8",GROUP-ID="audio",LANGUAGE="en",NAME="Original",DEFAULT=YES,AUTOSELECT=YES,\
CHANNELS="2"
#EXT-X-MEDIA:TYPE=AUDIO,URI="audio_ad.m3u8",GROUP-ID="audio",LANGUAGE="en",NAME="Audio description",DEFAULT=NO,\
AUTOSELECT=YES,CHARACTERISTICS="public.accessibility.describes-video",CHANNELS="2"
#EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO="audio",CLOSED-CAPTIONS=NONE
video.m3u8
"""


@pytest.mark.parametrize("text", [APPLE_ADVANCED, APPLE_BIPBOP, RFC_8_6, RFC_8_7, SHAKA_PACKAGER])
def test_playlists_of_others_that_conform_have_no_violation(text: str) -> None:
    """Apple's examples and those of the RFC, abridged, and a packager's."""
    assert list(renditions(parse("master.m3u8", text))) == []


def test_the_tags_that_this_project_writes_conform() -> None:
    assert media(ENGLISH, DESCRIBED, SPOKEN, FOREIGN, CAPTIONED) == set()


@pytest.mark.parametrize(
    "tag",
    [
        *("en", "eng", "de-AT", "zh-Hant-TW", "zh-cmn-Hans-CN", "sl-rozaj-biske", "de-CH-1901", "es-419", "und", "mis"),
        *("en-a-bbb-x-a-ccc", "x-whatever", "qaa-Qaaa-QM-x-southern", "i-klingon", "EN-gb-OED", "art-lojban", "zh-yue"),
        *("hy-Latn-IT-arevela", "sgn-BE-FR", "abcdefgh"),
    ],
)
def test_language_tags_are_well_formed(tag: str) -> None:
    """Examples from RFC 5646, appendix A among them."""
    assert is_well_formed(tag)


@pytest.mark.parametrize(
    "tag",
    [
        *("", "e", "de_AT", "english language", "en-", "-en", "en--US", "a-DE", "de-419-DE", "ar-a", "x", "x-", "en-x"),
        *("abcdefghi", "en-toolongsubtag", "i-unknown", "en\n", "d\u00e9", "\u0661\u0661", "en-\u0661\u0662\u0663"),
    ],
)
def test_other_texts_are_no_language_tags(tag: str) -> None:
    assert not is_well_formed(tag)


tokens = st.sampled_from(["", '"', ",", "=", "YES", "#EXT-X-MEDIA:", "\n", "\x00", "//[", "../", "\u2028", "9" * 40])


@settings(max_examples=30, deadline=None)
@given(edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), tokens), max_size=4))
def test_any_damage_to_the_master_is_survived(edits: list[tuple[float, int, str]]) -> None:
    text = "#EXTM3U\n" + "".join(f"#EXT-X-MEDIA:{line}\n" for line in (ENGLISH, DESCRIBED, SPOKEN, FOREIGN, CAPTIONED))
    text += '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="sounds",SUBTITLES="texts"\nvideo.m3u8\n'
    for where, length, token in edits:
        at = int(where * len(text))
        text = text[:at] + token + text[at + length :]
    assert found_in({"master.m3u8": text.encode()})
