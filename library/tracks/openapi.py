"""What the schema says of tracks where it can't see it in the code: the form of a PUT, and texts."""

from typing import Any

from library.delivery.responses import PLAYLIST_TYPE
from library.delivery.texts import WEBVTT_TYPE
from library.openapi import text

CUES = """WEBVTT

00:00:01.000 --> 00:00:03.500
The boats come in at dawn.
"""
SEGMENT = """WEBVTT
X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000

00:00:01.000 --> 00:00:03.500
The boats come in at dawn.
"""
CHAPTER_CUES = """WEBVTT

00:00:00.000 --> 00:05:12.500
At the quay
"""
MEDIA = """#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXTINF:6.000000,
segment_000.vtt?v=1&r=1
#EXT-X-ENDLIST
"""

_VTT = WEBVTT_TYPE.partition(";")[0]
TEXT = text(_VTT, CUES)
TEXT_SEGMENT = text(_VTT, SEGMENT)
CHAPTERS = text(_VTT, CHAPTER_CUES)
TEXT_PLAYLIST = text(PLAYLIST_TYPE, MEDIA)

PUT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "kind", "language"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": ".vtt, .srt or .ass, at most 5 MB: UTF-8, UTF-16 or Windows-1252.",
                        },
                        "kind": {"type": "string", "enum": ["subtitles", "captions", "chapters"]},
                        "language": {"type": "string", "description": "BCP 47; `eng` becomes `en`."},
                        "label": {
                            "type": "string",
                            "maxLength": 100,
                            "description": "The language's name where there is none.",
                        },
                        "is_default": {"type": "boolean", "default": False},
                        "is_forced": {"type": "boolean", "default": False},
                    },
                },
                "example": {
                    "file": CUES,
                    "kind": "subtitles",
                    "language": "en",
                    "label": "English",
                    "is_default": True,
                    "is_forced": False,
                },
            }
        },
    }
}
