"""Whether a folder is this database's, before anything is removed from it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hls import identity
from hls.errors import NotOurs
from hls.identity import FILE, Share
from hls.models import Installation
from hls.store.folder import FolderStore

pytestmark = pytest.mark.django_db


def store(root: Path) -> FolderStore:
    return FolderStore("hls", root)


def holding(named: int, unnamed: int) -> Callable[[], Share]:
    return lambda: Share(named, unnamed)


@pytest.mark.parametrize(("named", "unnamed"), [(0, 0), (100, 0), (100, 100)])
def test_a_folder_that_is_new_or_mostly_named_is_taken_up(tmp_path: Path, named: int, unnamed: int) -> None:
    root = tmp_path / "new"
    identity.take_up(store(root), holding(named, unnamed))
    assert (root / FILE).read_text() == str(Installation.objects.get().identity)
    assert [path.name for path in root.iterdir()] == [FILE]


@pytest.mark.parametrize(("named", "unnamed"), [(0, 1), (3, 4), (0, 20_000)])
def test_a_folder_that_others_have_filled_is_refused(tmp_path: Path, named: int, unnamed: int) -> None:
    with pytest.raises(NotOurs, match=f"names {named} of the {named + unnamed} videos.*--adopt"):
        identity.take_up(store(tmp_path), holding(named, unnamed))
    assert not (tmp_path / FILE).exists()


def never() -> Share:
    raise AssertionError("nobody need look at what is in there")


def test_a_folder_that_was_taken_up_stays_ours_whatever_is_in_it(tmp_path: Path) -> None:
    identity.take_up(store(tmp_path), holding(0, 0))
    identity.take_up(store(tmp_path), never)
    assert identity.doubt(store(tmp_path), never) is None


@pytest.mark.parametrize("text", ["", "garbled\n", "5e3c3e0e-0a63-4c53-94c1-2c80f7d0f9a6"])
def test_another_installations_folder_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(NotOurs, match="another installation"):
        identity.take_up(store(tmp_path), never)
    assert (tmp_path / FILE).read_text() == text


def test_asking_leaves_no_trace(tmp_path: Path) -> None:
    """Health checks and start-up checks ask; they must not make a folder this database's."""
    assert identity.doubt(store(tmp_path), holding(0, 0)) is None
    assert not list(tmp_path.iterdir())
    assert not Installation.objects.exists()


def test_an_adopted_folder_is_ours(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("another")
    identity.adopt(store(tmp_path))
    assert identity.doubt(store(tmp_path), never) is None
