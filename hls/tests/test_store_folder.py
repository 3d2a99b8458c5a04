"""A store that is a folder: what it keeps, and what readers and other programs see meanwhile."""

import os
from io import FileIO
from pathlib import Path

import pytest

from hls.store.folder import FolderStore, tree_bytes
from hls.store.interface import Place, StoreEntry


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore("hls", tmp_path / "hls")


def filled(folder: Path, *names: str, text: str | None = None) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name if text is None else text)
    return folder


def never() -> None:
    raise AssertionError("a rename need not ask")


def put_in(store: FolderStore, folder: Path, key: str) -> None:
    store.put_in(store.stage(folder, f"{key}/.work/3-token", go_on=never), key, still_ours=never)


def test_putting_in_keeps_the_folders_and_leaves_no_file_behind(store: FolderStore, tmp_path: Path) -> None:
    private = filled(tmp_path / "private", "480p/segment_000.ts", "720p/segment_000.ts", "tiles/00000.jpg")
    put_in(store, private, "12/1")
    assert [path for path in private.rglob("*") if path.is_file()] == []
    assert store.read("12/1/720p/segment_000.ts") == b"720p/segment_000.ts"
    assert store.size_bytes("12/1") == len("480p/segment_000.ts") * 2 + len("tiles/00000.jpg")


def test_a_private_folder_in_the_store_itself_is_put_in_without_a_trace(store: FolderStore) -> None:
    private = filled(store.root / "12/1/.work/3-token", "480p/segment_000.ts")
    put_in(store, private, "12/1")
    store.remove("12/1/.work")
    assert store.entries("12/1") == [StoreEntry("480p", is_folder=True)]


def test_a_reader_keeps_the_file_that_it_has_open(store: FolderStore, tmp_path: Path) -> None:
    """A rename replaces the name, not the bytes."""
    put_in(store, filled(tmp_path / "private", "a", text="old"), "1")
    opened = store.open("1/a")
    put_in(store, filled(tmp_path / "private", "a", text="new"), "1")
    assert opened.read(0, 3) == b"old"
    assert store.read("1/a") == b"new"
    opened.close()


def test_an_open_file_has_the_validators_of_nginx(store: FolderStore) -> None:
    filled(store.root, "1/a", text="0123456789")
    stat = (store.root / "1/a").stat()
    opened = store.open("1/a")
    assert (opened.size_bytes, opened.modified_at) == (10, int(stat.st_mtime))
    assert opened.etag == f'"{int(stat.st_mtime):x}-a"'
    opened.close()


def test_a_part_ends_where_it_ends_and_can_be_sent_by_the_system(store: FolderStore) -> None:
    filled(store.root, "1/a", text="0123456789")
    part = store.open("1/a").stream(2, 5)
    assert [part.read(3), part.read(3), part.read(3), part.read()] == [b"234", b"56", b"", b""]
    with FileIO(part.fileno(), closefd=False) as same:
        assert same.tell() == 7
    part.close()


def test_names_directly_below_are_sorted_and_files_have_none_below(store: FolderStore) -> None:
    filled(store.root, "10/1/a", "9/1/a", ".installation", "9/b")
    assert [entry.name for entry in store.entries("")] == [".installation", "10", "9"]
    assert store.entries("9") == [StoreEntry("1", is_folder=True), StoreEntry("b", is_folder=False)]
    assert store.entries("9/b") == []


def test_what_can_not_be_removed_does_not_keep_the_rest(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store.root, "1/a", "1/b", "1/c")
    unlink = __import__("os").unlink

    def refused(name: str, **options: object) -> None:
        if name == "b":
            raise PermissionError(13, "Permission denied", name)
        unlink(name, **options)

    monkeypatch.setattr("os.unlink", refused)
    with pytest.raises(PermissionError):
        store.remove("1")
    assert [entry.name for entry in store.entries("1")] == ["b"]


def test_a_place_is_the_same_whoever_has_made_it(tmp_path: Path) -> None:
    one, other = (Place(FolderStore("hls", tmp_path), "12/1").below("480p") for _ in range(2))
    assert one == other
    assert (one.key, one.name, str(one)) == ("12/1/480p", "480p", f"{tmp_path}/12/1/480p")
    assert one.with_ending(".gz").key == "12/1/480p.gz"


def test_the_size_of_a_tree_counts_files_at_any_depth(tmp_path: Path) -> None:
    assert tree_bytes(filled(tmp_path, "a/b/c", "a/d", text="xyz")) == 6
    assert tree_bytes(tmp_path / "gone") == 0


def test_a_file_is_young_once_it_is_put_in_or_touched(store: FolderStore, tmp_path: Path) -> None:
    file, kept = tmp_path / "a.mp4", store.root / "videos/a.mp4"
    file.write_text("video")
    os.utime(file, (1, 1))
    store.put_file(file, "videos/a.mp4")
    assert store.modified_at("videos/a.mp4") > 1
    os.utime(kept, (1, 1))
    store.touch("videos/a.mp4")
    assert store.modified_at("videos/a.mp4") > 1
    assert [path.name for path in kept.parent.iterdir()] == ["a.mp4"]
