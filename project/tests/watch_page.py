"""The page to watch on: who signs in, what is asked of its player, and videos with tracks to choose from."""

from playwright.sync_api import Page

from hls.tests.clips import Look
from hls.tests.spoken import Spoken, clip
from hls.tests.videos import small_video
from project.tests.installation import Installation, wait_for

LENGTH = "document.querySelector('video')?.duration"
TIME = "document.querySelector('video')?.currentTime"
HEIGHT = "document.querySelector('video')?.videoHeight"
SEVERAL_SOUNDS, ONE_SOUND = 1, 2  # videos of `add_videos_with_tracks`
THREE_SOUNDS = (
    Spoken(14, language="eng", title="English", disposition="default"),
    Spoken(14, language="deu", title="German"),
    Spoken(14, language="eng", title="Described video", disposition="visual_impaired"),
)
ENGLISH = """WEBVTT

00:00.500 --> 00:05.000
The boats come in at dawn.

00:05.500 --> 00:13.500
This line stands over a border,
and over the next one.

00:11.000 --> 00:12.000 line:0
High above the water.
"""
GERMAN = "WEBVTT\n\n00:00.500 --> 00:13.500\nDie Boote kommen im Morgengrauen.\n"
CAPTIONS = "WEBVTT\n\n00:00.500 --> 00:13.500\n[Gulls cry] The boats come in.\n"
FORCED = "WEBVTT\n\n00:00.500 --> 00:13.500\nHARBOUR OFFICE\n"
CHAPTERS = """WEBVTT

00:00.000 --> 00:05.000
At the quay

00:05.000 --> 00:10.000
On the water <b>&amp; far out</b>

00:10.000 --> 00:14.000
Home
"""
VIDEOS = """
from django.core.management import call_command
from hls.tracks.editing import TextDraft
from hls.tracks.models import TrackKind
from library.models import Video
from library.tracks.uploading import put
call_command("import_video", {several!r}, title="Harbour at Dawn", wait=True)
call_command("import_video", {one!r}, title="The Quay", wait=True)
for video_id, kind, language, text, is_default, is_forced in {texts!r}:
    draft = TextDraft(TrackKind(kind), language, "", is_default=is_default, is_forced=is_forced)
    put(Video.objects.get(pk=video_id), draft, text.encode(), "text.vtt")
"""
TEXTS = (
    (SEVERAL_SOUNDS, "subtitles", "en", ENGLISH, False, False),
    (SEVERAL_SOUNDS, "subtitles", "de", GERMAN, False, False),
    (SEVERAL_SOUNDS, "captions", "en", CAPTIONS, False, False),
    (SEVERAL_SOUNDS, "subtitles", "de", FORCED, False, True),
    (SEVERAL_SOUNDS, "chapters", "en", CHAPTERS, False, False),
    (ONE_SOUND, "subtitles", "de", GERMAN, True, False),
    (ONE_SOUND, "subtitles", "fr", GERMAN, False, False),
)


def add_videos_with_tracks(installation: Installation) -> None:
    """One with three sounds, texts and chapters, and one with a single sound and subtitles that are the default."""
    several = clip(installation.folder / "several.mp4", THREE_SOUNDS, look=Look(1280, 720, "10", 14))
    one = small_video(installation.folder / "one.mp4", seconds=14)
    installation.shell(VIDEOS.format(several=str(several), one=str(one), texts=TEXTS))


def sign_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")


def passes(page: Page, condition: str) -> None:
    """Asked from outside: the page's policy lets nobody evaluate a string in it."""
    wait_for(lambda: page.evaluate(condition), seconds=20, what=condition)
