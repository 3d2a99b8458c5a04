"""Addresses that change with the version: every URI, and nothing else."""

import re
from urllib.parse import urljoin

import pytest

from hls.core import multivariant, playlists, storyboard
from hls.core.chunk import IFrame, RenditionFacts, SegmentFacts
from hls.tests.factories import plan
from hls.versions import one_folder_up, pinned, with_version

TRANSCODE = plan(seconds=12)
SEGMENTS = tuple(
    SegmentFacts(number, 150, 100_000, tuple(IFrame(150 * number + 50 * gop, 0, 5_000) for gop in range(3)))
    for number in range(2)
)
RENDITION = RenditionFacts("720p", "avc1.64001f,mp4a.40.2", SEGMENTS)


def test_the_first_version_has_plain_addresses() -> None:
    text = playlists.media(TRANSCODE, "720p", SEGMENTS, is_finished=True)
    assert with_version(text, 1) == text


def test_every_segment_of_a_later_version_carries_it() -> None:
    text = with_version(playlists.media(TRANSCODE, "720p", SEGMENTS, is_finished=True), 3)
    uris = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert uris == ["segment_000.ts?v=3", "segment_001.ts?v=3"]
    assert text.count("?v=3") == 2


@pytest.mark.parametrize("version", [1, 2])
def test_the_multivariant_playlist_names_its_version_from_the_first_on(version: int) -> None:
    renditions = [RenditionFacts(name, RENDITION.codecs, SEGMENTS) for name in ("480p", "720p", "1080p")]
    text = pinned(multivariant.master(TRANSCODE, renditions), version)
    assert text.count(f"/index.m3u8?v={version}\n") == 3
    assert text.count(f'/iframes.m3u8?v={version}"') == 3
    assert text.count("?v=") == 6


def test_the_storyboards_fragment_stays_behind_the_version() -> None:
    text = with_version(storyboard.vtt(TRANSCODE), 2)
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert "\nstoryboard_00.jpg?v=2#xywh=0,0,240,136\n" in text
    assert text.count("?v=2") == TRANSCODE.tile_count


def test_addresses_one_folder_up_lead_to_the_same_places() -> None:
    master = "https://api.example.com/api/video/7/master.m3u8"
    text = multivariant.master(TRANSCODE, [RENDITION])
    plain = [urljoin(master, uri) for uri in uris(text)]
    assert [urljoin(f"{master}/", uri) for uri in uris(one_folder_up(text))] == plain
    assert plain == [f"https://api.example.com/api/video/7/720p/{name}.m3u8" for name in ("index", "iframes")]


def uris(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return lines + re.findall('URI="([^"]+)"', text)
