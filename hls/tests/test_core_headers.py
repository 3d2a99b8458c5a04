"""The headers of keyframes, by codec: equal for all pictures of a size, and different for other sizes."""

import pytest

from hls.core.inspection.headers import size_header

SPS = bytes.fromhex("6742c00ad90507ec0440000003004000000300a3c489 92".replace(" ", ""))
HEVC_SPS = bytes.fromhex("420101016001")
ANNEX_B = b"\0\0\0\1\x09\x10\0\0\1" + SPS + b"\0\0\1\x65\x88"
AVCC = len(SPS).to_bytes(4) + SPS + (5).to_bytes(4) + b"\x65\x88\x80\x10\x20"


@pytest.mark.parametrize(
    ("codec", "extradata", "key_frame", "expected"),
    [
        ("h264", b"", ANNEX_B, SPS),
        ("h264", b"\1rest", AVCC, SPS),
        ("h264", b"\1rest", AVCC[: len(SPS) + 4], SPS),
        ("h264", b"", b"\0\0\1\x65\x88", b""),
        ("hevc", b"", b"\0\0\1" + HEVC_SPS + b"\0\0\1\x26\x01", HEVC_SPS),
        ("mpeg2video", b"", b"\0\0\1\xb3\x2d\x02\x40\x33\xff\xff", b"\x2d\x02\x40\x30"),
        ("mpeg2video", b"", b"\0\0\1\xb3\x2d", b""),
        ("vp8", b"", b"\x10\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00\xff", b"\x40\x01\xf0\x00"),
        ("vp9", b"", b"\x82\x49\x83\x42\x20\x13\xf0\x0b\x30\xff", b"\x20\x13\xf0\x0b\x30"),
        ("av1", b"", b"\x12\x00\x0a\x03abc\x32\x01x", b"abc"),
        ("av1", b"", b"\x12\x00\x32\x01x", b""),
        ("mjpeg", b"", b"\xff\xd8", b""),
    ],
)
def test_header_is_found(codec: str, extradata: bytes, key_frame: bytes, expected: bytes) -> None:
    assert size_header(codec, extradata, key_frame) == expected


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg2video", "vp8", "vp9", "av1"])
@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\1", b"\x0a\xff\xff\xff", b"\x12", b"\xff" * 40, b"\0\0\0\0\0\0"])
def test_nonsense_is_not_looked_into_for_long(codec: str, data: bytes) -> None:
    for extradata in (b"", b"\1"):
        assert len(size_header(codec, extradata, data)) <= len(data)
