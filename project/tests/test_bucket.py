"""What is served from a bucket: ranges, validators and texts as from a disk; wrong settings; a store that is away."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from django.core.checks import run_checks

from hls import stores
from hls.models import Transcode
from hls.store import connection
from hls.store.bucket_address import BucketAddress
from library.delivery import files
from library.models import Video
from library.tests.videos import Player, in_bucket, make_viewer, published, segment_bytes, sign_in
from project import edge
from project.health.checks import ENGINE

pytestmark = [pytest.mark.django_db, pytest.mark.bucket]


@pytest.fixture
def video(settings: Any, bucket: BucketAddress, tmp_path: Path) -> Video:
    """Made on a disk and then brought to the bucket, as it is."""
    settings.HLS_ROOT, settings.MEDIA_ROOT = tmp_path / "hls", tmp_path / "uploads"
    video = published()
    settings.BUCKET = bucket
    in_bucket(video)
    return video


@pytest.fixture
def player(video: Video) -> Player:
    make_viewer()
    return sign_in(Player())


def test_a_segment_is_sent_whole_in_part_and_not_again(player: Player, video: Video) -> None:
    address, content = f"/api/video/{video.pk}/480p/segment_001.ts", segment_bytes(video.transcode_id, 1, "480p", 1)
    whole = player.get(address)
    assert (whole.status_code, whole.sent, whole["Content-Length"]) == (200, content, str(len(content)))
    assert (whole["Content-Type"], whole["Accept-Ranges"], whole["Cache-Control"]) == (
        "video/MP2T",
        "bytes",
        files.FOREVER,
    )
    assert re.fullmatch(r'"[^"]+"', whole["ETag"])
    part = player.get(address, headers={"Range": "bytes=10-19", "If-Range": whole["ETag"]})
    assert (part.status_code, part.sent, part["Content-Range"]) == (206, content[10:20], f"bytes 10-19/{len(content)}")
    assert player.get(address, headers={"If-None-Match": whole["ETag"]}).status_code == 304
    assert player.get(address, headers={"If-Modified-Since": whole["Last-Modified"]}).status_code == 304
    assert player.get(address, headers={"Range": "bytes=99999-"}).status_code == 416
    head = player.head(address)
    assert (head.status_code, head.sent, head["Content-Length"]) == (200, b"", str(len(content)))


def test_a_large_segment_is_sent_as_it_is_read(player: Player, video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SMALL_BYTES", 100)
    answer = player.get(f"/api/video/{video.pk}/480p/segment_000.ts")
    assert answer.streaming
    assert answer.sent == segment_bytes(video.transcode_id, 1, "480p", 0)


def test_playlists_pictures_and_the_poster_come_from_there(player: Player, video: Video) -> None:
    folder = f"/api/video/{video.pk}"
    assert b"segment_000.ts" in player.get(f"{folder}/480p/index.m3u8").sent
    packed = player.get(f"{folder}/master.m3u8", headers={"Accept-Encoding": "gzip"})
    assert (packed["Content-Encoding"], packed.sent[:2]) == ("gzip", b"\x1f\x8b")
    assert player.get(f"{folder}/storyboard_00.jpg").sent == b"sheet of %d" % video.transcode_id
    assert player.get(f"{folder}/thumbnail.jpg").sent == b"poster of %d" % video.transcode_id


def test_what_is_gone_or_was_never_there_is_a_404(player: Player, video: Video) -> None:
    stores.version_place(video.transcode_id, 1).below("480p/segment_000.ts").remove()
    for name in ("480p/segment_000.ts", "480p/segment_009.ts", "480p/..%2fmaster.m3u8"):
        assert player.get(f"/api/video/{video.pk}/{name}").status_code == 404


def test_an_edge_reads_what_is_still_on_its_disk(settings: Any, bucket: BucketAddress, tmp_path: Path) -> None:
    settings.HLS_ROOT, settings.MEDIA_ROOT, settings.BUCKET = tmp_path / "hls", tmp_path / "uploads", bucket
    video = published()
    make_viewer()
    answer = sign_in(Player()).get(f"{edge.PATH}?video={video.pk}")
    assert answer[edge.FOLDER] == f"hls/{video.transcode_id}/1"


def test_an_edge_is_told_that_the_files_are_there(player: Player, video: Video) -> None:
    """Below a folder that no disk has, so that an edge which knows no buckets asks for each file."""
    answer = player.get(f"{edge.PATH}?video={video.pk}")
    folder = f"bucket/hls/{video.transcode_id}/1"
    told = {"X-Video-Folder": folder, "X-Video-Best": "720p", "X-Video-Poster": f"{folder}/poster.jpg"}
    assert (answer.status_code, dict(answer.items())) == (204, {"Cache-Control": "no-store"} | told)


@pytest.mark.parametrize("name", ["480p/segment_001.ts", "720p/segment_000.ts", "storyboard_00.jpg", "poster.jpg"])
def test_an_edge_is_given_a_signed_address(player: Player, video: Video, settings: Any, name: str) -> None:
    settings.TRUSTED_PROXIES = 1
    answer = player.get(f"{edge.ADDRESS_PATH}?video={video.pk}&file=bucket/hls/{video.transcode_id}/1/{name}")
    assert (answer.status_code, answer.sent, answer["Cache-Control"]) == (204, b"", "no-store")
    with urlopen(answer["X-Video-Address"]) as found:
        assert found.read() == stores.version_place(video.transcode_id, 1).below(name).read()


@pytest.mark.parametrize(
    ("proxies", "headers"),
    [
        (0, {}),
        (1, {"X-Forwarded-For": "192.0.2.7"}),
        (2, {"X-Forwarded-For": "192.0.2.7, 10.0.0.1"}),
        (1, {"X-Forwarded-For": "192.0.2.7, 10.0.0.1"}),
    ],
)
def test_nobody_else_is_given_one(
    player: Player, video: Video, settings: Any, proxies: int, headers: dict[str, str]
) -> None:
    """A request that came through all proxies is a client's."""
    settings.TRUSTED_PROXIES = proxies
    file = f"bucket/hls/{video.transcode_id}/1/480p/segment_001.ts"
    answer = player.get(f"{edge.ADDRESS_PATH}?video={video.pk}&file={file}", headers=headers)
    assert (answer.status_code, "X-Video-Address" in answer.headers) == (403, False)


@pytest.mark.parametrize(
    "file",
    [
        *("", "bucket/hls/{id}/1/", "hls/{id}/1/480p/segment_001.ts", "bucket/hls/{id}/2/480p/segment_001.ts"),
        *("bucket/hls/{id}/1/480p/segment_009.ts", "bucket/hls/{id}/1/480p/../../1/480p/segment_001.ts"),
        *("bucket/hls/{id}/1/1080p/segment_001.ts", "bucket/hls/{id}/1/master.m3u8", "bucket/hls/.installation"),
        "bucket/uploads/videos/Harbour at Dawn.mp4",
    ],
)
def test_an_edge_is_given_none_of_what_is_no_file_of_the_video(
    player: Player, video: Video, settings: Any, file: str
) -> None:
    settings.TRUSTED_PROXIES = 1
    answer = player.get(edge.ADDRESS_PATH, {"video": video.pk, "file": file.format(id=video.transcode_id)})
    assert answer.status_code == 403
    assert Player().get(f"{edge.ADDRESS_PATH}?video={video.pk}&file={file}").status_code == 401


def test_a_store_that_is_away_is_a_503(
    player: Player, video: Video, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ATTEMPTS", 1)
    settings.BUCKET = replace(settings.BUCKET, endpoint_url="http://127.0.0.1:2")
    answer = player.get(f"/api/video/{video.pk}/480p/segment_000.ts")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def found() -> dict[str, str]:
    messages = run_checks(tags=[ENGINE], include_deployment_checks=True)
    return {message.id or "": message.msg for message in messages if message.id not in ("videoflix.W012",)}


@pytest.mark.parametrize(
    ("wrong", "identity", "sentence"),
    [
        ({}, None, ""),
        ({"bucket": "no-such-bucket"}, "videoflix.E009", "There is no bucket of this name (S3_BUCKET)."),
        ({"secret_access_key": "x"}, "videoflix.E009", "The bucket refuses the secret key (S3_SECRET_ACCESS_KEY)."),
        (
            {"endpoint_url": "http://127.0.0.1:3"},
            "videoflix.W013",
            "The bucket can't be reached (EndpointConnectionError).",
        ),
    ],
)
def test_a_wrong_address_is_told_at_the_start(
    settings: Any,
    bucket: BucketAddress,
    monkeypatch: pytest.MonkeyPatch,
    wrong: dict[str, str],
    identity: str | None,
    sentence: str,
) -> None:
    monkeypatch.setattr(connection, "ATTEMPTS", 1)
    settings.BUCKET = replace(bucket, **wrong)
    assert found() == ({identity: sentence} if identity else {})


def test_a_bucket_without_its_keys_is_refused(settings: Any, bucket: BucketAddress) -> None:
    settings.BUCKET = replace(bucket, secret_access_key="")
    assert [message.id for message in run_checks() if (message.id or "").startswith("videoflix.E")] == [
        "videoflix.E008"
    ]


def test_no_row_says_where_its_files_are(video: Video) -> None:
    """So that an installation can move to a bucket and back."""
    assert "s3" not in str(Transcode.objects.values().get(pk=video.transcode_id))
