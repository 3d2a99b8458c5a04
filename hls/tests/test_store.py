"""What every store keeps to, whether it is a folder or a bucket."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hls.store.bucket import BucketStore
from hls.store.folder import FolderStore
from hls.store.interface import Place, Store, StoreEntry

KINDS = [pytest.param("folder"), pytest.param("bucket", marks=pytest.mark.bucket)]


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderStore("hls", tmp_path / "hls")
    return BucketStore("hls", request.getfixturevalue("bucket"))


def never() -> None:
    raise AssertionError("nothing was in the way")


@pytest.fixture
def put(store: Store, tmp_path: Path) -> Callable[..., None]:
    """Put files in below a key, as a claim does; each contains its name unless told otherwise."""

    def put_in(key: str, *names: str, text: str | None = None) -> None:
        private = tmp_path / "private"
        for name in names:
            (private / name).parent.mkdir(parents=True, exist_ok=True)
            (private / name).write_text(name if text is None else text)
        store.put_in(store.stage(private, f"{key}/.work/3-token", go_on=lambda: None), key, still_ours=never)
        store.remove(f"{key}/.work/3-token")
        for name in names:
            (private / name).unlink(missing_ok=True)

    return put_in


def listed(store: Store, key: str) -> list[StoreEntry]:
    """What lies below, without folders that are empty by now."""
    return [entry for entry in store.entries(key) if store.exists(f"{key}/{entry.name}".lstrip("/"))]


def test_what_was_put_in_can_be_read(store: Store, put: Callable[..., None]) -> None:
    put("12/1", "480p/segment_000.ts", "720p/segment_000.ts", "master.m3u8")
    assert store.read("12/1/720p/segment_000.ts") == b"720p/segment_000.ts"
    assert store.size_bytes("12/1") == len("480p/segment_000.ts") * 2 + len("master.m3u8")
    assert store.size_bytes("12/1/master.m3u8") == len("master.m3u8")
    assert listed(store, "12/1") == [
        StoreEntry("480p", is_folder=True),
        StoreEntry("720p", is_folder=True),
        StoreEntry("master.m3u8", is_folder=False),
    ]


def test_sizes_are_told_by_what_follows_the_key(store: Store, put: Callable[..., None]) -> None:
    put("12/1", "480p/a", "b")
    put("12/10", "c")
    assert store.sizes("12/1") == {"480p/a": 6, "b": 1}
    assert store.sizes("12/7") == {}


def test_putting_the_same_chunk_in_twice_is_harmless(store: Store, put: Callable[..., None]) -> None:
    """After a crash between the files and the row."""
    for _ in range(2):
        put("12/1", "480p/segment_000.ts", "480p/segment_001.ts")
    assert [entry.name for entry in store.entries("12/1/480p")] == ["segment_000.ts", "segment_001.ts"]


def test_names_that_begin_alike_are_kept_apart(store: Store, put: Callable[..., None]) -> None:
    for key in ("1/1", "1/10", "10/1", "100/1"):
        put(key, "a")
    assert [entry.name for entry in store.entries("")] == ["1", "10", "100"]
    assert [entry.name for entry in listed(store, "1")] == ["1", "10"]
    assert store.size_bytes("1") == 2
    store.remove("1/1")
    assert [store.exists(key) for key in ("1/1", "1/1/a", "1/10/a", "1", "10/1")] == [False, False, True, True, True]
    assert store.read("1/10/a") == b"a"


def test_an_open_file_tells_of_itself_and_is_read_in_parts(store: Store, put: Callable[..., None]) -> None:
    put("12/1", "a", text="0123456789")
    opened = store.open("12/1/a")
    assert opened.size_bytes == 10
    assert opened.modified_at == pytest.approx(store.modified_at("12/1/a"), abs=1)
    assert opened.etag.startswith('"')
    assert opened.etag.endswith('"')
    assert opened.read(3, 4) == b"3456"
    opened.close()


@pytest.mark.parametrize(("start", "length"), [(0, 10), (0, 4), (2, 5), (9, 1), (0, 0)])
def test_a_part_is_read_in_any_steps_and_no_further(
    store: Store, put: Callable[..., None], start: int, length: int
) -> None:
    put("12/1", "a", text="0123456789")
    part = store.open("12/1/a").stream(start, length)
    assert [part.read(3), part.read(0), part.read(), part.read(1)] == [
        b"0123456789"[start : start + min(3, length)],
        b"",
        b"0123456789"[start + 3 : start + length],
        b"",
    ]
    part.close()


def test_a_file_can_be_given_to_other_programs(store: Store, put: Callable[..., None]) -> None:
    put("12/1", "480p/segment_000.ts")
    with store.as_file("12/1/480p/segment_000.ts") as path:
        assert path.name == "segment_000.ts"
        assert path.read_text() == "480p/segment_000.ts"


@pytest.mark.parametrize("key", ["gone", "1/gone", "1/a/gone", "gone/a", "1/a.gz"])
def test_what_is_gone_is_told_in_one_way(store: Store, put: Callable[..., None], key: str) -> None:
    put("1", "a")
    for ask in (store.open, store.read, store.modified_at):
        with pytest.raises(FileNotFoundError):
            ask(key)
    with pytest.raises(FileNotFoundError), store.as_file(key):
        pass
    assert not store.exists(key)
    assert (store.entries(key), store.size_bytes(key)) == ([], 0)
    store.remove(key)


@pytest.mark.parametrize("key", ["..", "../secret", "1/../../secret", "/etc/passwd"])
def test_a_key_that_leads_out_is_refused(store: Store, put: Callable[..., None], key: str) -> None:
    put("1", "a")
    for ask in (store.open, store.read, store.exists, store.entries, store.size_bytes, store.remove):
        with pytest.raises(ValueError, match="leads out"):
            ask(key)
    with pytest.raises(ValueError, match="leads out"):
        store.move("1/a", key)


def test_what_exists_already_is_not_written_again(store: Store) -> None:
    store.write_once(".installation", "ours")
    store.write_once(".installation", "another's")
    assert store.read(".installation") == b"ours"


def test_a_folder_is_moved_and_moved_back(store: Store, put: Callable[..., None]) -> None:
    put("12/1", "480p/a", "b")
    store.move("12", ".trash/batch/12")
    assert not store.exists("12")
    assert store.read(".trash/batch/12/1/480p/a") == b"480p/a"
    store.move(".trash/batch/12/1", "12/1")
    assert store.read("12/1/b") == b"b"
    with pytest.raises(FileNotFoundError):
        store.move("12/7", ".trash/batch/12/7")


def test_names_with_odd_characters_are_kept(store: Store, put: Callable[..., None]) -> None:
    odd = "ä b+c%20?#&='\"~.ts"
    put("12/1", odd)
    assert [entry.name for entry in listed(store, "12/1")] == [odd]
    assert store.read(f"12/1/{odd}").decode() == odd


def test_a_place_says_where_it_is(store: Store) -> None:
    place = Place(store, "12/1").below("480p")
    assert (place.key, place.name) == ("12/1/480p", "480p")
    assert str(place).endswith("hls/12/1/480p")


@pytest.mark.parametrize("content", [b"", b"a picture"])
def test_a_file_of_this_machine_is_copied_whole(store: Store, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    store.put_file(tmp_path / "a", "videos/a.mp4")
    assert store.read("videos/a.mp4") == content
    assert [entry.name for entry in listed(store, "videos")] == ["a.mp4"]
    assert (tmp_path / "a").exists()
    assert store.begun_like("videos/") is None


def test_a_file_that_is_touched_stays_as_it_is(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a picture")
    store.put_file(tmp_path / "a", "videos/a.mp4")
    store.touch("videos/a.mp4")
    assert store.read("videos/a.mp4") == b"a picture"
