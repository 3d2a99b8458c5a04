"""Where files of this machine lie: names from rows never lead out of the folders."""

from pathlib import Path

import pytest

from hls import folders


@pytest.fixture(autouse=True)
def root(studio: Path) -> Path:
    (studio / "uploads" / "videos").mkdir(parents=True)
    return studio


@pytest.mark.parametrize("source", ["videos/a.mp4", "videos/../videos/a.mp4", "a b;c.mp4", "\u4e2d.mp4", "..a/b"])
def test_a_source_lies_below_the_upload_folder(root: Path, source: str) -> None:
    path = folders.source_path(source)
    assert path.is_absolute()
    assert path.is_relative_to((root / "uploads").resolve())


@pytest.mark.parametrize("source", ["../secret", "/etc/passwd", "videos/../../secret", "../uploads-of-another/a.mp4"])
def test_a_source_elsewhere_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="upload folder"):
        folders.source_path(source)


def test_a_link_that_leads_elsewhere_is_refused(root: Path) -> None:
    (root / "secret").write_text("x")
    (root / "uploads" / "videos" / "link.mp4").symlink_to(root / "secret")
    with pytest.raises(ValueError, match="upload folder"):
        folders.source_path("videos/link.mp4")


def test_an_upload_folder_that_is_itself_a_link_is_fine(root: Path, settings: object) -> None:
    (root / "elsewhere").symlink_to(root / "uploads")
    settings.MEDIA_ROOT = root / "elsewhere"  # type: ignore[attr-defined]
    assert folders.source_path("videos/a.mp4") == (root / "uploads" / "videos" / "a.mp4").resolve()


def test_claims_on_one_chunk_have_folders_of_their_own(root: Path) -> None:
    one, other = (folders.chunk_folder(7, 2, 3, token) for token in ("a", "b"))
    assert one == root / "hls" / "7" / "2" / ".work" / "3-a"
    assert one != other
    assert folders.finish_folder(7, 2, "a") not in (one, other)


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    folders.remove(tmp_path / "gone")
    (tmp_path / "there" / "deep").mkdir(parents=True)
    folders.remove(tmp_path / "there")
    assert list(tmp_path.glob("there*")) == []
