"""What the schema says of headers of the write API."""

from typing import Any

import video_paths
from library.openapi import answer_header

KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of your own. The same request sent again with it, within 24 hours, changes nothing and"
    " gets the same answer; another request with it gets 409.",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
    "example": "3f0c6a7e-import-4711",
}
IDEMPOTENT: dict[str, Any] = {"parameters": [KEY]}
MADE: dict[str, Any] = IDEMPOTENT | {
    "responses": {201: {"headers": {"Location": answer_header(video_paths.folder(1), "The video's address.")}}}
}
