"""How an imported file comes into the upload folder: copied, as a reflink, as a second name, or moved."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from hls import lifecycle
from hls.models import State, Transcode
from hls.store import sharing
from hls.stores import uploads
from library.errors import FileRefused
from library.importing import check_may_go
from library.models import Video
from library.upkeep import strays

pytestmark = pytest.mark.django_db

CONTENT = b"a video, perhaps" * 4096
NOBODY = 65534
MEMORY = Path("/dev/shm")  # a file system that is never the tests' own, and makes no reflinks
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who writes")


def original(folder: Path) -> Path:
    path = folder / "harbour.mp4"
    path.write_bytes(CONTENT)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def imported(path: Path, *options: str) -> Path:
    """The file that the store has, after the command has printed the video's id alone."""
    output = StringIO()
    call_command("import_video", str(path), "--title", "Harbour", *options, stdout=output)
    video = Video.objects.latest("pk")
    assert output.getvalue() == f"{video.pk}\n"
    assert (video.transcode.state, video.original_name) == (State.QUEUED, path.name)
    return Path(video.video_file.path)


def refused(path: Path, *options: str) -> str:
    """What the command says, and that nothing has happened."""
    before = path.stat()
    with pytest.raises(CommandError) as error:
        call_command("import_video", str(path), "--title", "Harbour", *options)
    assert not Video.objects.exists()
    assert strays() == []
    assert (path.stat().st_ino, path.stat().st_nlink) == (before.st_ino, before.st_nlink)
    return str(error.value)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder of another file system."""
    if not MEMORY.is_dir():
        pytest.skip("no /dev/shm here")
    with TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody may enter, unlike those of pytest."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_linked_file_has_a_second_name_in_the_store(folders: Path) -> None:
    path = original(folders)
    kept = imported(path, "--link")
    assert kept.samefile(path)
    assert path.stat().st_nlink == 2


def test_a_moved_file_is_the_same_one_under_another_name(folders: Path) -> None:
    path = original(folders)
    inode = path.stat().st_ino
    kept = imported(path, "--move")
    assert (kept.stat().st_ino, kept.stat().st_nlink, path.exists()) == (inode, 1, False)


@pytest.mark.parametrize("option", ["--link", "--move"])
def test_four_gigabytes_need_neither_room_nor_a_byte_written(folders: Path, settings: Any, option: str) -> None:
    settings.DISK_RESERVE_BYTES = 1 << 60
    path = original(folders)
    os.truncate(path, 4 << 30)
    inode = path.stat().st_ino
    kept = imported(path, option)
    assert (kept.stat().st_ino, Video.objects.get().transcode.source_bytes) == (inode, 4 << 30)


def test_a_copy_keeps_the_holes_of_a_sparse_file(folders: Path) -> None:
    path = folders / "sparse.mp4"
    with path.open("wb") as file:
        for position in (0, 8 << 20):
            file.seek(position)
            file.write(CONTENT)
        file.truncate(64 << 20)
    kept = imported(path)
    assert kept.read_bytes() == path.read_bytes()
    assert kept.stat().st_blocks == path.stat().st_blocks


def test_a_moved_file_stays_until_the_row_is_there(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = original(folders)
    submit, seen = lifecycle.submit, list[bool]()

    def looking(source: str) -> Transcode:
        seen.append(path.exists())
        return submit(source)

    monkeypatch.setattr(lifecycle, "submit", looking)
    imported(path, "--move")
    assert seen == [True]


def test_a_move_that_can_not_be_saved_leaves_the_file_where_it_was(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Video, *arguments: object, **options: object) -> None:
        raise DatabaseError("the disk is full")

    path = original(folders)
    monkeypatch.setattr(Video, "save", broken)
    with pytest.raises(DatabaseError):
        call_command("import_video", str(path), "--title", "Harbour", "--move")
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("option", ["--link", "--move"])
def test_a_sweep_spares_a_linked_file_whose_row_is_not_there_yet(folders: Path, option: str) -> None:
    """Its bytes are years old, its second name is new."""
    uploads().link_file(original(folders), "videos/a.mp4")
    (stray,) = strays()
    assert not stray.is_old


def test_an_import_that_is_interrupted_leaves_nothing(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    path = original(folders)
    monkeypatch.setattr(os, "fsync", interrupted)
    for options in ([], ["--move"], ["--link"]):
        with pytest.raises(KeyboardInterrupt):
            call_command("import_video", str(path), "--title", "Harbour", *options)
        assert (list(uploads().entries("videos")), path.stat().st_nlink) == ([], 1)


def test_a_file_of_another_file_system_is_copied_and_then_removed(folders: Path, memory: Path) -> None:
    path = original(memory)
    assert imported(path, "--move").read_bytes() == CONTENT
    assert not path.exists()


def test_a_link_to_another_file_system_is_refused_in_a_sentence(folders: Path, memory: Path) -> None:
    path = original(memory)
    assert refused(path, "--link") == (
        f"{path} lies on another file system, or in another mount of it. Without --link it is copied."
    )


def test_a_file_with_another_name_is_copied_when_it_is_moved(folders: Path) -> None:
    """Whoever has the other name may write to it."""
    path = original(folders)
    os.link(path, folders / "other.mp4")
    kept = imported(path, "--move")
    assert (path.exists(), kept.stat().st_nlink, kept.read_bytes()) == (False, 1, CONTENT)
    assert (folders / "other.mp4").read_bytes() == CONTENT


def test_a_symbolic_link_is_followed_but_not_moved(folders: Path) -> None:
    path = original(folders)
    (folders / "short.mp4").symlink_to(path)
    assert "is a symbolic link" in refused(folders / "short.mp4", "--move")
    assert imported(folders / "short.mp4", "--link").samefile(path)


def test_a_file_of_the_store_itself_is_not_moved_away_from_its_video(folders: Path) -> None:
    kept = imported(original(folders))
    with pytest.raises(CommandError, match="belongs to the installation already"):
        call_command("import_video", str(kept), "--title", "Twice", "--move")
    assert kept.exists()


@on_linux
@pytest.mark.parametrize("option", ["--link", "--move"])
def test_a_file_that_a_program_still_writes_is_refused_where_it_would_go_on_in_the_store(
    folders: Path, option: str
) -> None:
    path = original(folders)
    with path.open("ab"):
        assert "is being written by another program" in refused(path, option)
    imported(path, option)


@pytest.mark.parametrize("options", [[], ["--move"]])
def test_a_file_that_changes_while_it_is_copied_is_refused(
    folders: Path, memory: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    path, fsync = original(memory), os.fsync

    def growing(descriptor: int) -> None:
        with path.open("ab") as file:
            file.write(b"more")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", growing)
    assert refused(path, *options) == f"{path} was changed while it was added."


def test_a_moved_file_that_changes_afterwards_is_told_of_and_kept(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, submit = original(folders), lifecycle.submit

    def changing(source: str) -> Transcode:
        path.write_bytes(b"another one")
        return submit(source)

    monkeypatch.setattr(lifecycle, "submit", changing)
    imported(path, "--move")
    assert path.exists()
    assert capsys.readouterr().err == (f"The video is added, but {path} was changed meanwhile, and is still there.\n")


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@as_root
@pytest.mark.parametrize("mode", [0o555, 0o1777])
def test_a_file_that_its_folder_does_not_let_go_is_not_moved(open_folder: Path, mode: int) -> None:
    path = original(open_folder)
    open_folder.chmod(mode)
    with as_nobody(), pytest.raises(FileRefused, match="its folder doesn't let it go"):
        check_may_go(path)


@as_root
def test_a_file_of_somebody_else_is_copied_when_it_is_moved(folders: Path) -> None:
    """They could still write to it."""
    path = original(folders)
    os.chown(path, NOBODY, NOBODY)
    kept = imported(path, "--move")
    assert (kept.stat().st_uid, path.exists()) == (os.geteuid(), False)


@as_root
def test_a_second_name_that_the_server_can_not_read_is_refused(folders: Path) -> None:
    path = original(folders)
    path.chmod(0o600)
    (folders / "uploads").mkdir()
    os.chown(folders / "uploads", NOBODY, NOBODY)
    assert f"can't be read by the owner of {folders / 'uploads'}" in refused(path, "--link")
    assert imported(path, "--move").stat().st_mode & 0o444 == 0o444


def test_a_file_that_can_not_be_read_is_told_in_a_sentence(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root can read everything, but not the memory of the machine."""
    path = original(folders)

    def denied(file: Path, target: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(sharing, "clone", denied)
    assert refused(path) == f"{path}: Permission denied. Nothing was added."


def test_only_one_way_is_taken(folders: Path) -> None:
    assert "not allowed with" in refused(original(folders), "--link", "--move")


def test_where_blocks_can_not_be_shared_the_file_is_copied(memory: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = memory / "uploads"
    path = original(memory)
    assert not uploads().clone_file(path, "videos/a.mp4")
    assert strays() == []
    kept = imported(path)
    assert (kept.read_bytes(), kept.samefile(path)) == (CONTENT, False)


def test_where_blocks_can_be_shared_nothing_is_copied(
    folders: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file system this is: what FICLONE does is done by the test, and no room is needed for it."""

    def shared(target: Any, request: int, source: int) -> int:
        assert request == sharing.FICLONE
        os.write(target.fileno(), os.pread(source, 1 << 20, 0))
        return 0

    monkeypatch.setattr(fcntl, "ioctl", shared)
    settings.DISK_RESERVE_BYTES = 1 << 60
    path = original(folders)
    kept = imported(path)
    assert (kept.read_bytes(), kept.samefile(path)) == (CONTENT, False)


@pytest.fixture
def sharing_blocks(tmp_path: Path) -> Iterator[Path]:
    """A folder of a file system that makes reflinks: the tests' own, or a small Btrfs in a file."""
    path = original(tmp_path)
    if sharing.clone(path, tmp_path / "clone"):
        yield tmp_path
        return
    image, folder = tmp_path / "btrfs", tmp_path / "mounted"
    folder.mkdir()
    image.touch()
    os.truncate(image, 256 << 20)
    commands = (["mkfs.btrfs", "-q", str(image)], ["mount", "-o", "loop", str(image), str(folder)])
    if not shutil.which("mkfs.btrfs") or any(subprocess.run(one, check=False).returncode for one in commands):
        pytest.skip("no file system that makes reflinks, and no right to mount one (btrfs-progs)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_reflink_takes_no_room_and_is_a_file_of_its_own(sharing_blocks: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = sharing_blocks / "uploads"
    path = sharing_blocks / "harbour.mp4"
    path.write_bytes(os.urandom(32 << 20))
    content = path.read_bytes()
    os.sync()
    free = shutil.disk_usage(sharing_blocks).free
    settings.DISK_RESERVE_BYTES = free - (16 << 20)  # a copy has no room
    kept = imported(path)
    os.sync()
    assert free - shutil.disk_usage(sharing_blocks).free < 4 << 20
    with path.open("r+b") as file:
        file.write(b"edited in place")
    assert kept.read_bytes() == content
