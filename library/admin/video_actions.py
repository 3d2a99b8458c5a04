"""What an editor may do to a video after a question: the words, when it is offered, and what it does."""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse

from hls import lifecycle
from hls.models import ACTIVE, State
from library import posters, videos
from library.models import Video
from library.visibility import draft_word

STOPPED = (State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class VideoAction:
    """Something done to a video after a confirmation."""

    name: str
    verb: str
    question: str
    done: str
    icon: str
    fits: Callable[[Video], bool]  # whether it is offered for a video
    act: Callable[[Video], None]  # raises NotPossible


RETRY = VideoAction(
    name="retry",
    verb="Retry",
    question="Transcode again? Parts that are done stay done.",
    done="Transcode queued again",
    icon="replay",
    fits=lambda video: video.transcode.state in STOPPED,
    act=lambda video: lifecycle.retry(video.transcode),
)
CANCEL = VideoAction(
    name="cancel",
    verb="Cancel transcode",
    question="Stop transcoding? What is done so far is kept for a later retry.",
    done="Transcode cancelled",
    icon="cancel",
    fits=lambda video: video.transcode.state in ACTIVE,
    act=lambda video: lifecycle.cancel(video.transcode),
)
POSTER = VideoAction(
    name="regenerate_poster",
    verb="Regenerate poster",
    question="Take a new poster from the video? It replaces the present one.",
    done="Poster taken from the video",
    icon="image",
    fits=lambda video: video.transcode.state == State.READY,
    act=posters.regenerate,
)
PUBLISH = VideoAction(
    name="publish",
    verb="Publish",
    question="Show it to viewers from now on?",
    done="Published",
    icon="visibility",
    fits=lambda video: bool(draft_word(video)),
    act=videos.publish,
)
UNPUBLISH = VideoAction(
    name="unpublish",
    verb="Unpublish",
    question="Make a draft of it? Within a minute only staff can watch it.",
    done="Made a draft",
    icon="visibility_off",
    fits=lambda video: video.is_published,
    act=videos.unpublish,
)
CATEGORY = VideoAction(
    name="set_category",
    verb="Set category",
    question="Which category shall these videos get?",
    done="Category set",
    icon="category",
    fits=lambda video: True,
    act=lambda video: None,  # once it is known which
)
GO_BACK = VideoAction(
    name="go_back",
    verb="Keep the served file",
    question="Give up the new file, and keep the one that viewers get? The new one goes to the trash.",
    done="Kept the served file",
    icon="undo",
    fits=lambda video: videos.kept_of(video) is not None and video.transcode.state in STOPPED,
    act=videos.go_back,
)
LIVE = (RETRY, CANCEL, GO_BACK, POSTER)  # offered by the panel, which changes while the page is open
STEADY = (PUBLISH, UNPUBLISH)  # offered in the page's head


@dataclass(frozen=True)
class Button:
    verb: str
    link: str


def buttons(video: Video) -> list[Button]:
    """What the panel offers."""
    return [
        Button(action.verb, reverse(f"admin:library_video_{action.name}", args=[video.pk]))
        for action in LIVE
        if action.fits(video)
    ]
