"""What the library knows of whoever is watching."""

from datetime import datetime, timedelta
from typing import Protocol

from django.http import HttpRequest
from django.http.response import HttpResponseBase


class RequestViewer(Protocol):
    """Whoever the request comes from, as the API's authentication found it."""

    @property
    def is_staff(self) -> bool: ...

    def grant_playback(self, response: HttpResponseBase, *, video_id: int) -> None:
        """Let the player go on fetching this video's files when the access token has run out."""

    def playback_token(self, *, video_id: int, length: timedelta) -> tuple[str, datetime]:
        """What opens a video of this length to a player without cookies, and until when."""


class ViewerRequest(HttpRequest):
    """A request after authentication."""

    auth: RequestViewer
