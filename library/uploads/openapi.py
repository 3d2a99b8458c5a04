"""What the schema says of tus: headers, and bodies that are bytes."""

from typing import Any

OFFSET = {"description": "Bytes that are there.", "schema": {"type": "integer"}, "example": 268435456}
EXPIRES = {
    "description": "When the upload is removed if nobody goes on with it.",
    "schema": {"type": "string"},
    "example": "Mon, 23 Nov 2026 18:30:00 GMT",
}
VIDEO = {
    "description": "The video that was made of the upload, where its metadata has a title.",
    "schema": {"type": "integer"},
    "example": 7,
}
LOCATION = {
    "description": "Where the pieces are sent.",
    "schema": {"type": "string"},
    "example": "/api/uploads/0b5c1ae8-51a4-4a3f-9a4e-5f1fbb6d1b1c/",
}
REACHED = {"Upload-Offset": OFFSET, "Upload-Expires": EXPIRES, "X-Video-ID": VIDEO}


def header(name: str, description: str, example: str, *, is_required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": is_required,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


RESUMABLE = header("Tus-Resumable", "The version of the protocol.", "1.0.0", is_required=True)
CHECKSUM = header("Upload-Checksum", "Of the body: sha1, sha256 or md5.", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")
PIECE = {"content": {"application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}}}

TUS: dict[str, Any] = {"parameters": [RESUMABLE]}
DISCOVER: dict[str, Any] = {
    "responses": {
        204: {
            "description": "No Content",
            "headers": {
                "Tus-Version": {"schema": {"type": "string"}, "example": "1.0.0"},
                "Tus-Extension": {"schema": {"type": "string"}, "example": "creation,checksum"},
                "Tus-Max-Size": {"schema": {"type": "integer"}, "example": 20000000000},
                "Tus-Checksum-Algorithm": {"schema": {"type": "string"}, "example": "sha1,sha256,md5"},
            },
        }
    }
}
BEGIN: dict[str, Any] = {
    "parameters": [
        RESUMABLE,
        header("Upload-Length", "Bytes of the whole file, unless they are told later or come as parts.", "734003200"),
        header("Upload-Defer-Length", "1 where the length is told later, with a piece.", "1"),
        header(
            "Upload-Concat",
            "`partial` for a part of a file, which needs no metadata; `final;` and the parts' addresses to join them.",
            "partial",
        ),
        header(
            "Upload-Metadata",
            "Pairs of a key and a base64 value: filename; and title, category, description to make a video at once.",
            "filename aGFyYm91ci5tcDQ=,title SGFyYm91cg==",
        ),
        CHECKSUM,
    ],
    "requestBody": PIECE,
    "responses": {201: {"description": "Created", "headers": {"Location": LOCATION, **REACHED}}},
}
APPEND: dict[str, Any] = {
    "parameters": [
        RESUMABLE,
        header("Upload-Offset", "Where the piece begins.", "268435456", is_required=True),
        header("Upload-Length", "Bytes of the whole file, where the upload was begun without.", "734003200"),
        CHECKSUM,
    ],
    "requestBody": PIECE,
    "responses": {204: {"description": "No Content", "headers": REACHED}},
}
