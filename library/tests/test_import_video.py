"""`manage.py import_video`: its last line, its exit code, and what it refuses."""

import threading
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from pytest_django.fixtures import Settings

from hls import steps
from hls.models import State, Transcode
from hls.tests.clips import ffmpeg, remux
from hls.tests.videos import only_sound, small_video
from library.models import Video

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]


def import_video(file: Path, *options: str, title: str = "Harbour at Dawn") -> str:
    output = StringIO()
    call_command("import_video", str(file), "--title", title, *options, stdout=output)
    return output.getvalue()


def worker() -> threading.Thread:
    """A thread that does a worker's work until a video is ready or has failed."""

    def work() -> None:
        ended = (State.READY, State.FAILED)
        try:
            while not Transcode.objects.filter(state__in=ended).exists():
                steps.do_next()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_the_last_line_is_the_videos_id(folders: Path) -> None:
    output = import_video(small_video(folders / "a.mp4", seconds=1), "--category", "vlog")
    video = Video.objects.get()
    assert output.splitlines()[-1] == str(video.pk)
    assert (video.title, video.category, video.original_name) == ("Harbour at Dawn", "vlog", "a.mp4")
    assert Path(video.video_file.path).read_bytes() == (folders / "a.mp4").read_bytes()
    assert video.transcode.state == State.QUEUED


@pytest.mark.parametrize(("options", "is_published"), [((), True), (("--draft",), False)])
def test_draft_is_imported_where_it_is_asked_for(folders: Path, options: tuple[str, ...], is_published: bool) -> None:
    (folders / "a.mp4").write_bytes(b"a video, perhaps")
    import_video(folders / "a.mp4", *options)
    assert Video.objects.get().is_published is is_published


@pytest.mark.django_db(transaction=True)
def test_waiting_ends_when_the_video_is_ready(folders: Path) -> None:
    helper = worker()
    output = import_video(small_video(folders / "a.mp4", seconds=1), "--wait")
    helper.join()
    video = Video.objects.get()
    assert video.transcode.state == State.READY
    assert output.splitlines()[-1] == str(video.pk)


@pytest.mark.django_db(transaction=True)
def test_waiting_tells_what_of_the_file_is_not_in_the_video(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = folders / "a.mkv"
    twice = ("-map", "0", "-map", "0:v", "-c", "copy")
    ffmpeg("-i", str(small_video(folders / "a.mp4", seconds=1)), *twice, str(source))
    helper = worker()
    output = import_video(source, "--wait")
    helper.join()
    assert output.splitlines() == [str(Video.objects.get().pk)]
    assert "Not in the result: 1 other picture track: (H264).\n" in capsys.readouterr().err


@pytest.mark.django_db(transaction=True)
def test_waiting_for_a_video_that_fails_tells_code_sentence_and_hint(folders: Path) -> None:
    helper = worker()
    with pytest.raises(
        CommandError, match=r"^no_video: The file has no picture track .+\. Upload a file .+\.$"
    ) as error:
        import_video(only_sound(folders / "song.mp4"), "--wait")
    helper.join()
    assert error.value.returncode == 1


@pytest.mark.django_db(transaction=True)
def test_waiting_for_an_encrypted_video_tells_that_it_is_copy_protected_and_publishes_nothing(
    folders: Path, at_admin: Client
) -> None:
    helper = worker()
    scheme = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "0f" * 16, "-encryption_kid", "a7" * 16)
    source = remux(small_video(folders / "a.mp4", seconds=1), folders / "protected.mp4", after=scheme)
    with pytest.raises(CommandError, match=r"^unsupported: The video is copy-protected: .+\. Upload a copy without"):
        import_video(source, "--wait")
    helper.join()
    video = Video.objects.get()
    assert (video.transcode.state, video.transcode.served, list((folders / "hls").rglob("*.ts"))) == (
        "failed",
        None,
        [],
    )
    told = at_admin.get(f"/api/video/{video.pk}/transcode/").json()["error"]
    assert (told["code"], told["message"][:28]) == ("unsupported", "The video is copy-protected:")
    page = at_admin.get(reverse("admin:library_video_change", args=[video.pk])).content.decode()
    assert escape(told["message"]) in page
    assert escape(told["hint"]) in page


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("gone.mp4", "is not a file"), ("notes.txt", r"accepted are \.mp4, .+ \.ts"), ("folder.mp4", "is not a file")],
)
def test_what_is_no_video_is_refused_and_nothing_is_left(folders: Path, name: str, sentence: str) -> None:
    (folders / "notes.txt").write_text("not a video")
    (folders / "folder.mp4").mkdir()
    with pytest.raises(CommandError, match=sentence):
        import_video(folders / name)
    assert not Video.objects.exists()
    assert not list((folders / "uploads").rglob("*.*"))


def test_a_video_that_would_eat_the_reserve_is_refused(folders: Path, settings: Settings) -> None:
    settings.DISK_RESERVE_BYTES = 1 << 60
    with pytest.raises(CommandError, match="not enough free space"):
        import_video(small_video(folders / "a.mp4", seconds=1))
    assert not Video.objects.exists()


@pytest.mark.parametrize("title", ["", "   ", "x" * 201])
def test_a_title_needs_1_to_200_characters(folders: Path, title: str) -> None:
    with pytest.raises(CommandError, match="1 to 200 characters"):
        import_video(small_video(folders / "a.mp4", seconds=1), title=title)


@pytest.mark.parametrize("title", ["two\nlines", "a\x1b[31mred one", "a\x07b", "a\x7fb"])
def test_title_that_terminals_would_obey_is_refused(folders: Path, title: str) -> None:
    with pytest.raises(CommandError, match="--title: Line breaks and control characters"):
        import_video(small_video(folders / "a.mp4", seconds=1), title=title)
    assert not Video.objects.exists()


@pytest.mark.parametrize("option", ["title", "description"])
def test_text_with_a_broken_byte_is_refused(folders: Path, option: str) -> None:
    with pytest.raises(CommandError, match=f"--{option}: It has bytes that are not UTF-8"):
        import_video(small_video(folders / "a.mp4", seconds=1), f"--{option}", "caf\udce9")
    assert not Video.objects.exists()


@pytest.mark.parametrize("name", ["-dash.mp4", "new\nline.mp4", "100%03d.mp4", "concat:a|b.mp4", "Überfilm 電影.MP4"])
def test_strange_file_names_are_only_labels(folders: Path, name: str) -> None:
    path = small_video(folders / "plain.mp4", seconds=1).rename(folders / name)
    import_video(path)
    video = Video.objects.get()
    assert video.original_name == name
    assert steps.do_next()
    assert steps.do_next()
    assert Transcode.objects.get().state == State.READY
