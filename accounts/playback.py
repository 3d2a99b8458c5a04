"""Playback grants: the signed right to play one video, which outlives the access token but not the session.

A grant opens nothing but GET and HEAD below its video. Who may watch is decided in accounts.auth, which asks here.

1. Browsers get a grant in a cookie with each playlist; each renews it.
2. Players that send no cookies get one in the path (accounts.addresses). It is signed with another salt, so that
   neither is taken for the other, has an end of its own, and is never renewed.
3. Reading one costs no query for REMEMBERED_S after it was found good. Then its session is looked up again.
"""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from cachetools import TTLCache
from django.conf import settings
from django.core import signing
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from accounts import cookies, keys
from accounts.errors import TokenRefused
from accounts.models import ApiKey, Scope, Session, User
from accounts.sessions import Holder, holder_of_live, is_in_admin

SALT = "accounts.playback"
LIFETIME = timedelta(hours=12)  # longer than any video; renewed with each playlist
SAME_S = 3600  # all playlists of one hour give the same cookie, since the edge keeps its answers by cookie
ADDRESS_LIFETIME = timedelta(hours=6)  # added to the video's length, since an address can't be renewed
MAX_LENGTH = 1_000
REMEMBERED_S = 55  # a video stops within the promised 60 s of a logout
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Viewer:
    """Somebody who may use the API, as `request.auth`. `session_id` is None for a sign-in to the admin.

    It is a value, not a row: a caller that needs more of the user reads the row by `user_id`. An API key is no user:
    it sees what staff see, but only where its scopes let it in.
    """

    user_id: int | None
    is_staff: bool
    session_id: UUID | None
    mark: str | None = None  # stands for the sign-in to the admin, if there is no session
    key_id: int | None = None
    key_name: str = ""
    key_maker_id: int | None = None  # who made the key, if it was a person who is still here
    is_by_address: bool = False  # by a playback address, which gives no further grants

    @property
    def session_name(self) -> str:
        """Tells the session from all others, also to a stranger who must not know whose it is: hexadecimal."""
        name = f"key {self.key_id}" if self.key_id else f"{self.session_id or self.mark or self.user_id}"
        return salted_hmac(f"{SALT}.session", name, algorithm="sha256").hexdigest()[:16]

    def grant_playback(self, response: HttpResponseBase, *, video_id: int) -> None:
        """Let the browser that gets this response go on with the video after its access token has expired.

        A program with an API key goes on with that.
        """
        if not self.is_by_address and self.key_id is None:
            value = self._grant(video_id).signed()
            cookies.allow_playback(response, value, video_id=video_id, max_age_s=int(LIFETIME.total_seconds()))

    def playback_token(self, *, video_id: int, length: timedelta) -> tuple[str, datetime]:
        """A grant for an address of a video of this length, and its end: never beyond the session's or the key's."""
        ends_at = datetime.now(UTC) + ADDRESS_LIFETIME + length
        key = ApiKey.objects.filter(pk=self.key_id).first() if self.key_id else None
        if key is not None and key.expires_at is not None:
            ends_at = min(ends_at, key.expires_at)
        session = Session.objects.filter(pk=self.session_id).first() if self.session_id else None
        if session is not None:
            ends_at = min(ends_at, session.created_at + settings.SESSION_LIFETIME)
        ends_at = ends_at.replace(microsecond=0)
        return self._grant(video_id).signed_until(ends_at), ends_at

    def _grant(self, video_id: int) -> "PlaybackGrant":
        return PlaybackGrant(
            video_id=video_id,
            user_id=self.user_id,
            session_id=None if self.session_id is None else str(self.session_id),
            mark=self.mark,
            key_id=self.key_id,
        )


class HourlySigner(signing.TimestampSigner):
    """Signs with the beginning of an hour as its time."""

    def __init__(self, begins_at_s: int = 0) -> None:
        super().__init__(salt=SALT)
        self._begins_at_s = begins_at_s

    def timestamp(self) -> str:
        return signing.b62_encode(self._begins_at_s)


ADDRESS_SIGNER = signing.Signer(salt="accounts.playback.address", sep=".")


@dataclass(frozen=True)
class PlaybackGrant:
    """What a cookie or an address says. `mark` stands for a sign-in to the admin, which has no session of ours.

    `key_id` is of the API key that has got an address.
    """

    video_id: int
    user_id: int | None
    session_id: str | None
    mark: str | None
    key_id: int | None = None

    def signed(self) -> str:
        return _signed(self, int(time.time()) // SAME_S * SAME_S)

    @classmethod
    def read(cls, cookie: str) -> "PlaybackGrant | None":
        try:
            return cls(*HourlySigner().unsign_object(cookie, max_age=LIFETIME + timedelta(seconds=SAME_S)))
        except signing.BadSignature:
            return None

    def signed_until(self, ends_at: datetime) -> str:
        said = [int(ends_at.timestamp()), self.video_id, self.user_id, self.session_id, self.mark]
        return ADDRESS_SIGNER.sign_object(said if self.key_id is None else [*said, self.key_id])

    @classmethod
    def read_address(cls, token: str) -> "PlaybackGrant | None":
        try:
            ends_at_s, *grant = ADDRESS_SIGNER.unsign_object(token)
        except signing.BadSignature:
            return None
        return cls(*grant) if time.time() < ends_at_s else None

    def holder(self) -> Holder | None:
        """The holder, while their session or, of staff, their sign-in to the admin is alive, or the key is."""
        if self.key_id is not None:
            return Holder(None, is_staff=True) if keys.live(self.key_id, Scope.VIDEOS_READ) else None
        if self.session_id is not None:
            try:
                return holder_of_live(UUID(self.session_id))
            except TokenRefused:
                return None
        user = User.objects.filter(pk=self.user_id or 0, is_active=True, is_staff=True).first()
        return Holder(user.pk, is_staff=True) if user is not None and is_in_admin(user, self.mark or "") else None


@lru_cache(maxsize=MOST_REMEMBERED)
def _signed(grant: PlaybackGrant, begins_at_s: int) -> str:
    """The same cookie for an hour: signing takes longer than reading a playlist."""
    return HourlySigner(begins_at_s).sign_object([grant.video_id, grant.user_id, grant.session_id, grant.mark])


class ViewerMemory:
    """The holders of grants that were found good, for REMEMBERED_S. The oldest go first when there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._viewers: TTLCache[tuple[int, str, bool], Viewer] = TTLCache(
            MOST_REMEMBERED, REMEMBERED_S, timer=lambda: time.monotonic()
        )

    def get(self, token: str, video_id: int, *, is_address: bool = False) -> Viewer | None:
        """By a cookie, or by the token of an address."""
        with self._lock:
            return self._viewers.get((video_id, token, is_address))

    def put(self, token: str, video_id: int, viewer: Viewer) -> None:
        with self._lock:
            self._viewers[video_id, token, viewer.is_by_address] = viewer

    def clear(self) -> None:
        with self._lock:
            self._viewers.clear()


memory = ViewerMemory()


def viewer_by_playback(cookie: str, video_id: int, *, fresh: bool = False) -> Viewer | None:
    """The holder of a grant to play this video; at most one query, and none within 55 s of the last.

    `fresh` always asks the database, and nothing is remembered: for a caller that does so itself.
    """
    if not fresh and (known := memory.get(cookie, video_id)):
        return known
    grant = PlaybackGrant.read(cookie) if 0 < len(cookie) <= MAX_LENGTH else None
    found = _holder_of(grant, video_id, is_by_address=False)
    return found if fresh else _remembered(found, cookie, video_id)


def viewer_by_address(token: str, video_id: int, *, fresh: bool = False) -> Viewer | None:
    """The same for the token of a playback address."""
    if not fresh and (known := memory.get(token, video_id, is_address=True)):
        return known
    grant = PlaybackGrant.read_address(token) if 0 < len(token) <= MAX_LENGTH else None
    found = _holder_of(grant, video_id, is_by_address=True)
    return found if fresh else _remembered(found, token, video_id)


def _holder_of(grant: PlaybackGrant | None, video_id: int, *, is_by_address: bool) -> Viewer | None:
    holder = grant.holder() if grant and grant.video_id == video_id else None
    if grant is None or holder is None:
        return None
    session_id = None if grant.session_id is None else UUID(grant.session_id)
    return Viewer(
        holder.user_id, holder.is_staff, session_id, mark=grant.mark, key_id=grant.key_id, is_by_address=is_by_address
    )


def _remembered(found: Viewer | None, token: str, video_id: int) -> Viewer | None:
    if found is not None:
        memory.put(token, video_id, found)
    return found
