"""What an answer costs: how often the bucket is asked, and for how many bytes. The bucket is a real one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hls import stores
from hls.store.bucket_address import BucketAddress
from hls.store.connection import client_of
from library.models import Video
from library.tests.videos import Player, in_bucket, make_viewer, published, segment_bytes, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.bucket]

SIZE = 200_000  # more than what is read at once


@pytest.fixture
def player(settings: Any, bucket: BucketAddress, tmp_path: Path) -> Player:
    settings.HLS_ROOT, settings.MEDIA_ROOT, settings.BUCKET = tmp_path / "hls", tmp_path / "uploads", bucket
    in_bucket(published(size=SIZE))
    make_viewer()
    return sign_in(Player())


@pytest.fixture
def asked(bucket: BucketAddress) -> Iterator[list[str]]:
    """The bucket's operations, each with the range that was asked for."""
    found: list[str] = []
    events = client_of(bucket).meta.events

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        found.append(f"{model.name} {params['headers'].get('Range', '')}".strip())

    events.register("before-call.s3", note)
    yield found
    events.unregister("before-call.s3", note)


def segment() -> tuple[str, bytes]:
    video = Video.objects.get()
    return f"/api/video/{video.pk}/480p/segment_001.ts", segment_bytes(video.transcode_id, 1, "480p", 1, SIZE)


@pytest.mark.parametrize(
    ("wanted", "part", "request_of_it"),
    [
        ("bytes=10-19", slice(10, 20), "bytes=10-19"),
        ("bytes=199990-", slice(199_990, None), "bytes=199990-"),
        ("bytes=-10", slice(-10, None), "bytes=-10"),
        ("bytes=100000-999999", slice(100_000, None), "bytes=100000-999999"),
        ("bytes=-999999", slice(None), "bytes=-999999"),
    ],
)
def test_a_range_costs_one_request_for_it(
    player: Player, asked: list[str], wanted: str, part: slice, request_of_it: str
) -> None:
    path, whole = segment()
    answer = player.get(path, headers={"Range": wanted})
    assert (answer.status_code, answer.sent) == (206, whole[part])
    assert asked == [f"GetObject {request_of_it}"]


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-1,4-5"}, {"Range": "lines=1-2"}])
def test_a_whole_segment_costs_one_request(player: Player, asked: list[str], headers: dict[str, str]) -> None:
    path, whole = segment()
    answer = player.get(path, headers=headers)
    assert (answer.status_code, answer.sent, asked) == (200, whole, ["GetObject"])


def test_no_byte_is_fetched_for_an_answer_without_any(player: Player, asked: list[str]) -> None:
    path, _ = segment()
    etag = player.head(path)["ETag"]
    known = player.get(path, headers={"If-None-Match": etag})
    dated = player.get(path, headers={"If-Modified-Since": known["Last-Modified"], "Range": "bytes=0-9"})
    other = player.get(path, headers={"If-Match": '"other"'})
    assert (known.status_code, dated.status_code, other.status_code) == (304, 304, 412)
    assert asked == ["HeadObject"] * 4


def test_a_condition_that_fails_leads_to_the_bytes_that_are_wanted(player: Player, asked: list[str]) -> None:
    path, whole = segment()
    answer = player.get(path, headers={"If-None-Match": '"other"'})
    part = player.get(path, headers={"If-None-Match": '"other"', "Range": "bytes=8-15"})
    other = player.get(path, headers={"If-Range": '"other"', "Range": "bytes=8-15"})
    assert (answer.sent, part.sent, other.sent) == (whole, whole[8:16], whole)
    assert (answer.status_code, part.status_code, other.status_code) == (200, 206, 200)
    assert asked == [
        *("HeadObject", f"GetObject bytes=0-{SIZE - 1}"),
        *("HeadObject", "GetObject bytes=8-15"),
        *("GetObject bytes=8-15", f"GetObject bytes=0-{SIZE - 1}"),
    ]


@pytest.mark.parametrize("wanted", ["bytes=200000-", "bytes=-0", "bytes=9-1", f"bytes={9**40}-"])
def test_a_range_of_nothing_is_refused(player: Player, asked: list[str], wanted: str) -> None:
    path, _ = segment()
    answer = player.get(path, headers={"Range": wanted})
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{SIZE}")
    assert len(asked) <= 2


def test_reading_twice_gives_the_same_bytes(player: Player) -> None:
    video = Video.objects.get()
    opened = stores.version_place(video.transcode_id, 1).below("480p/segment_000.ts").open()
    first = opened.read(0, 10)
    assert (opened.read(0, 10), opened.read(10, 10)) == (first, segment_bytes(video.transcode_id, 1, "480p", 0)[10:20])
    opened.close()
