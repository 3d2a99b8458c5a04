"""What the library knows of viewers and uploaders; who they are is found by accounts."""

from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class RequestViewer(Protocol):
    """Whoever the request comes from, as the API's authentication found it."""

    @property
    def user_id(self) -> int: ...

    @property
    def is_staff(self) -> bool: ...

    @property
    def session_name(self) -> str:
        """Tells the viewer's session from all others, without saying whose it is: 16 hexadecimal digits."""

    def grant_playback(self, response: HttpResponseBase, *, video_id: int) -> None:
        """Let the player go on fetching this video's files when the access token has run out."""

    def playback_token(self, *, video_id: int, length: timedelta) -> tuple[str, datetime]:
        """A token that opens a video of this length to a player without cookies, and its end."""


class ViewerRequest(HttpRequest):
    """A request after authentication."""

    auth: RequestViewer


class Uploader(Protocol):
    """A member of the staff; `session_id` is None for a sign-in to the admin."""

    @property
    def user_id(self) -> int: ...

    @property
    def session_id(self) -> UUID | None: ...


class UploaderRequest(HttpRequest):
    """A request of an uploader, after authentication."""

    auth: Uploader


def owner_of(request: UploaderRequest) -> Any:
    """The uploader's row, which says what they may do."""
    return get_user_model().objects.get(pk=request.auth.user_id)
