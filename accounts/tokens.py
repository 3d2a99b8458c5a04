"""Minting and verifying JWTs. They are only carriers: what a token is worth, its session's row says."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

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


def _read(kind: type[Access] | type[Refresh], token: str) -> Claims:
    """Raises TokenRefused for anything but an unexpired token of this kind signed by us (ASVS 5.0 9.1, 9.2)."""
    try:
        claims = kind(token)
        return Claims(session_id=UUID(str(claims[SESSION_CLAIM])), token_id=str(claims["jti"]))
    except (TokenError, KeyError, ValueError) as error:
        raise TokenRefused from error
