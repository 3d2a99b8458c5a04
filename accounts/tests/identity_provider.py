"""A small OpenID Connect provider on loopback: discovery, authorisation, tokens (with PKCE), keys and userinfo.

Whoever comes to its authorisation endpoint is `person`, and consents. Tests change what it says by its fields.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

CLIENT_ID, CLIENT_SECRET = "videoflix", "a secret of the client's"
KEY_ID = "2026"
DRIP_S = 0.05


@cache
def one_key() -> RSAPrivateKey:
    """All tests', since making one takes as long as two of them."""
    return generate_private_key(65537, 2048)


@dataclass
class Provider:
    port: int = 0
    key: RSAPrivateKey = field(default_factory=one_key)
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "eve-1", "email": "Eve@example.com", "email_verified": True}
    )
    id_claims: dict[str, Any] = field(default_factory=dict)  # differing from what is right; None takes one away
    signed_by: RSAPrivateKey | str | None = None  # None: by its own key
    algorithm: str = "RS256"
    key_id: str | None = KEY_ID
    document: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    keys: Any = None
    refuses: str = ""
    status: int = 200
    body: bytes | None = None
    hangs: Event | None = None
    drips: str = ""  # at this path the answer comes byte by byte: "headers /keys", "body /token"
    stopped: Event = field(default_factory=Event)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def discovery(self) -> dict[str, Any]:
        names = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        endpoints = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in names.items()}
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **endpoints, **self.document}

    def jwks(self) -> Any:
        if self.keys is not None:
            return self.keys
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert query["response_type"] == "code"
        assert "openid" in query["scope"].split()
        assert query["client_id"] == CLIENT_ID
        if self.refuses:
            told = {"error": self.refuses}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = query
            told = {"code": code}
        return f"{query['redirect_uri']}?{urlencode({**told, 'state': query['state']})}"

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        query = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        is_right = (
            query is not None
            and form["grant_type"] == "authorization_code"
            and (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
            and form["redirect_uri"] == query["redirect_uri"]
            and query["code_challenge_method"] == "S256"
            and challenge.rstrip(b"=").decode() == query["code_challenge"]
        )
        if query is None or not is_right:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "an access token", "token_type": "Bearer", "id_token": self.id_token(query)}

    def id_token(self, query: dict[str, str]) -> str:
        now = int(time.time())
        about = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": query["nonce"]}
        if query.get("prompt") == "login":
            about["auth_time"] = now
        claims = {**about, **self.person, **self.id_claims}
        headers = {"kid": self.key_id} if self.key_id else {}
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            "" if self.algorithm == "none" else self.signed_by or self.key,
            algorithm=self.algorithm,
            headers=headers,
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider: Provider

    def handle(self) -> None:
        """Whoever goes away before the answer is no fault of the server's: tests do it."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        provider = self.begun(parts.path)
        match parts.path:
            case "/.well-known/openid-configuration":
                self.answer(provider.status, provider.discovery(), provider.body)
            case "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
            case "/keys":
                self.answer(200, provider.jwks())
            case "/userinfo":
                assert self.headers["Authorization"] == "Bearer an access token"
                self.answer(200, provider.userinfo or provider.person)
            case _:
                self.answer(404, {})

    def do_POST(self) -> None:
        provider = self.begun(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status, answer = provider.token({name: values[0] for name, values in parse_qs(body).items()})
        self.answer(status, answer)

    def begun(self, path: str) -> Provider:
        self.provider.asked.append(path)
        if self.provider.hangs:
            self.provider.hangs.wait(30)
        return self.provider

    def answer(self, status: int, told: Any, body: bytes | None = None) -> None:
        content = json.dumps(told).encode() if body is None else body
        part, _, path = self.provider.drips.partition(" ")
        if path == urlsplit(self.path).path:
            self.drip(part)
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def drip(self, part: str) -> None:
        """Until the client goes away, or the server is stopped."""
        beginning = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        self.wfile.write(beginning + (b"\r\n" if part == "body" else b"X-Long: "))
        self.close_connection = True
        while not self.provider.stopped.wait(DRIP_S):
            self.wfile.write(b" ")


class SlowHandshake(BaseRequestHandler):
    """A TLS record that comes byte by byte, until the client goes away."""

    def handle(self) -> None:
        self.request.settimeout(30)
        with suppress(ConnectionError):
            self.request.recv(4_096)
            self.request.sendall(b"\x16\x03\x03\x40\x00")
            while not self.server.stopped.wait(DRIP_S):  # type: ignore[attr-defined] # ours
                self.request.sendall(b" ")


@contextmanager
def never_greeting() -> Iterator[str]:
    """The address of a server whose TLS handshake never ends."""
    with ThreadingTCPServer(("127.0.0.1", 0), SlowHandshake) as server:
        server.daemon_threads = True
        server.stopped = Event()  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.stopped.set()  # type: ignore[attr-defined]
            server.shutdown()


@contextmanager
def running_provider() -> Iterator[Provider]:
    provider = Provider()
    handler = type("BoundHandler", (Handler,), {"provider": provider})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        provider.port = server.server_address[1]
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield provider
        finally:
            provider.stopped.set()
            server.shutdown()
