"""What the schema says of answers that aren't JSON: their media types, headers, statuses and an example."""

from typing import Any

from pydantic import RootModel

from library.delivery.responses import PICTURE_TYPE, PLAYLIST_TYPE, SEGMENT_TYPE

MASTER = """#EXTM3U
#EXT-X-VERSION:4
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=2512000,AVERAGE-BANDWIDTH=1911000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720
720p/index.m3u8?v=1
"""
MEDIA = """#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXTINF:6.000000,
segment_000.ts
#EXT-X-ENDLIST
"""
IFRAMES = """#EXTM3U
#EXT-X-VERSION:4
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-I-FRAMES-ONLY
#EXTINF:2.000000,
#EXT-X-BYTERANGE:40984@376
segment_000.ts
#EXT-X-ENDLIST
"""
STORYBOARD = """WEBVTT

00:00:00.000 --> 00:00:10.000
storyboard_00.jpg#xywh=0,0,240,136
"""


class FieldErrors(RootModel[dict[str, list[str]]]):
    """What is wrong with each field of the input."""

    model_config = {"json_schema_extra": {"example": {"limit": ["Input should be greater than or equal to 1."]}}}


type Responses = dict[int, None]  # errors: project/schema.py says what their bodies are

REFUSED: Responses = {400: None, 401: None, 404: None}
WITH_TAG: Responses = {**REFUSED, 412: None}
WITH_RANGES: Responses = {**WITH_TAG, 416: None}


def answer_header(example: str | int, description: str = "") -> dict[str, Any]:
    """A header of an answer, of the type that its example has."""
    told = {"description": description} if description else {}
    return {**told, "schema": {"type": "integer" if isinstance(example, int) else "string"}, "example": example}


ETAG = answer_header('"6742f3a1-16e360"', "A strong validator.")
RANGE = {
    "name": "Range",
    "in": "header",
    "required": False,
    "description": "A single byte range (RFC 9110 14.2); for several that lie apart the whole file is sent.",
    "schema": {"type": "string"},
    "example": "bytes=0-187",
}
KNOWN_TAG = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of an answer that is still here: 304 while it holds.",
    "schema": {"type": "string"},
}
OF_FILES = {
    "ETag": ETAG,
    "Last-Modified": answer_header("Sun, 22 Nov 2026 18:30:00 GMT"),
    "Accept-Ranges": answer_header("bytes"),
}
UNCHANGED = {
    "description": "Not Modified: the tag in `If-None-Match` still holds.",
    "headers": {"ETag": ETAG},
}
LIST_TAG = answer_header(
    'W/"9f86d081884c7d659a2feaa0c55ad015"', "A weak validator of this answer, for `If-None-Match`."
)
TOTAL = answer_header(1, "How many videos there are in all; only with `limit` or `offset`.")
OF_A_LIST = {
    "ETag": LIST_TAG | {"description": f"{LIST_TAG['description']} None with `status` or `external_id`."},
    "X-Total-Count": answer_header(
        1, "How many videos there are in all; only with `limit`, `offset`, `status` or `external_id`."
    ),
}
LIST: dict[str, Any] = {
    "parameters": [KNOWN_TAG],
    "responses": {
        200: {"headers": OF_A_LIST},
        304: {**UNCHANGED, "headers": {"ETag": LIST_TAG}},
    },
}


def text(kind: str, example: str) -> dict[str, Any]:
    """A playlist or WebVTT that is made when it is asked for; gzip where the client accepts it."""
    content = {kind: {"schema": {"type": "string"}, "example": example}}
    whole = {"description": "OK", "headers": {"ETag": ETAG}, "content": content}
    return {"parameters": [KNOWN_TAG], "responses": {200: whole, 304: UNCHANGED}}


def playlist(example: str) -> dict[str, Any]:
    return stored_text(PLAYLIST_TYPE, example)


def stored_text(kind: str, example: str) -> dict[str, Any]:
    """Asked for whole, where the docs' page fills in what has an example."""
    asked = {name: value for name, value in RANGE.items() if name != "example"}
    return {**stored(kind, {"schema": {"type": "string"}, "example": example}), "parameters": [asked, KNOWN_TAG]}


def binary(kind: str) -> dict[str, Any]:
    return stored(kind, {"schema": {"type": "string", "format": "binary"}})


def stored(kind: str, told: dict[str, Any]) -> dict[str, Any]:
    """A file, in parts too."""
    content = {kind: told}
    in_part = {"Content-Range": answer_header("bytes 0-187/1500000"), **OF_FILES}
    return {
        "parameters": [RANGE, KNOWN_TAG],
        "responses": {
            200: {"description": "OK", "headers": OF_FILES, "content": content},
            206: {"description": "Partial Content", "headers": in_part, "content": content},
            304: {**UNCHANGED, "headers": OF_FILES},
            416: {"headers": {"Content-Range": answer_header("bytes */1500000")}},
        },
    }


SEGMENT = binary(SEGMENT_TYPE)
PICTURE = binary(PICTURE_TYPE)
PREVIEWS = stored_text("text/vtt", STORYBOARD)
