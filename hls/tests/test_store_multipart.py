"""Large objects of a bucket, against a real one: parts by number, lost answers, what is begun and not ended."""

import os
from pathlib import Path

import pytest

from hls.store import multipart, sections
from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from hls.store.contents import digest_told
from hls.store.folder import FolderStore
from hls.store.interface import StoreFailed
from hls.store.multipart import Multipart, ObjectPart
from hls.store.sections import FileSection, least_part_bytes, part_bytes, sections_of

pytestmark = pytest.mark.bucket

LEAST = sections.LEAST_PART_BYTES
KEY = "videos/a.mp4"


@pytest.fixture
def store(bucket: BucketAddress) -> BucketStore:
    return BucketStore("uploads", bucket)


def put(store: BucketStore, begun: Multipart, number: int, data: bytes, folder: Path) -> ObjectPart:
    path = folder / "part"
    path.write_bytes(b"before" + data)
    with path.open("rb", buffering=0) as file:
        return store.put(begun, number, FileSection(file, 6, len(data)))


def begun_keys(store: BucketStore) -> list[str]:
    return [found.multipart.key for found in store.begun()]


def test_parts_count_by_number_and_those_that_are_not_named_are_left_out(store: BucketStore, tmp_path: Path) -> None:
    begun = store.begin(KEY)
    wanted, given_up = os.urandom(LEAST), os.urandom(LEAST)
    last = put(store, begun, 9, b"end", tmp_path)
    first = put(store, begun, 2, wanted, tmp_path)
    put(store, begun, 5, given_up, tmp_path)
    assert not store.exists(KEY)
    assert begun_keys(store) == [KEY]
    store.complete(begun, [first, last])
    assert store.read(KEY) == wanted + b"end"
    assert begun_keys(store) == []
    store.complete(begun, [first, last])  # by somebody who has not got the first answer


def test_a_part_that_the_bucket_does_not_have_makes_no_object(store: BucketStore, tmp_path: Path) -> None:
    begun = store.begin(KEY)
    part = put(store, begun, 1, b"there", tmp_path)
    for wrong in (ObjectPart(2, 5, part.etag), ObjectPart(1, 5, f'"{"0" * 32}"')):
        with pytest.raises(FileNotFoundError):
            store.complete(begun, [wrong])
    store.abort(begun)
    store.abort(begun)
    with pytest.raises(FileNotFoundError):
        store.complete(begun, [part])
    with pytest.raises(FileNotFoundError):
        put(store, begun, 3, b"late", tmp_path)
    assert not store.exists(KEY)


def test_a_failed_answer_to_the_last_step_is_right_where_the_object_is_there(
    store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = store.begin(KEY)
    part = put(store, begun, 1, b"there", tmp_path)
    store.complete(begun, [part])
    gone = Multipart(KEY, "nobody-knows-this")
    store.complete(gone, [part])
    with pytest.raises(FileNotFoundError):
        store.complete(gone, [ObjectPart(1, 6, part.etag)])


def test_the_bucket_copies_ranges_of_other_objects(store: BucketStore, tmp_path: Path) -> None:
    source = os.urandom(LEAST + 1000)
    (tmp_path / "source").write_bytes(source)
    store.put_file(tmp_path / "source", "partial/1")
    begun = store.begin(KEY)
    parts = [store.copy(begun, 1, "partial/1", 500, LEAST + 500), store.copy(begun, 2, "partial/1", 0, 10)]
    store.complete(begun, parts)
    assert store.read(KEY) == source[500 : LEAST + 500] + source[:10]
    with pytest.raises(FileNotFoundError):
        store.copy(store.begin(KEY), 1, "partial/2", 0, 10)


def test_a_file_that_was_broken_off_goes_on_with_the_parts_that_are_right(
    store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "USUAL_PART_BYTES", LEAST)
    file, sent, send = tmp_path / "a.mp4", list[int](), BucketStore.put
    file.write_bytes(os.urandom(3 * LEAST + 7))

    def killed(self: BucketStore, begun: Multipart, number: int, data: FileSection) -> ObjectPart:
        if number == 3:
            raise StoreFailed(5, "killed")
        return send(self, begun, number, data)

    def counted(self: BucketStore, begun: Multipart, number: int, data: FileSection) -> ObjectPart:
        sent.append(number)
        return send(self, begun, number, data)

    monkeypatch.setattr(BucketStore, "put", killed)
    with pytest.raises(StoreFailed):
        store.put_file(file, KEY)
    begun = next(found.multipart for found in store.begun())
    there = store.parts(begun)
    assert 3 not in there
    assert store.begun_like("videos/") == KEY
    put_whole = {1, 2, 4} & there.keys()
    with file.open("rb+") as opened:
        opened.write(b"changed since")
    monkeypatch.setattr(BucketStore, "put", counted)
    store.put_file(file, KEY)
    assert sorted(sent) == sorted({1, 2, 3, 4} - (put_whole - {1}))
    assert store.read(KEY) == file.read_bytes()
    assert store.begun_like("videos/") is None


def test_an_object_larger_than_one_request_copies_is_moved_whole(
    store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "COPIED_AT_ONCE", LEAST)
    monkeypatch.setattr("hls.store.bucket.COPIED_AT_ONCE", LEAST)
    content = os.urandom(2 * LEAST + 100)
    (tmp_path / "a").write_bytes(content)
    store.put_file(tmp_path / "a", KEY)
    store.move(KEY, f".trash/1/{KEY}")
    assert not store.exists(KEY)
    assert store.read(f".trash/1/{KEY}") == content


def test_the_digest_beside_an_object_goes_with_it(
    store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that came in parts is found by nothing else but reading all of it."""
    monkeypatch.setattr(multipart, "COPIED_AT_ONCE", LEAST)
    monkeypatch.setattr("hls.store.bucket.COPIED_AT_ONCE", LEAST)
    monkeypatch.setattr(sections, "USUAL_PART_BYTES", LEAST)
    folder, content = FolderStore("uploads", tmp_path), os.urandom(2 * LEAST + 100)
    (tmp_path / "a").write_bytes(content)

    def told(key: str) -> str:
        address = store.address_of_bucket
        found = store._client.head_object(Bucket=address.bucket, Key=store._object(key))
        return digest_told(found) or ""

    opened = folder.open("a")
    store.take(KEY, opened, folder.digest("a"))
    opened.close()
    assert told(KEY) == folder.digest("a")
    store.touch(KEY)
    store.move(KEY, f".trash/1/{KEY}")
    assert told(f".trash/1/{KEY}") == folder.digest("a")


def test_a_copy_that_fails_leaves_nothing_behind(store: BucketStore) -> None:
    with pytest.raises(FileNotFoundError):
        store.copy_object("videos/none", KEY, 100)
    assert begun_keys(store) == []


@pytest.mark.parametrize("length", [0, 1, 45 << 30, 150 << 30, 5 << 40])
def test_ten_thousand_numbers_suffice(length: int) -> None:
    least = least_part_bytes(length)
    assert least >= LEAST
    assert length / least <= sections.MOST_WHOLE_PARTS
    assert part_bytes(length) >= least


def test_a_section_is_read_as_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    with (tmp_path / "a").open("rb", buffering=0) as file:
        section = FileSection(file, 3, 4)
        assert (section.read(3), section.read(3), section.read(3)) == (b"345", b"6", b"")
        assert (section.seek(-2, os.SEEK_END), section.read(), section.seek(1), section.tell()) == (2, b"56", 1, 1)
        assert [section.size_bytes for section in sections_of(file, 10)] == [10]
