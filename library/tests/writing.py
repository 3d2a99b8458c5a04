"""Requests of a program that has an API key, as the write API gets them."""

import json
from typing import Any

from accounts import keys
from accounts.models import Scope
from library.models import Upload
from library.tests.test_uploads import VIDEO, metadata
from library.tests.videos import Player

TUS = {"Tus-Resumable": "1.0.0"}


class Program:
    """Somebody's script with a key of its own."""

    def __init__(self, *scopes: str, **fields: Any) -> None:
        self.row, self.spelled = keys.make(name="Importer", scopes=scopes or Scope.values, **fields)

    def send(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Bytes are sent as a piece of an upload, anything else as JSON."""
        kind = "application/offset+octet-stream" if isinstance(body, bytes) else "application/json"
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.spelled}"} | {name.replace("_", "-"): headers[name] for name in headers}
        return Player().generic(method, f"/api/{path}", data, content_type=kind, headers=sent)

    def make(self, **told: Any) -> Any:
        """Make a video of an upload, unless told otherwise."""
        if not {"upload_id", "source_url"} & set(told):
            told["upload_id"] = self.uploaded()
        return self.send("POST", "video/", {"title": "Harbour"} | told)

    def uploaded(self, content: bytes = VIDEO, *, length: int = len(VIDEO)) -> str:
        """The id of an upload that was begun without a title, with as much of it sent."""
        told = {"Upload-Length": str(length), "Upload-Metadata": metadata(filename="harbour.mp4")}
        begun = self.send("POST", "uploads/", content, **TUS, **told)
        assert begun.status_code == 201, begun.sent
        return str(Upload.objects.latest("created_at").pk)
