"""Importing files with odd names, and imports that are cut short: one whole video, or nothing."""

import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from hls import lifecycle
from hls.models import State, Transcode
from hls.stores import uploads as uploads_store
from library.errors import FileRefused
from library.importing import check_file
from library.kinds import EXTENSIONS
from library.models import Video
from library.videos import add_video

pytestmark = pytest.mark.django_db

CONTENT = b"a video, perhaps"


def original(folder: Path, name: str | bytes) -> Path:
    path = folder / os.fsdecode(name)
    path.write_bytes(CONTENT)
    return path


def uploads(folders: Path) -> list[Path]:
    return [path for path in (folders / "uploads").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (b"caf\xe9.mp4", "caf\ufffd.mp4"),  # as Latin-1 file systems have it
        (b"\xff\xfe.mkv", "\ufffd\ufffd.mkv"),
        ("\u6d77\u6e2f.mp4".encode(), "\u6d77\u6e2f.mp4"),
        (b"-y.mp4", "-y.mp4"),
        (b"a\nb.mp4", "a\nb.mp4"),
        (b"%s;$(id).mp4", "%s;$(id).mp4"),
        (b"VIDEO.MP4", "VIDEO.MP4"),
        (b"a.b.mp4", "a.b.mp4"),
    ],
)
def test_a_file_of_any_name_is_added_and_its_name_is_a_label(folders: Path, name: bytes, label: str) -> None:
    video = add_video(original(folders, name), title="Harbour")
    video.refresh_from_db()
    assert video.original_name == label
    assert Path(video.video_file.path).read_bytes() == CONTENT
    assert Path(video.video_file.name or "").stem.isalnum(), "stored under a name of our own"
    assert (video.transcode.state, video.transcode.source) == (State.QUEUED, video.video_file.name)


@pytest.mark.parametrize("extension", [*EXTENSIONS, *(extension.upper() for extension in EXTENSIONS)])
def test_every_extension_of_the_list_is_taken_in_any_case(folders: Path, extension: str) -> None:
    check_file(original(folders, f"a.{extension}"))


@pytest.mark.parametrize("name", ["a", "a.", ".mp4", "a.mp4.exe", "a.mp4 ", "a.m3u8", "a.mp\u2074"])
def test_other_extensions_are_refused_with_those_that_are_taken(folders: Path, name: str) -> None:
    with pytest.raises(FileRefused, match=r"accepted are \.mp4, \.mov"):
        check_file(original(folders, name))


def test_folders_pipes_and_nothing_are_no_files(folders: Path) -> None:
    (folders / "folder.mp4").mkdir()
    os.mkfifo(folders / "pipe.mp4")
    (folders / "broken.mp4").symlink_to(folders / "gone.mp4")
    for name in ("folder.mp4", "pipe.mp4", "broken.mp4", "gone.mp4"):
        with pytest.raises(FileRefused, match="is not a file"):
            check_file(folders / name)


def test_a_link_to_a_video_is_a_video(folders: Path) -> None:
    original(folders, "a.mp4")
    (folders / "link.mkv").symlink_to(folders / "a.mp4")
    video = add_video(folders / "link.mkv", title="Linked")
    path = Path(video.video_file.path)
    assert (path.suffix, path.is_symlink(), path.read_bytes()) == (".mkv", False, CONTENT)


def test_the_original_stays_as_it_was(folders: Path) -> None:
    path = original(folders, "a.mp4")
    before = path.stat()
    video = add_video(path, title="Harbour")
    assert (path.stat().st_ino, path.read_bytes()) == (before.st_ino, CONTENT)
    assert Path(video.video_file.path).stat().st_ino != before.st_ino, "a copy of its own"


def test_a_copy_that_fails_leaves_nothing(folders: Path) -> None:
    target = folders / "uploads" / "videos" / "a.mp4"
    with pytest.raises(FileNotFoundError):
        uploads_store().put_file(folders / "gone.mp4", "videos/a.mp4")
    target.mkdir(parents=True)  # in the way of the last step
    with pytest.raises(IsADirectoryError):
        uploads_store().put_file(original(folders, "a.mp4"), "videos/a.mp4")
    assert uploads(folders) == []


def test_a_copy_has_no_final_name_before_it_is_whole(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def look(descriptor: int) -> None:
        seen.append([path.name for path in uploads(folders)])

    monkeypatch.setattr(os, "fsync", look)
    uploads_store().put_file(original(folders, "a.mp4"), "videos/b.mp4")
    assert seen == [[".b.mp4"]]
    assert [path.name for path in uploads(folders)] == ["b.mp4"]


def test_a_video_that_can_not_be_saved_leaves_no_transcode(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Video, *arguments: object, **options: object) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(Video, "save", broken)
    with pytest.raises(DatabaseError):
        add_video(original(folders, "a.mp4"), title="Harbour")
    assert not Transcode.objects.exists()


def test_a_long_name_is_shortened_to_what_a_row_holds(folders: Path) -> None:
    video = add_video(original(folders, "x" * 251 + ".mp4"), title="Harbour")
    assert len(video.original_name) == 255


@pytest.mark.parametrize("options", [{"category": "western"}, {}])
def test_wrong_arguments_are_told_before_anything_is_copied(folders: Path, options: dict[str, str]) -> None:
    path = original(folders, "a.mp4")
    arguments = [str(path), *(f"--{name}={value}" for name, value in options.items())]
    with pytest.raises(CommandError):
        call_command("import_video", *arguments)
    assert uploads(folders) == []


def test_title_category_and_description_are_kept(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = original(folders, "a.mp4")
    call_command("import_video", str(path), "--title", "  \u00dcber 50 % \u201eHafen\u201c ", "--category", "vlog")
    video = Video.objects.get()
    assert (video.title, video.category, video.description) == ("\u00dcber 50 % \u201eHafen\u201c", "vlog", "")
    assert capsys.readouterr().out.splitlines()[-1] == str(video.pk)


@pytest.mark.parametrize(
    ("state", "says"), [(State.CANCELLED, "was cancelled"), (State.FAILED, "no_video: The file has no picture track")]
)
def test_waiting_ends_with_the_videos_end(
    folders: Path, monkeypatch: pytest.MonkeyPatch, state: State, says: str
) -> None:
    """The worker, or somebody in the admin, is quicker than the first look."""
    submit = lifecycle.submit

    def submit_and_end(source: str) -> Transcode:
        made = submit(source)
        Transcode.objects.filter(pk=made.pk).update(state=state, error_code="no_video")
        return made

    monkeypatch.setattr(lifecycle, "submit", submit_and_end)
    with pytest.raises(CommandError, match=says):
        call_command("import_video", str(original(folders, "a.mp4")), "--title", "Harbour", "--wait")
