"""Sessions, from signing in to their end: the only writer of Session rows besides `User.save`.

1. Open: signing in makes a row and a pair of tokens. The row holds the hash of the first refresh id.
2. Refresh: one conditional UPDATE replaces the refresh id by its successor. Exactly one of any number of parallel
   requests replaces it, on PostgreSQL and SQLite alike.
3. Grace: each id determines its successor. A request with an id that was replaced less than REFRESH_GRACE ago gets the
   very same new refresh token as the request that replaced it, so that all tabs of a browser stay signed in.
4. Reuse: an id that was replaced before the grace is known to somebody who should not know it, or was stolen by the one
   who replaced it. The session ends (RFC 9700 section 4.14, OWASP ASVS 5.0 10.4.5).
5. End: `revoked_at` is set by signing out, a new password, deactivation or reuse. Unused for REFRESH_LIFETIME, or
   SESSION_LIFETIME after signing in, a session expires. Its tokens are refused from then on.
"""

import hashlib
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session as AdminSession
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import tokens
from accounts.agents import device_name
from accounts.errors import SessionNotFound, TokenRefused
from accounts.models import Session, User

MAX_RETIRED = 100  # refresh ids remembered within one grace: no browser's tabs refresh more often in 10 s


@dataclass(frozen=True)
class Holder:
    """Whose a session is: what a request is allowed by. An API key, which has no session, is no user's."""

    user_id: int | None
    is_staff: bool


@dataclass(frozen=True)
class Pair:
    """What a signed-in client holds."""

    access: str
    refresh: str
    refresh_expires_at: datetime


@dataclass(frozen=True)
class ListedSession:
    """A session as its owner sees it."""

    id: UUID
    device: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    is_current: bool


def open_session(user: User, *, agent: str, has_second_factor: bool = False, proved_at: datetime | None = None) -> Pair:
    """`proved_at` is when the identity provider asked who it is, where it did."""
    now = timezone.now()
    token_id = secrets.token_urlsafe(32)
    session = Session.objects.create(
        user=user,
        current_hash=fingerprint(token_id),
        password_mark=user.get_session_auth_hash(),
        has_second_factor=has_second_factor,
        proved_at=proved_at,
        agent=agent[:200],
        created_at=now,
        last_used_at=now,
        expires_at=now + min(settings.REFRESH_LIFETIME, settings.SESSION_LIFETIME),
    )
    return pair(session, token_id)


def refresh(token: str) -> Pair:
    """A new pair for a refresh token: steps 2 to 4. Raises TokenRefused if it is forged, expired, ended or reused."""
    claims = tokens.read_refresh(token)
    session = live_session(claims.session_id)
    if session.current_hash == fingerprint(claims.token_id):
        if replaced := _replace(session, claims.token_id):
            return replaced
        session = live_session(claims.session_id)
    current_id = _current_id(session, claims.token_id)
    if current_id is None:
        end_session(session.pk)
        raise TokenRefused
    return pair(session, current_id)


def live_session(session_id: UUID) -> Session:
    """The session with its user, in one query. Raises TokenRefused if it has ended or its user is inactive."""
    session = Session.objects.select_related("user").filter(pk=session_id).first()
    if session is None or not session.is_live:
        raise TokenRefused
    return session


HOLDER = f"""
SELECT holder.id, holder.password, holder.is_staff, session.password_mark, session.has_second_factor
FROM {Session._meta.db_table} session JOIN {User._meta.db_table} holder ON holder.id = session.user_id
WHERE session.id = %s AND session.revoked_at IS NULL AND session.expires_at > %s AND holder.is_active
"""  # noqa: S608 (the tables' names are ours)


def holder_of_live(session_id: UUID) -> Holder:
    """Whose session this is; TokenRefused where `live_session` raises it, at a tenth of its cost.

    Where ADMIN_REQUIRE_2FA is set, staff who signed in with a password alone are viewers.
    """
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(HOLDER, [Session._meta.pk.get_db_prep_value(session_id, connection), now])
        row = cursor.fetchone()
    if row is None:
        raise TokenRefused
    user_id, password, is_staff, mark, has_second_factor = row
    if not constant_time_compare(
        mark, User.from_db(connection.alias, ["password"], [password]).get_session_auth_hash()
    ):
        raise TokenRefused
    return Holder(user_id, bool(is_staff and (has_second_factor or not settings.ADMIN_REQUIRE_2FA)))


def is_current(session_id: UUID, token_id: str) -> bool:
    """Whether this is the session's current refresh token, not one that was replaced."""
    return Session.objects.live().filter(pk=session_id, current_hash=fingerprint(token_id)).exists()


def end_session(session_id: UUID) -> None:
    Session.objects.filter(pk=session_id).end()


def end_session_in(refresh_token: str) -> bool:
    """End the live session of a refresh token; False if there is none."""
    try:
        session = live_session(tokens.read_refresh(refresh_token).session_id)
    except TokenRefused:
        return False
    end_session(session.pk)
    return True


def end_sessions_of(user: User) -> int:
    return Session.objects.filter(user=user).end()


def end_others(user: User, session_id: UUID | None) -> None:
    """End a person's sessions but this one, which goes on although `user` has a new password."""
    if session_id is None:
        end_sessions_of(user)
        return
    Session.objects.filter(user=user).exclude(pk=session_id).end()
    Session.objects.filter(pk=session_id, user=user).update(password_mark=user.get_session_auth_hash())


def end_own(user: User, session_id: UUID) -> None:
    """Raises SessionNotFound unless it is a live one of this person."""
    if not Session.objects.live().filter(pk=session_id, user=user).end():
        raise SessionNotFound


def live_of(user: User, *, current: UUID | None) -> list[ListedSession]:
    """Where a person is signed in, by our own sessions; the one that was used last comes first."""
    mark = user.get_session_auth_hash()
    return [
        ListedSession(
            session.pk,
            device_name(session.agent),
            session.created_at,
            session.last_used_at,
            session.expires_at,
            is_current=session.pk == current,
        )
        for session in Session.objects.live().filter(user=user)
        if constant_time_compare(session.password_mark, mark)
    ]


def end_everywhere(user: User) -> int:
    """End a person's sessions, including those in the admin. Returns their number."""
    in_admin, _ = admin_sessions_of(user).delete()
    return end_sessions_of(user) + in_admin


def admin_sessions_of(user: User) -> QuerySet[AdminSession]:
    """A person's sign-ins to the admin. Reads all that there are: they name nobody outside their signed content."""
    keys = [
        session.pk
        for session in AdminSession.objects.filter(expire_date__gt=timezone.now())
        if session.get_decoded().get("_auth_user_id") == str(user.pk)
    ]
    return AdminSession.objects.filter(pk__in=keys)


def in_admin() -> Counter[int]:
    """How many valid sign-ins to the admin each user has, by the user's id. Looks at all of them: there are few."""
    signed_in = [session.get_decoded() for session in AdminSession.objects.filter(expire_date__gt=timezone.now())]
    ids = [int(data["_auth_user_id"]) for data in signed_in if "_auth_user_id" in data]
    marks = {user.pk: user.get_session_auth_hash() for user in User.objects.filter(pk__in=ids, is_active=True)}
    return Counter(
        int(data["_auth_user_id"])
        for data in signed_in
        if constant_time_compare(data.get("_auth_user_hash", ""), marks.get(int(data.get("_auth_user_id", 0)), "none"))
    )


def mark_in_admin(user: User, session_key: str) -> str:
    """A hash that stands for a sign-in to the admin without telling its key. It changes with the password."""
    value = f"{session_key}:{user.get_session_auth_hash()}"
    return salted_hmac("accounts.sessions.admin", value, algorithm="sha256").hexdigest()


def is_in_admin(user: User, mark: str) -> bool:
    """Whether the admin sign-in with this mark is still valid. Compares all valid ones: there are few."""
    keys = AdminSession.objects.filter(expire_date__gt=timezone.now()).values_list("pk", flat=True)
    return any(constant_time_compare(mark_in_admin(user, key), mark) for key in keys)


def pair(session: Session, token_id: str) -> Pair:
    return Pair(
        access=tokens.mint_access(session),
        refresh=tokens.mint_refresh(session, token_id=token_id, expires_at=session.expires_at),
        refresh_expires_at=session.expires_at,
    )


def fingerprint(token_id: str) -> str:
    return hashlib.sha256(token_id.encode()).hexdigest()


def successor(session: Session, token_id: str) -> str:
    """The refresh id that follows this one: always the same, and nobody can compute it without our key."""
    return salted_hmac("accounts.sessions.successor", f"{session.pk}:{token_id}", algorithm="sha256").hexdigest()


def _replace(session: Session, token_id: str) -> Pair | None:
    """Move the session on to the next refresh id; None if another request was quicker."""
    now = timezone.now()
    next_id = successor(session, token_id)
    expires_at = min(now + settings.REFRESH_LIFETIME, session.created_at + settings.SESSION_LIFETIME)
    retired = [*_within_grace(session, now), [session.current_hash, now.timestamp()]][-MAX_RETIRED:]
    replaced = Session.objects.live().filter(pk=session.pk, current_hash=session.current_hash)
    if not replaced.update(current_hash=fingerprint(next_id), retired=retired, last_used_at=now, expires_at=expires_at):
        return None
    session.expires_at = expires_at
    return pair(session, next_id)


def _within_grace(session: Session, now: datetime) -> list[list[str | float]]:
    oldest = (now - settings.REFRESH_GRACE).timestamp()
    return [entry for entry in session.retired if entry[1] >= oldest]


def _current_id(session: Session, token_id: str) -> str | None:
    """The current refresh id that follows from a replaced one; None if that was replaced before the grace."""
    graced = _within_grace(session, timezone.now())
    if fingerprint(token_id) not in [entry[0] for entry in graced]:
        return None
    for _ in graced:
        token_id = successor(session, token_id)
        if fingerprint(token_id) == session.current_hash:
            return token_id
    return None
