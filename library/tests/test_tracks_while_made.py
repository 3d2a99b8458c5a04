"""Texts of a file are there for staff while the video is still being made, at the times that they keep."""

from pathlib import Path

import pytest

from hls import steps
from hls.models import Chunk, ChunkState, Extraction
from hls.tests.clips import Look, ffmpeg
from hls.tests.spoken import Spoken, clip
from hls.tracks.models import ExtractionState
from library.models import Video
from library.tests.tracks import SUBRIP
from library.tests.videos import Player, make_viewer, sign_in
from library.tests.viewing import Viewing
from library.videos import add_video

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]

LASTS_S = 26  # three chunks


@pytest.fixture
def video(folders: Path) -> Video:
    """A video of which the first chunk and the texts are done."""
    look = Look(width=160, height=120, rate="10", duration_s=LASTS_S)
    plain = clip(folders / "plain.mkv", (Spoken(LASTS_S), Spoken(LASTS_S, language="ger")), look=look)
    words, source = folders / "words.srt", folders / "video.mkv"
    words.write_text(SUBRIP)
    ffmpeg("-i", str(plain), "-i", str(words), "-map", "0", "-map", "1", "-c", "copy", str(source))
    video = add_video(source, title="Long")
    while not Extraction.objects.filter(state=ExtractionState.DONE).exists():
        assert steps.do_next()
    assert Chunk.objects.filter(state=ChunkState.WAITING).exists()
    return video


def test_texts_and_sounds_are_there_before_the_video_is_ready(video: Video) -> None:
    make_viewer("dora@example.com", is_staff=True, is_superuser=True)
    viewing = Viewing(sign_in(Player(), "dora@example.com"), video)
    [text] = viewing.alternates("SUBTITLES")
    sounds = viewing.alternates("AUDIO")
    assert len(sounds) == 2
    early, pictures = viewing.cues(text["URI"]), len(list(viewing.segments(sounds[0]["URI"])))
    playlist = viewing.body(text["URI"]).decode()
    assert "EXT-X-ENDLIST" not in playlist
    assert len(list(viewing.segments(text["URI"]))) == pictures > 0
    while steps.do_next():
        pass
    [text] = viewing.alternates("SUBTITLES")
    later = viewing.cues(text["URI"])
    assert "EXT-X-ENDLIST" in viewing.body(text["URI"]).decode()
    assert early == later[: len(early)]
    assert [cue.text for cue in later] == ["The boats come in.", "Over the border."]
