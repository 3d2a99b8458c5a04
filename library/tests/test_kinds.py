"""Every ordinary name of a video is taken by every way in, and all of them tell the same list."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from library.kinds import ACCEPTED, EXTENSIONS
from library.models import Video
from library.tests.factories import uploaded
from library.tests.test_admin_adding import ADD, entries
from library.tests.test_uploads import begin

PROMISED = (
    *(".mp4", ".mov", ".avi", ".mkv", ".flv", ".wmv", ".webm", ".m4v", ".mpg", ".mpeg"),
    *(".ts", ".mts", ".m2ts", ".3gp", ".vob", ".ogv"),
)
ORDINARY = (".3g2", ".asf", ".divx", ".f4v")


def test_the_list_has_what_is_promised() -> None:
    assert ACCEPTED.split(", ") == [f".{extension}" for extension in EXTENSIONS]
    assert set(ACCEPTED.split(", ")) == {*PROMISED, *ORDINARY}
    guide = (Path(settings.BASE_DIR) / "docs" / "uploads.md").read_text()
    assert ACCEPTED in " ".join(guide.split())


@pytest.mark.parametrize("extension", [*PROMISED, *ORDINARY, ".M2TS", ".Mpeg"])
@pytest.mark.usefixtures("folders")
def test_a_video_of_an_ordinary_name_is_taken_by_the_form_and_by_resumable_uploads(
    at_admin: Client, extension: str
) -> None:
    name = f"holiday{extension}"
    at_admin.post(ADD, entries(video_file=uploaded(name)))
    video = Video.objects.get()
    assert (video.original_name, str(video.video_file.name).endswith(extension.lower())) == (name, True)
    assert begin(at_admin, filename=name).status_code == 201


def test_the_page_tells_the_browser_and_its_script_the_same_list(at_admin: Client) -> None:
    page = at_admin.get(ADD).content.decode()
    assert f'data-accepted="{ACCEPTED}"' in page
    assert f'accept="{ACCEPTED.replace(" ", "")}"' in page
