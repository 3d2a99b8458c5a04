"""Files that are certainly no video, recognised by their first bytes.

Only certain cases are refused here. Whether any other file is a video is decided by the engine's probe, which reads it
in a process with limits.
"""

SIGNATURES = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x89PNG\r\n\x1a\n", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#!", "a script"),
    (b"#EXTM3U", "a playlist"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
)
NEEDED_BYTES = 16


def foreign_kind(head: bytes) -> str | None:
    """What the file is instead of a video ("a PDF document"), or None where it may be a video."""
    text = head.lstrip()[:NEEDED_BYTES].lower()
    return next((kind for mark, kind in SIGNATURES if head.startswith(mark) or text.startswith(mark)), None)
