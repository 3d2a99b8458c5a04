"""The filters that convert the colours of any source to what players expect: 8-bit 4:2:0, BT.709, limited range.

A source's colour tags are believed where they can be true. Tags that neither swscale nor zscale can convert are treated
as missing. Both scalers read the tags of the frames, so a filter before them corrects those.
"""

from hls.core.encoding.framing import scaled
from hls.core.formats.colour_tags import RESERVED
from hls.core.probe import VideoTrack

HD_SIDE = 720
BT709 = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
SRGB = "iec61966-2-1"
HLG = "arib-std-b67"
PEAK_NITS = {"smpte2084": 10_000, HLG: 1_000}  # the brightest white by BT.2100; for HLG, that of its reference display
WHITE_NITS = 203  # HDR's reference white, which becomes SDR's white (BT.2408)
KEPT_BELOW = 0.6  # as a share of white: darker colours are kept as they are, brighter ones are compressed
WIDE_PRIMARIES = frozenset({"bt2020", "smpte431", "smpte432"})  # BT.2020, DCI-P3, Display P3
USUAL_PRIMARIES = frozenset({"bt709", "bt470bg", "smpte170m", "smpte240m"})
# Matrices that swscale knows.
USUAL_MATRICES = frozenset({"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc"})
# Tags that are either right or harmless: nothing has to be corrected, so the graph is the shortest.
PLAIN_MATRICES = USUAL_MATRICES | {"unknown"}
PLAIN_TRANSFERS = frozenset({"bt709", "unknown", "gamma22", "gamma28", "smpte170m", "smpte240m", SRGB, "linear"}) | {
    *("iec61966-2-4", "bt1361e", "bt2020-10", "bt2020-12"),
}
HDR_MATRICES = frozenset({"bt2020nc", "bt2020c", "ictcp"})
DEEP = ("le", "be")  # the ends of the names of pixel formats with more than 8 bits
# The beginnings of FFmpeg's names of pixel formats that have a matrix.
YUV = ("yuv", "nv", "p0", "p2", "p4", "uyv", "uyyv", "yuy", "yvy", "y2", "ayuv", "vuy", "xv")
PLANAR = "yuv"  # zscale takes only planar formats, and swscale can't repack a format whose matrix it doesn't know
GREY = ("gray", "ya", "mono")


def converted(video: VideoTrack, width: int, height: int, *, has_zscale: bool) -> list[str]:
    """The filters that scale pictures to this size and convert their colours."""
    if has_zscale and (_is_hdr(video) or (video.primaries in WIDE_PRIMARIES and not _is_grey(video))):
        filters = _in_linear_light(video, width, height)
    elif has_zscale and video.matrix == "ycgco" and video.pixel_format.startswith(PLANAR):
        said = _said(video, "bt709", "bt709", "ycgco")
        filters = [said, "zscale=m=709:r=limited", *scaled(video, width, height)]
    else:
        filters = [*_put_right(video), *scaled(video, width, height, "out_color_matrix=bt709", "out_range=tv")]
    return [*filters, "format=yuv420p", BT709]


def _in_linear_light(video: VideoTrack, width: int, height: int) -> list[str]:
    """For HDR10, HLG and wide-gamut SDR. Missing tags are assumed to be those of BT.2100."""
    peak_nits = PEAK_NITS[video.transfer] if _is_hdr(video) else None
    primaries = video.primaries if video.primaries in USUAL_PRIMARIES | WIDE_PRIMARIES else "bt2020"
    transfer = video.transfer if peak_nits or video.transfer == SRGB else "bt709"
    matrix = _matrix(video, primaries)
    if peak_nits:
        # zscale's approximation of HLG's display curve works on each colour by itself, which oversaturates them.
        exact = ":agamma=0" if video.transfer == HLG else ""
        linear = f"zscale=t=linear:npl={WHITE_NITS}{exact}"
        curve = [f"tonemap=tonemap=mobius:param={KEPT_BELOW}:peak={peak_nits / WHITE_NITS:.3f}:desat=0"]
    else:
        linear, curve = "zscale=t=linear", []
    # Browsers show BT.709 with sRGB's curve. A source with an SDR curve keeps its curve.
    out = "709" if transfer == "bt709" else SRGB
    said = _said(video, primaries, transfer, matrix)
    steps = [linear, "format=gbrpf32le", "zscale=p=709", *curve, f"zscale=t={out}:m=709:r=limited"]
    size = [*scaled(video, width, height), *(["format=yuv420p10le"] if _is_grey(video) else [])]
    return [said, *size, *steps] if matrix in {*USUAL_MATRICES, "gbr"} else [said, *steps, *size]


def _matrix(video: VideoTrack, primaries: str) -> str:
    """The matrix of pictures in HDR or with wide primaries."""
    if not _is_yuv(video) and not _is_grey(video):
        return "gbr"
    if video.matrix in USUAL_MATRICES:
        return video.matrix
    if video.pixel_format.startswith(PLANAR):
        if video.matrix == "ycgco" or (video.matrix == "ictcp" and _is_hdr(video)):
            return video.matrix
        if video.matrix == "bt2020c" and primaries == "bt2020" and not _is_hdr(video):
            return video.matrix
    return "bt2020nc" if primaries == "bt2020" else _matrix_by_size(video)


def _put_right(video: VideoTrack) -> list[str]:
    """Correct the tags for swscale. Small pictures without a matrix are assumed to be SD, large ones HD."""
    has_matrix = video.matrix in USUAL_MATRICES or not _is_yuv(video)
    matrix = [] if has_matrix else [f"colorspace={_matrix_by_size(video)}"]
    is_plain = video.matrix in {*PLAIN_MATRICES, "gbr"} and video.transfer in PLAIN_TRANSFERS
    is_plain = is_plain and video.primaries != RESERVED
    others = [] if is_plain else ["color_primaries=bt709", "color_trc=bt709"]
    if not is_plain and not _is_yuv(video):
        matrix = ["colorspace=gbr"]
    return [f"setparams={':'.join([*others, *matrix])}"] if others or matrix else []


def _is_hdr(video: VideoTrack) -> bool:
    """An HDR curve on 8-bit pictures without any other sign of HDR is a wrong tag."""
    is_believable = video.pixel_format.endswith(DEEP) or video.primaries == "bt2020" or video.matrix in HDR_MATRICES
    return video.transfer in PEAK_NITS and is_believable


def _said(video: VideoTrack, primaries: str, transfer: str, matrix: str) -> str:
    levels = "pc" if video.is_full_range else "tv"
    return f"setparams=range={levels}:color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}"


def _matrix_by_size(video: VideoTrack) -> str:
    return "bt709" if min(video.width, video.height) >= HD_SIDE else "smpte170m"


def _is_yuv(video: VideoTrack) -> bool:
    return video.pixel_format.startswith(YUV)


def _is_grey(video: VideoTrack) -> bool:
    return video.pixel_format.startswith(GREY)
