"""Users of an installation while parts of it are killed: an editor uploads, people register and get mails."""

import base64
import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

PASSWORD = "a quiet river at 5"
EDITOR = "editor@example.com"
PIECE_BYTES = 1 << 20
PATIENCE_S = 600
AGAIN_AFTER_S = 0.5


class Inbox(MessageHandler):
    """Counts the mails that each address gets."""

    def __init__(self) -> None:
        super().__init__()
        self.received: Counter[str] = Counter()

    def handle_message(self, message: Message) -> None:
        self.received[str(message["X-RcptTo"])] += 1


class MailServer:
    """An SMTP server that can be stopped, or mute: then it accepts connections and says nothing."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.inbox = Inbox()
        self.controller: Controller | None = None
        self.mute: socket.socket | None = None

    def become(self, state: str) -> None:
        if self.controller:
            self.controller.stop()
        if self.mute:
            self.mute.close()
        self.controller = self.mute = None
        if state == "well":
            self.controller = Controller(self.inbox, hostname="127.0.0.1", port=self.port)
            self.controller.start()
        elif state == "mute":
            self.mute = socket.create_server(("127.0.0.1", self.port))


@dataclass(frozen=True)
class ApiAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Callers:
    """The users, and what the server has confirmed to them: videos by title, mails by address."""

    port: int
    videos: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)  # uploads that the server no longer knows
    statuses: Counter[int] = field(default_factory=Counter)  # 0 if nobody answered
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8))
    under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    token: str = ""

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> ApiAnswer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            told = ApiAnswer(answer.status, dict(answer.headers), answer.read())
        except (OSError, http.client.HTTPException):
            told = ApiAnswer(0, {}, b"")
        finally:
            connection.close()
        self.statuses[told.status] += 1
        return told

    def send_json(self, path: str, data: Mapping[str, str], **headers: str) -> ApiAnswer:
        return self.ask("POST", path, json.dumps(data).encode(), Content_Type="application/json", **headers)

    def sign_in(self) -> None:
        answer = self.send_json("/api/login/", {"email": EDITOR, "password": PASSWORD}, X_Token_Transport="body")
        if answer.status == 200:
            self.token = json.loads(answer.body)["access"]

    def register(self, address: str) -> None:
        person = {"email": address, "password": PASSWORD, "confirmed_password": PASSWORD}
        if self.send_json("/api/register/", person).status == 201:
            self.people.add(address)

    def begin_upload(self, path: Path, title: str) -> None:
        with self.lock:
            self.under_way += 1
        self.pool.submit(self.upload, path, title)

    def upload(self, path: Path, title: str) -> None:
        """Upload until the video exists, whatever is killed meanwhile."""
        try:
            self.send_file(path.read_bytes(), title)
        finally:
            with self.lock:
                self.under_way -= 1

    def send_file(self, data: bytes, title: str) -> None:
        pairs = {"filename": "video.mp4", "title": title}
        told = ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in pairs.items())
        place = self.patiently("POST", "/api/uploads/", Upload_Length=str(len(data)), Upload_Metadata=told)
        address = place.headers["Location"]
        while True:
            answer = self.patiently("HEAD", address)
            if answer.status != 200:
                self.gone.append(f"{title}: {answer.status}")
                return
            offset = int(answer.headers["Upload-Offset"])
            if offset == len(data):
                self.videos.add(title)  # the server confirmed the upload: the video has to appear
                return
            piece = data[offset : offset + PIECE_BYTES]
            kind = "application/offset+octet-stream"
            if self.tus("PATCH", address, piece, Upload_Offset=str(offset), Content_Type=kind).status != 204:
                time.sleep(AGAIN_AFTER_S)

    def patiently(self, method: str, path: str, **headers: str) -> ApiAnswer:
        until = time.monotonic() + PATIENCE_S
        while True:
            answer = self.tus(method, path, b"", **headers)
            if 200 <= answer.status < 300 or answer.status in (404, 410) or time.monotonic() > until:
                return answer
            time.sleep(AGAIN_AFTER_S)

    def tus(self, method: str, path: str, body: bytes = b"", **headers: str) -> ApiAnswer:
        answer = self.ask(method, path, body, Tus_Resumable="1.0.0", Authorization=f"Bearer {self.token}", **headers)
        if answer.status == 401:
            self.sign_in()
        return answer


def editor() -> dict[str, Any]:
    """Settings with an editor who may upload, and without the limits that a single address would reach."""
    return {
        "DJANGO_SUPERUSER_USERNAME": "editor",
        "DJANGO_SUPERUSER_EMAIL": EDITOR,
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "THROTTLE_REGISTER_ADDRESS": "100000/hour",
        "THROTTLE_SIGN_IN_ADDRESS": "100000/hour",
    }
