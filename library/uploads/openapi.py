"""What the schema says of tus: headers, and bodies that are bytes."""

from typing import Any

from library.openapi import answer_header

OFFSET = answer_header(268435456, "Bytes that are there.")
EXPIRES = answer_header("Mon, 23 Nov 2026 18:30:00 GMT", "When the upload is removed if nobody goes on with it.")
VIDEO = answer_header(1, "The video that was made of the upload, where its metadata has a title.")
LOCATION = answer_header("/api/uploads/0b5c1ae8-51a4-4a3f-9a4e-5f1fbb6d1b1c/", "Where the pieces are sent.")
LENGTH = answer_header(734003200, "Bytes of the whole file, once that is known.")
DEFERRED = answer_header(1, "1 while the length is not known.")
CONCAT = answer_header(
    "partial", "`partial` for a part of a file; `final;` and the parts' addresses for the file made of them."
)
METADATA = answer_header("filename aGFyYm91ci5tcDQ=,title SGFyYm91cg==", "As it was sent with the creation.")
REACHED = {"Upload-Offset": OFFSET, "Upload-Expires": EXPIRES, "X-Video-ID": VIDEO}
ALWAYS = {"Tus-Resumable": answer_header("1.0.0", "The version of the protocol.")}
OTHER_VERSION = {"Tus-Version": answer_header("1.0.0", "The version to use instead.")}


def request_header(
    name: str, description: str, example: str | None = None, *, is_required: bool = False
) -> dict[str, Any]:
    """The docs page fills in the example of each header: one that most requests leave out has none."""
    described: dict[str, Any] = {
        "name": name,
        "in": "header",
        "required": is_required,
        "description": description,
        "schema": {"type": "string"},
    }
    return described if example is None else {**described, "example": example}


RESUMABLE = request_header("Tus-Resumable", "The version of the protocol.", "1.0.0", is_required=True)
CHECKSUM = request_header("Upload-Checksum", "Of the body: `sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=`; or sha256 or md5.")
PIECE = {"content": {"application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}}}

TUS: dict[str, Any] = {"parameters": [RESUMABLE]}
FIND: dict[str, Any] = {
    "responses": {
        200: {
            "headers": {
                "Upload-Length": LENGTH,
                "Upload-Defer-Length": DEFERRED,
                "Upload-Concat": CONCAT,
                "Upload-Metadata": METADATA,
                **REACHED,
            }
        }
    }
}
DISCOVER: dict[str, Any] = {
    "responses": {
        204: {
            "description": "No Content",
            "headers": {
                "Tus-Version": answer_header("1.0.0"),
                "Tus-Extension": answer_header("creation,checksum"),
                "Tus-Max-Size": answer_header(20000000000),
                "Tus-Checksum-Algorithm": answer_header("sha1,sha256,md5"),
            },
        }
    }
}
BEGIN: dict[str, Any] = {
    "parameters": [
        RESUMABLE,
        request_header(
            "Upload-Length", "Bytes of the whole file, unless they are told later or come as parts.", "734003200"
        ),
        request_header("Upload-Defer-Length", "1 where the length is told later, with a piece."),
        request_header(
            "Upload-Concat",
            "`partial` for a part of a file, which needs no metadata; `final;` and the parts' addresses to join them.",
        ),
        request_header(
            "Upload-Metadata",
            "Pairs of a key and a base64 value: filename; and title, category, description to make a video at once.",
            "filename aGFyYm91ci5tcDQ=,title SGFyYm91cg==",
        ),
        CHECKSUM,
    ],
    "requestBody": PIECE,
    "responses": {
        201: {
            "description": "Created",
            "headers": {
                "Location": LOCATION,
                "Upload-Length": LENGTH,
                "Upload-Concat": CONCAT,
                **REACHED,
            },
        }
    },
}
APPEND: dict[str, Any] = {
    "parameters": [
        RESUMABLE,
        request_header("Upload-Offset", "Where the piece begins.", "268435456", is_required=True),
        request_header("Upload-Length", "Bytes of the whole file, where the upload was begun without."),
        CHECKSUM,
    ],
    "requestBody": PIECE,
    "responses": {204: {"description": "No Content", "headers": REACHED}},
}
METHOD: dict[str, Any] = {
    "name": "X-HTTP-Method-Override",
    "in": "header",
    "required": True,
    "description": "The method to use. PATCH takes its headers, too.",
    "schema": {"type": "string", "enum": ["PATCH", "DELETE"]},
}
OVERRIDE: dict[str, Any] = {
    "parameters": [RESUMABLE, METHOD],
    "responses": {204: {"description": "No Content", "headers": REACHED}},
}
BEGIN_OR_OVERRIDE: dict[str, Any] = {
    "parameters": [*BEGIN["parameters"], METHOD | {"required": False}],
    "requestBody": PIECE,
    "responses": BEGIN["responses"] | OVERRIDE["responses"],
}
