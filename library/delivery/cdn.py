"""Signed addresses of a CDN in front of the bucket: each opens a version's folder to one viewer's session for a while.

1. The signature is the first part of the path, so whatever is named relative to the folder has it too.
2. An address ends `ttl_s` after it was made, or up to WINDOW_S before that: within such a window a session gets the
   same one, so that its playlists stay the same. The windows of different sessions begin at different times.
3. Nobody can take an address back: it outlives a logout by `ttl_s` at most.

Nothing here knows Django.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

WINDOW_S = 600

type CdnKind = Literal["nginx", "bunny"]


@dataclass(frozen=True)
class Cdn:
    base_url: str  # a scheme and a host
    key: str = field(repr=False)
    kind: CdnKind
    ttl_s: int

    def folder(self, name: str, *, session: str, now_s: float) -> str:
        """The address of a folder of the bucket; the name has a slash at its end, the session is hexadecimal."""
        ends_at = self.ends_at(session, now_s)
        sign = signed_for_nginx if self.kind == "nginx" else signed_for_bunny
        return f"{self.base_url}{sign(self.key, f'/{name}', ends_at, session)}/{name}"

    def ends_at(self, session: str, now_s: float) -> int:
        """In seconds since 1970."""
        begins_s = int(session, 16) % WINDOW_S
        return (int(now_s) + self.ttl_s - begins_s) // WINDOW_S * WINDOW_S + begins_s


def signed_for_nginx(key: str, path: str, ends_at: int, session: str) -> str:
    """As ngx_http_secure_link_module compares it, configured as in docs/operations.md."""
    told = hashlib.md5(f"{ends_at} {session} {path} {key}".encode(), usedforsecurity=False).digest()
    return f"/{base64url(told)}/{ends_at}/{session}"


def signed_for_bunny(key: str, path: str, ends_at: int, _session: str) -> str:
    """A directory token: https://docs.bunny.net/cdn/security/token-authentication/advanced.

    The session is told by the end alone, which is another one for nearly each.
    """
    told = hmac.new(key.encode(), f"{path}{ends_at}token_path={path}".encode(), hashlib.sha256).digest()
    return f"/bcdn_token=HS256-{base64url(told)}&token_path={quote(path, safe='')}&expires={ends_at}"


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
