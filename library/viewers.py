"""What the library knows of viewers and uploaders; who they are is found by accounts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
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
    """A member of the staff, or an API key whose scope lets it do this.

    `user_id` is None for a key, `key_id` for a person; `session_id` is None for both, and for a sign-in to the admin.
    `key_maker_id` is None for a person, and for a key that `manage.py` made or whose maker's account was deleted.
    """

    @property
    def user_id(self) -> int | None: ...

    @property
    def key_id(self) -> int | None: ...

    @property
    def key_name(self) -> str: ...

    @property
    def key_maker_id(self) -> int | None: ...

    @property
    def session_id(self) -> UUID | None: ...


class UploaderRequest(HttpRequest):
    """A request of an uploader, after authentication."""

    auth: Uploader


@dataclass(frozen=True)
class Owner:
    """Whose an upload is: a person's, or an API key's."""

    user_id: int | None
    key_id: int | None = None
    key_name: str = ""
    key_maker_id: int | None = None  # known while the key's request is answered

    @property
    def in_history(self) -> int | None:
        """Under whom the admin's history tells what was done: for a key whoever made it, if that is known."""
        return self.user_id if self.key_id is None else self.key_maker_id

    def may(self, permission: str) -> bool:
        """Whether they may do what a permission of the admin stands for. What a key may, its scopes have said."""
        if self.key_id is not None:
            return True
        person = get_user_model().objects.filter(pk=self.user_id or 0).first()  # None where they were deleted just now
        return person is not None and bool(person.has_perm(permission))

    @property
    def columns(self) -> dict[str, int | None]:
        """What an upload's row says of its owner."""
        return {"owner_id": self.user_id, "api_key_id": self.key_id}


def owner_of(request: UploaderRequest) -> Owner:
    asks = request.auth
    return Owner(asks.user_id, asks.key_id, asks.key_name, asks.key_maker_id)
