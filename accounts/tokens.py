"""Minting and verifying JWTs. A token only names its session; the session's row decides whether it is accepted."""

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cachetools import LRUCache, cached
from django.conf import settings
from ninja_jwt.exceptions import TokenError
from ninja_jwt.tokens import Token

from accounts.errors import TokenRefused
from accounts.models import Session

SESSION_CLAIM = "sid"


class Access(Token):
    token_type = "access"  # noqa: S105 (the kind of a token)
    lifetime = settings.ACCESS_LIFETIME


class Refresh(Token):
    token_type = "refresh"  # noqa: S105
    lifetime = settings.REFRESH_LIFETIME


@dataclass(frozen=True)
class Claims:
    """What a verified token says: its session and its own id."""

    session_id: UUID
    token_id: str
    expires_at: float  # seconds since 1970


def mint_access(session: Session) -> str:
    token = Access()
    token[SESSION_CLAIM] = str(session.pk)
    token["user_id"] = str(session.user_id)
    return str(token)


def mint_refresh(session: Session, *, token_id: str, expires_at: datetime) -> str:
    token = Refresh()
    token[SESSION_CLAIM] = str(session.pk)
    token["jti"] = token_id
    token.set_exp(from_time=expires_at, lifetime=timedelta())
    return str(token)


def read_access(token: str) -> Claims:
    return _read(Access, token)


def read_refresh(token: str) -> Claims:
    return _read(Refresh, token)


def read_overdue(token: str) -> Claims:
    """The claims of our access token, even if it has expired: they only tell its session. Raises TokenRefused."""
    signed: dict[str, Any] = settings.NINJA_JWT
    try:
        claims = jwt.decode(
            token,
            signed["SIGNING_KEY"],
            algorithms=[signed["ALGORITHM"]],
            audience=signed["AUDIENCE"],
            issuer=signed["ISSUER"],
            options={"verify_exp": False},
        )
        if claims["token_type"] != Access.token_type:
            raise TokenRefused
        return Claims(UUID(str(claims[SESSION_CLAIM])), str(claims["jti"]), float(claims["exp"]))
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
        raise TokenRefused from error


def _read(kind: type[Access] | type[Refresh], token: str) -> Claims:
    """Raises TokenRefused for anything but an unexpired token of this kind signed by us (ASVS 5.0 9.1, 9.2)."""
    claims = _verified(kind, token)  # allows for clocks that are ahead, but here the expiry counts exactly
    if claims.expires_at <= time.time():
        raise TokenRefused
    return claims


@cached(LRUCache(maxsize=10_000), lock=threading.Lock())
def _verified(kind: type[Access] | type[Refresh], token: str) -> Claims:
    """A token's claims. They never change, so they are cached; whether the token has expired is checked each time."""
    try:
        claims = kind(token)
        return Claims(UUID(str(claims[SESSION_CLAIM])), str(claims["jti"]), float(claims["exp"]))
    except (TokenError, KeyError, TypeError, ValueError) as error:
        raise TokenRefused from error
