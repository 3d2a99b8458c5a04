"""Where files lie: names from rows never lead out of the folders, and moving in replaces whole files."""

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


def test_moving_in_keeps_the_folders_and_leaves_no_file_behind(tmp_path: Path) -> None:
    private, version = tmp_path / "private", tmp_path / "version"
    for name in ("480p/segment_000.ts", "720p/segment_000.ts", "tiles/00000.jpg"):
        (private / name).parent.mkdir(parents=True, exist_ok=True)
        (private / name).write_text(name)
    folders.move_in(private, version)
    assert [path for path in private.rglob("*") if path.is_file()] == []
    assert (version / "720p/segment_000.ts").read_text() == "720p/segment_000.ts"
    assert folders.size_bytes(version) == len("480p/segment_000.ts") * 2 + len("tiles/00000.jpg")


def test_moving_the_same_chunk_in_twice_is_harmless(tmp_path: Path) -> None:
    """After a crash between the files and the row."""
    for _ in range(2):
        (tmp_path / "private" / "480p").mkdir(parents=True, exist_ok=True)
        (tmp_path / "private" / "480p" / "segment_000.ts").write_text("x")
        folders.move_in(tmp_path / "private", tmp_path / "version")
    assert [path.name for path in (tmp_path / "version" / "480p").iterdir()] == ["segment_000.ts"]


def test_a_reader_keeps_the_file_that_it_has_open(tmp_path: Path) -> None:
    """A rename replaces the name, not the bytes."""
    version = tmp_path / "version"
    version.mkdir()
    (version / "a").write_text("old")
    with (version / "a").open() as reader:
        (tmp_path / "private").mkdir()
        (tmp_path / "private" / "a").write_text("new")
        folders.move_in(tmp_path / "private", version)
        assert reader.read() == "old"
    assert (version / "a").read_text() == "new"


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    folders.remove(tmp_path / "gone")
    (tmp_path / "there" / "deep").mkdir(parents=True)
    folders.remove(tmp_path / "there")
    assert list(tmp_path.glob("there*")) == []
