"""Two stores of which an installation uses both: what is new goes to the first, and each file is found in either."""

from pathlib import Path
from typing import Any

import pytest

from hls import identity, stores
from hls.errors import NotOurs
from hls.folders import chunk_folder, hls_root
from hls.identity import Share
from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from hls.store.folder import ARRIVING, FolderStore
from hls.store.interface import Staged, Store, StoreEntry, StoreFailed
from hls.store.pair import StorePair
from hls.store.sharing import NotLinked

pytestmark = pytest.mark.bucket

SMALLEST_PART = 5 * 2**20  # that S3 takes


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore("hls", tmp_path / "hls")


@pytest.fixture(params=["to the bucket", "to the disk"])
def pair(request: pytest.FixtureRequest, folder: FolderStore, bucket: BucketAddress) -> StorePair:
    other = BucketStore("hls", bucket)
    return StorePair(other, folder) if request.param == "to the bucket" else StorePair(folder, other)


def never() -> None:
    raise AssertionError("nothing was in the way")


def test_what_is_shared_with_this_machine_is_shared_by_the_first_store_alone(pair: StorePair, tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"video")
    if pair.is_on_disk:
        pair.link_file(file, "videos/a.mp4")
        assert pair.first.exists("videos/a.mp4")
    else:
        with pytest.raises(NotLinked, match="kept in a bucket"):
            pair.link_file(file, "videos/a.mp4")
    assert pair.clone_file(file, "videos/b.mp4") == pair.first.exists("videos/b.mp4")
    assert not pair.second.entries("videos")


def staged(store: Store, folder: Path, text: str) -> Staged:
    folder.mkdir(exist_ok=True)
    for name in ("a", "b"):
        (folder / name).write_text(f"{text} {name}")
    return store.stage(folder, "1/1/.work/0-token", go_on=lambda: None)


def test_what_is_new_goes_to_the_first_and_both_are_read(pair: StorePair) -> None:
    pair.second.write_once("1/1/old", "old")
    pair.write_once("1/1/new", "new!")
    assert (pair.first.exists("1/1/new"), pair.second.exists("1/1/new")) == (True, False)
    assert (pair.read("1/1/old"), pair.read("1/1/new")) == (b"old", b"new!")
    assert pair.sizes("1/1") == {"old": 3, "new": 4}
    assert (pair.size_bytes("1/1"), pair.size_bytes("1/1/old"), pair.size_bytes("1/1/new")) == (7, 3, 4)
    assert pair.entries("1/1") == [StoreEntry("new", is_folder=False), StoreEntry("old", is_folder=False)]
    for name in ("old", "new"):
        with pair.as_file(f"1/1/{name}") as path:
            assert path.read_text().startswith(name)
    opened = pair.open("1/1/old")
    assert opened.read(1, 2) == b"ld"
    opened.close()
    assert pair.exists("1/1/old")
    assert not pair.exists("1/2")
    with pytest.raises(FileNotFoundError):
        pair.read("1/1/gone")
    with pytest.raises(FileNotFoundError), pair.as_file("1/1/gone"):
        pass


def test_nothing_is_written_twice(pair: StorePair) -> None:
    pair.second.write_once("a", "there")
    pair.write_once("a", "again")
    assert not pair.first.exists("a")


def test_what_a_dead_worker_has_left_in_the_other_place_is_not_found_any_more(pair: StorePair, tmp_path: Path) -> None:
    pair.second.write_once("1/1/a", "of the dead")
    pair.put_in(staged(pair, tmp_path / "private", "mine"), "1/1", still_ours=lambda: None)
    assert (pair.read("1/1/a"), pair.read("1/1/b")) == (b"mine a", b"mine b")
    assert not pair.second.exists("1/1/a")


def test_whoever_has_lost_the_claim_removes_nothing(pair: StorePair, tmp_path: Path) -> None:
    pair.second.write_once("1/1/a", "of another")
    with pytest.raises(AssertionError):
        pair.put_in(staged(pair, tmp_path / "private", "mine"), "1/1", still_ours=never)
    assert pair.second.read("1/1/a") == b"of another"


def test_what_is_in_both_is_moved_and_removed_in_both(pair: StorePair) -> None:
    for part, name in zip(pair.members, ("a", "b"), strict=True):
        part.write_once(f"1/1/{name}", name)
    pair.move("1/1", ".trash/x/1/1")
    assert pair.sizes(".trash/x") == {"1/1/a": 1, "1/1/b": 1}
    pair.move(".trash/x/1/1", "1/1")
    assert pair.sizes(".trash/x") == {}
    pair.remove("1/1/a")
    pair.remove("1")
    assert not pair.exists("1")
    with pytest.raises(FileNotFoundError):
        pair.move("1/1", "1/2")


def test_the_edge_looks_on_the_disk_for_what_is_there(pair: StorePair, folder: FolderStore) -> None:
    folder.write_once("1/1/a", "on the disk")
    assert (pair.has_on_disk("1/1"), pair.has_on_disk("1/2")) == (True, False)
    assert pair.address("1/1/a") == folder.address("1/1/a")
    assert pair.address("1/2").startswith("s3://")


def test_a_file_is_read_from_the_disk_while_the_bucket_is_away(folder: FolderStore, bucket: BucketAddress) -> None:
    away = BucketStore("hls", BucketAddress("b", "", "http://127.0.0.1:1", "us-east-1", "k", "s"))
    folder.write_once("1/1/a", "on the disk")
    assert StorePair(away, folder).read("1/1/a") == b"on the disk"


def test_a_file_that_is_moved_meanwhile_is_found(pair: StorePair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is asked first, it has nothing yet, and the bucket has nothing any more."""
    source = type(pair.second)
    pair.second.write_once("1/1/a", "whole")
    reading = source.read

    def moved_just_before(store: Any, key: str) -> bytes:
        if pair.second.exists(key):
            pair.first.write_once(key, "whole")
            pair.second.remove(key)
        return reading(store, key)

    monkeypatch.setattr(source, "read", moved_just_before)
    assert pair.read("1/1/a") == b"whole"
    assert pair.first.exists("1/1/a")
    assert not pair.second.exists("1/1/a")


@pytest.mark.parametrize("size", [0, 10, SMALLEST_PART + 1])
def test_a_file_is_taken_from_the_other_store(pair: StorePair, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("hls.store.sections.USUAL_PART_BYTES", SMALLEST_PART)
    pair.second.write_once("1/1/a", "x" * size)
    opened, digest = pair.second.open("1/1/a"), pair.second.digest("1/1/a")
    pair.first.take("1/1/a", opened, digest)
    opened.close()
    assert pair.first.read("1/1/a") == b"x" * size
    assert pair.first.digest("1/1/a") == digest
    opened = pair.second.open("1/1/a")
    with pytest.raises(FileExistsError):
        pair.first.take("1/1/a", opened, digest)
    opened.close()
    pair.second.remove_files(["1/1/a", "1/1/gone"])
    assert not pair.second.exists("1/1/a")


def test_folders_in_which_nothing_is_left_are_removed_with_their_files(folder: FolderStore) -> None:
    for key in ("1/1/480p/a", "1/2/a", "2/1/a"):
        folder.write_once(key, "a")
    folder.remove_files(["1/1/480p/a", "2/1/a"])
    assert [entry.name for entry in folder.entries("")] == ["1"]
    assert [entry.name for entry in folder.entries("1")] == ["2"]


def test_a_file_that_arrives_with_other_bytes_is_not_there(pair: StorePair, folder: FolderStore) -> None:
    pair.second.write_once("1/1/a", "bytes")
    opened = pair.second.open("1/1/a")
    with pytest.raises(StoreFailed):
        pair.first.take("1/1/a", opened, "0" * 32)
    opened.close()
    assert not pair.first.exists("1/1/a")
    assert folder.entries(ARRIVING) == []


@pytest.mark.parametrize(("store_in", "first"), [(None, False), ("bucket", False), ("disk", True)])
def test_settings_say_where_new_files_go(
    settings: Any, studio: Path, bucket: BucketAddress, store_in: str | None, first: bool
) -> None:
    settings.BUCKET, settings.STORE_IN = bucket, store_in
    FolderStore("hls", hls_root()).write_once("1/1/a", "made before there was a bucket")
    assert [part.is_on_disk for part in stores.versions().members] == [first, not first]


def test_a_folder_in_which_nothing_lies_is_not_looked_into(settings: Any, studio: Path, bucket: BucketAddress) -> None:
    settings.BUCKET = bucket
    chunk_folder(1, 1, 0, "token").mkdir(parents=True)
    assert [part.is_on_disk for part in stores.versions().members] == [False]


@pytest.mark.django_db
def test_each_of_two_stores_says_whose_it_is(pair: StorePair) -> None:
    identity.take_up(pair, lambda: Share(1, 0))
    assert len({part.read(identity.FILE) for part in pair.members}) == 1
    pair.first.remove(identity.FILE)
    pair.first.write_once(identity.FILE, "another's")
    with pytest.raises(NotOurs, match="belongs to another"):
        identity.take_up(pair, lambda: Share(1, 0))
    identity.adopt(pair)
    assert identity.doubt(pair, lambda: Share(0, 9)) is None
