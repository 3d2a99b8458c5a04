"""What the schema says of cookies.

A schema names each header once, but an answer has a line `Set-Cookie` for each cookie: the description lists them.
"""

from typing import Any

from django.conf import settings

import video_paths
from accounts import cookies
from accounts.playback import LIFETIME
from accounts.schemas import JWT_EXAMPLE

type Headers = dict[str, dict[str, Any]]


def set_cookie(description: str, value: str, *, max_age_s: int, path: str = "/") -> Headers:
    attributes = f"HttpOnly; Max-Age={max_age_s}; Path={path}; SameSite={settings.JWT_COOKIE_SAMESITE}"
    example = f"{value}; {attributes}"
    return {"Set-Cookie": {"description": description, "schema": {"type": "string"}, "example": example}}


NOT_IN_BODIES = "None with `X-Token-Transport: body`."
PAIR = f"`{cookies.ACCESS}` and `{cookies.REFRESH}`"
ACCESS_LIFETIME_S = int(settings.ACCESS_LIFETIME.total_seconds())

SIGNED_IN = set_cookie(
    f"{PAIR}; also `{cookies.DEVICE}`, by which this browser is known again, and Django's "
    f"`{settings.CSRF_COOKIE_NAME}`. {NOT_IN_BODIES}",
    f"{cookies.ACCESS}={JWT_EXAMPLE}",
    max_age_s=ACCESS_LIFETIME_S,
)
REFRESHED = set_cookie(f"{PAIR} anew. {NOT_IN_BODIES}", f"{cookies.ACCESS}={JWT_EXAMPLE}", max_age_s=ACCESS_LIFETIME_S)
SIGNED_OUT = set_cookie(f"{PAIR}, both removed. {NOT_IN_BODIES}", f'{cookies.ACCESS}=""', max_age_s=0)
PLAYBACK = set_cookie(
    f"`{cookies.PLAYBACK}`: the right to play this video on when the access token has expired. Sent back by browsers "
    "alone; none for a playback address.",
    f"{cookies.PLAYBACK}=WzEsMSxudWxsXQ:1vNvOU:c2lnbmF0dXJl",
    max_age_s=int(LIFETIME.total_seconds()),
    path=video_paths.folder(1),
)
