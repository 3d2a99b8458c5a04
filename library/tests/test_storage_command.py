"""`manage.py storage move`: there and back, killed, while players play, and with files that were tampered with."""

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from hls import identity, stores, upkeep
from hls.folders import version_folder
from hls.removal import TRASH
from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from hls.store.connection import client_of
from hls.store.folder import FolderStore
from hls.store.interface import Store
from hls.store.moving import Moving
from hls.store.pair import StorePair
from library.models import Video
from library.tests.videos import Player, make_viewer, published, segment_bytes, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.bucket]


def move(to: str, *, grace: float = 0.0) -> str:
    said = io.StringIO()
    call_command("storage", "move", "--to", to, "--grace", str(grace), stdout=said, stderr=said)
    return said.getvalue()


@pytest.fixture
def videos(settled: Path) -> list[Video]:
    """Made before there was a bucket."""
    made = [published(title=f"Video {number}") for number in range(3)]
    for video in made:
        stores.uploads().write_once(str(video.video_file.name), f"source of {video.title}")
    return made


@pytest.fixture
def in_bucket(settings: Any, bucket: BucketAddress, videos: list[Video]) -> BucketStore:
    settings.BUCKET = bucket
    return BucketStore("hls", bucket)


@pytest.fixture
def player(videos: list[Video]) -> Player:
    make_viewer()
    return sign_in(Player())


def on_disk(folders: Path) -> FolderStore:
    return FolderStore("hls", folders / "hls")


def contents(store: Store, videos: list[Video]) -> dict[str, bytes]:
    keys = [f"{video.transcode_id}/{name}" for video in videos for name in store.sizes(str(video.transcode_id))]
    return {key: store.read(key) for key in sorted(keys)}


def plays(player: Player, video: Video) -> bool:
    answers = [(player.get(f"/api/video/{video.pk}/480p/segment_{number:03d}.ts"), number) for number in range(2)]
    whole = [answer.sent == segment_bytes(video.transcode_id, 1, "480p", number) for answer, number in answers]
    return all(whole) and player.get(f"/api/video/{video.pk}/master.m3u8").status_code == 200


def type_of(store: BucketStore, key: str) -> str:
    address = store.address_of_bucket
    return client_of(address).head_object(Bucket=address.bucket, Key=f"{address.prefix}hls/{key}")["ContentType"]


def source(video: Video) -> str:
    with Video.objects.get(pk=video.pk).video_file.open() as file:
        return bytes(file.read()).decode()


def test_videos_go_there_and_back_and_play_all_the_while(
    folders: Path, settings: Any, videos: list[Video], in_bucket: BucketStore, player: Player
) -> None:
    before = contents(on_disk(folders), videos)
    assert all(plays(player, video) for video in videos), "right after S3_BUCKET was set"
    said = move("bucket")
    assert f"{len(before)} files" in said
    assert contents(in_bucket, videos) == before
    assert type_of(in_bucket, f"{videos[0].transcode_id}/1/480p/segment_000.ts") == "video/MP2T"
    assert not on_disk(folders).has_files()
    assert not list((folders / "uploads").rglob("*.mp4"))
    assert all(plays(player, video) and source(video) == f"source of {video.title}" for video in videos)
    assert upkeep.orphans() == []
    settings.STORE_IN = "disk"
    assert all(plays(player, video) and source(video) == f"source of {video.title}" for video in videos)
    move("disk")
    assert (contents(on_disk(folders), videos), contents(in_bucket, videos)) == (before, {})
    settings.BUCKET = settings.STORE_IN = None
    assert all(plays(player, video) and source(video) == f"source of {video.title}" for video in videos)
    assert upkeep.orphans() == []


def test_a_move_to_where_new_files_do_not_go_is_refused(settings: Any, in_bucket: BucketStore) -> None:
    with pytest.raises(CommandError, match="set STORE_IN=disk, restart web and workers"):
        move("disk")
    settings.STORE_IN = "disk"
    with pytest.raises(CommandError, match="set STORE_IN=bucket"):
        move("bucket")
    settings.BUCKET = None
    with pytest.raises(CommandError, match="There is no bucket: set S3_BUCKET"):
        move("disk")


def test_a_bucket_of_another_installation_is_not_moved_to(in_bucket: BucketStore, folders: Path) -> None:
    in_bucket.write_once(".installation", "another's")
    with pytest.raises(CommandError, match="belongs to another installation"):
        move("bucket")
    assert on_disk(folders).has_files()


def test_what_was_there_already_with_other_bytes_is_named_and_stays_in_both(
    folders: Path, in_bucket: BucketStore, videos: list[Video]
) -> None:
    key = f"{videos[0].transcode_id}/1/480p/segment_000.ts"
    in_bucket.write_once(key, "somebody else's")
    identity.adopt(in_bucket)
    with pytest.raises(CommandError, match=f"hls/{key} and s3://.*/{key} differ"):
        move("bucket")
    assert on_disk(folders).sizes(str(videos[0].transcode_id)).keys() == {"1/480p/segment_000.ts"}
    assert in_bucket.read(key) == b"somebody else's"


@pytest.mark.parametrize("changed_to", [None, "changed"])
def test_a_copy_that_is_lost_before_its_original_is_removed_is_named_and_the_original_stays(
    folders: Path, in_bucket: BucketStore, videos: list[Video], changed_to: str | None
) -> None:
    pair = stores.versions()
    assert isinstance(pair, StorePair)
    moving = Moving(pair, grace_s=0.05, tell=lambda size: None)
    key = f"{videos[0].transcode_id}/1"
    moving.bring(key)
    in_bucket.remove(f"{key}/master.m3u8")
    if changed_to:
        in_bucket.write_once(f"{key}/master.m3u8", changed_to)
    moving.finish(lambda left_s: None)
    assert [fault for fault in moving.faults if f"{key}/master.m3u8 stays" in fault] == moving.faults != []
    assert on_disk(folders).sizes(key).keys() == {"master.m3u8"}


def test_an_original_that_is_changed_after_it_was_compared_stays(
    folders: Path, in_bucket: BucketStore, videos: list[Video]
) -> None:
    pair = stores.versions()
    assert isinstance(pair, StorePair)
    moving = Moving(pair, grace_s=0.05, tell=lambda size: None)
    key = f"{videos[0].transcode_id}/1"
    moving.bring(key)
    (folders / "hls" / key / "master.m3u8").write_text("changed")
    (folders / "hls" / key / "poster.jpg").unlink()
    moving.finish(lambda left_s: None)
    assert len(moving.faults) == 1
    assert on_disk(folders).sizes(key) == {"master.m3u8": 7}


def test_what_lies_in_the_trash_is_brought_and_what_no_row_names_is_told(
    folders: Path, in_bucket: BucketStore, videos: list[Video]
) -> None:
    old = on_disk(folders)
    old.write_once(f"{TRASH}/20260101T000000Z-abc/99/1/a", "thrown away")
    old.write_once("98/1/a", "unnamed")
    old.write_once(f"{videos[0].transcode_id}/1/.work/0-token/a", "half a chunk of a worker that died")
    said = move("bucket")
    assert in_bucket.read(f"{TRASH}/20260101T000000Z-abc/99/1/a") == b"thrown away"
    assert "1 things that no row names stay" in said
    assert old.sizes("").keys() - {".installation"} == {
        "98/1/a",
        f"{videos[0].transcode_id}/1/.work/0-token/a",
    }


def test_uploaded_files_are_moved_as_videos_are(folders: Path, bucket: BucketAddress) -> None:
    folder, other = FolderStore("uploads", folders / "uploads"), BucketStore("uploads", bucket)
    folder.write_once("videos/a.mp4", "a video")
    folder.write_once("partial/0-1", "still arriving")
    pair = StorePair(other, folder)
    moving = Moving(pair, grace_s=0.0, tell=lambda size: None)
    moving.bring("videos/a.mp4")
    moving.finish(lambda left_s: None)
    assert (moving.files, moving.bytes, moving.faults) == (1, 7, [])
    assert other.read("videos/a.mp4") == b"a video"
    assert folder.sizes("") == {"partial/0-1": 14}


def test_a_folder_that_a_killed_move_has_emptied_keeps_nobody_from_moving_the_rest(
    folders: Path, in_bucket: BucketStore, videos: list[Video]
) -> None:
    emptied = version_folder(videos[0].transcode_id, 1)
    for file in [path for path in emptied.rglob("*") if path.is_file()]:
        file.unlink()
    pair = stores.versions()
    assert isinstance(pair, StorePair)
    moving = Moving(pair, grace_s=0.0, tell=lambda size: None)
    moving.bring(f"{videos[0].transcode_id}/1")
    moving.bring(f"{videos[1].transcode_id}/1")
    moving.finish(lambda left_s: None)
    assert moving.faults == []
    assert moving.files == len(in_bucket.sizes(f"{videos[1].transcode_id}/1")) > 0


KILLED = """
import sys
from pathlib import Path
from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from hls.store.folder import FolderStore
from hls.store.moving import Moving
from hls.store.pair import StorePair
to, root, bucket, prefix, endpoint, region, key_id, secret = sys.argv[1:]
address = BucketAddress(bucket, prefix, endpoint, region, key_id, secret)
stores = [BucketStore("hls", address), FolderStore("hls", Path(root))]
moving = Moving(StorePair(*(stores if to == "bucket" else stores[::-1])), grace_s=0.0, tell=lambda size: None)
for number in range(1, 13):
    moving.bring(f"{number}/1")
    print(number, flush=True)
moving.finish(lambda left_s: None)
assert not moving.faults, moving.faults
"""


@pytest.mark.parametrize("to", ["bucket", "disk"])
def test_a_move_that_is_killed_goes_on_and_each_file_is_whole_all_the_while(
    tmp_path: Path, bucket: BucketAddress, to: str
) -> None:
    """Killed at five random moments; a reader compares all files with their digests from the beginning to the end."""
    folder, other = FolderStore("hls", tmp_path / "moved"), BucketStore("hls", bucket)
    pair = StorePair(other, folder) if to == "bucket" else StorePair(folder, other)
    chance = random.Random(7)
    digests: dict[str, str] = {}
    for number in range(1, 13):
        made = tmp_path / "made"
        for name in (f"480p/segment_00{index}.ts" for index in range(4)):
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(chance.randbytes(chance.randrange(1, 60_000)))
            digests[f"{number}/1/{name}"] = hashlib.md5((made / name).read_bytes(), usedforsecurity=False).hexdigest()
        pair.second.put_in(
            pair.second.stage(made, f"{number}/1/.work/0", go_on=lambda: None), f"{number}/1", still_ours=lambda: None
        )
        pair.second.remove(f"{number}/1/.work")
    wrong: list[str] = []
    over = threading.Event()

    def read_all_the_while() -> None:
        while not over.is_set():
            key = chance.choice(list(digests))
            if hashlib.md5(pair.read(key), usedforsecurity=False).hexdigest() != digests[key]:
                wrong.append(key)

    reader = threading.Thread(target=read_all_the_while)
    reader.start()
    address = [bucket.bucket, bucket.prefix, bucket.endpoint_url or "", bucket.region]
    words = [
        sys.executable,
        "-c",
        KILLED,
        to,
        str(folder.root),
        *address,
        bucket.access_key_id,
        bucket.secret_access_key,
    ]
    try:
        for _ in range(5):
            process = subprocess.Popen(words, stdout=subprocess.PIPE)
            assert process.stdout is not None
            for _line in range(chance.randrange(1, 4)):
                process.stdout.readline()
            time.sleep(chance.random() / 20)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    finally:
        over.set()
        reader.join()
    assert wrong == []
    assert {key: pair.first.digest(key) for key in digests} == digests
    assert all(not pair.second.exists(key) for key in digests)
