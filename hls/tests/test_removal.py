"""The trash: what is moved there, when it is removed for good, and what is put back."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from hls.errors import TooMuch
from hls.removal import TRASH, Trash, check_share, erase
from hls.store.folder import FolderStore
from hls.store.interface import Place


def store(root: Path) -> FolderStore:
    return FolderStore("uploads", root)


def put(root: Path, name: str, text: str = "video") -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return name


def test_a_removed_file_lies_in_the_trash_under_its_name(tmp_path: Path) -> None:
    key = put(tmp_path, "videos/a.mp4")
    trash = Trash(store(tmp_path))
    assert trash.put(key)
    assert not (tmp_path / key).exists()
    assert [(name, place.read()) for name, place in trash.items()] == [(key, b"video")]


def test_a_removed_file_stays_in_the_trash_for_the_days_of_the_setting(tmp_path: Path, settings: Settings) -> None:
    settings.TRASH_DAYS = 7
    Trash(store(tmp_path)).put(put(tmp_path, "videos/a.mp4"))
    for days, left in ((6.9, 1), (7.1, 0)):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            Trash(store(tmp_path)).empty()
        assert len(list(Trash(store(tmp_path)).items())) == left
    assert list((tmp_path / TRASH).iterdir()) == []


def test_with_zero_days_the_next_sweep_removes_for_good(tmp_path: Path, settings: Settings) -> None:
    settings.TRASH_DAYS = 0
    Trash(store(tmp_path)).put(put(tmp_path, "videos/a.mp4"))
    Trash(store(tmp_path)).empty()
    assert list(Trash(store(tmp_path)).items()) == []


def test_what_is_wanted_and_missing_is_put_back(tmp_path: Path) -> None:
    trash = Trash(store(tmp_path))
    for name in ("1/1/segment", "1/2/segment", "2/1/segment"):
        put(tmp_path, name)
    trash.put("1")
    trash.put("2")
    put(tmp_path, "2/1/segment", "a newer one")
    assert trash.restore({"1/2", "2/1", "3/1"}) == ["1/2"]
    assert (tmp_path / "1/2/segment").read_text() == "video"
    assert (tmp_path / "2/1/segment").read_text() == "a newer one"
    assert sorted(name for name, _ in trash.items()) == ["1/1", "2/1"]


def test_the_newest_of_several_with_one_name_is_put_back(tmp_path: Path) -> None:
    for hours, text in enumerate(("old", "new")):
        with time_machine.travel(timezone.now() + timedelta(hours=hours)):
            Trash(store(tmp_path)).put(put(tmp_path, "videos/a.mp4", text))
    assert Trash(store(tmp_path)).restore({"videos/a.mp4"}) == ["videos/a.mp4"]
    assert (tmp_path / "videos/a.mp4").read_text() == "new"


def test_what_is_gone_already_is_no_failure(tmp_path: Path) -> None:
    assert Trash(store(tmp_path)).put("gone")
    assert erase(Place(store(tmp_path), "gone"))


def test_what_can_not_be_removed_is_logged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = Place(store(tmp_path), put(tmp_path, "video"))

    def refused(path: Path, *others: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    with capture_logs() as told:
        assert not any(Trash(video.store).put(video.key) or erase(video) for _ in range(3))
    assert [(line["event"], line["path"], line["reason"]) for line in told] == [
        ("can't be removed", str(video), "Permission denied")
    ]


def test_a_file_and_a_folder_are_erased_and_a_links_target_is_not(tmp_path: Path) -> None:
    kept = tmp_path / put(tmp_path, "kept/video")
    link = tmp_path / "link"
    link.symlink_to(kept.parent)
    put(tmp_path, "folder/file")
    for key in (put(tmp_path, "file"), "folder", "link"):
        assert erase(Place(store(tmp_path), key))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert kept.exists()


@pytest.mark.parametrize(("named", "unnamed"), [(0, 10), (40, 10), (41, 10), (400, 100)])
def test_a_few_things_or_a_quarter_may_be_removed(tmp_path: Path, named: int, unnamed: int) -> None:
    check_share(store(tmp_path), named=named, unnamed=unnamed)


@pytest.mark.parametrize(("named", "unnamed"), [(0, 11), (40, 11), (400, 101), (20_000, 20_000)])
def test_more_than_that_is_refused(tmp_path: Path, named: int, unnamed: int) -> None:
    with pytest.raises(TooMuch, match=f"No row names {unnamed} things.*--yes"):
        check_share(store(tmp_path), named=named, unnamed=unnamed)


def test_files_of_other_programs_in_the_trash_do_no_harm(tmp_path: Path, settings: Settings) -> None:
    """A file manager leaves its own files everywhere."""
    settings.TRASH_DAYS = 7
    trash = Trash(store(tmp_path))
    trash.put(put(tmp_path, "videos/a.mp4"))
    put(tmp_path, f"{TRASH}/.DS_Store")
    trash.empty()
    assert trash.restore({"videos/a.mp4"}) == ["videos/a.mp4"]
