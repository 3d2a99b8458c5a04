"""Which part of a stored picture is shown, and how it fits the video's frame."""

from collections.abc import Sequence

from hls.core.probe import Shape, VideoTrack

FIELD_LINES = 4  # of a 4:2:0 picture, for a whole line of colour in each field
SAME_ASPECT = 0.02  # so far a picture's aspect may be from the video's, and still fills its frame


def cropped(video: VideoTrack) -> list[str]:
    """What the container's crop flags ask for. ffmpeg 7.1 and newer have done it already; then this changes nothing."""
    crop = video.crop
    if crop is None:
        return []
    width, height = f"min(iw,{crop.width})", f"min(ih,{crop.height})"
    left, top = f"gt(iw,{crop.width})*{crop.left}", f"gt(ih,{crop.height})*{crop.top}"
    return [f"crop=w='{width}':h='{height}':x='{left}':y='{top}'"]


def steadied(video: VideoTrack, width: int, height: int) -> list[str]:
    """Fit interlaced pictures that change before they lose their lines: bwdif fails where a size changes."""
    if not (video.shapes and video.is_interlaced):
        return []
    by_field = [] if height % FIELD_LINES else ["interl=-1"]  # ffmpeg 5 ends on fields with half a line of colour
    return _fitted(video.shapes, width, height, *by_field, step=FIELD_LINES)


def scaled(video: VideoTrack, width: int, height: int, *options: str) -> list[str]:
    """Fill the frame, or where the pictures change, fit each into it: with black bars where it has another form.

    The graph is made once, from the first picture that the chunk's decoder has: each one is measured by itself.
    """
    if not video.shapes or video.is_interlaced:
        return [":".join([f"scale={width}:{height}", *options])]
    return _fitted(video.shapes, width, height, *options)


def _fitted(shapes: Sequence[Shape], width: int, height: int, *options: str, step: int = 2) -> list[str]:
    """`step` is what the fitted height is a multiple of."""
    aspect = _aspect(shapes)
    is_alike = f"lt(abs({aspect}*{height}/{width}-1),{SAME_ASPECT})"
    wide = f"if({is_alike},{width},max(2,2*round(min({width},{height}*{aspect})/2)))"
    high = f"if({is_alike},{height},max({step},{step}*trunc(min({height},{width}/{aspect})/{step}+0.5)))"
    scale = ":".join([f"scale=w='{wide}':h='{high}':eval=frame", *options])
    # A multiple of four lines above, so that the two fields of a picture stay what they are.
    return [scale, f"pad=w={width}:h={height}:x=(ow-iw)/2:y='4*trunc((oh-ih)/8)':eval=frame"]


def _aspect(shapes: Sequence[Shape]) -> str:
    """By a picture's size: ffmpeg says of every picture that its pixels are as wide as the first one's."""
    sizes = [(shape.width, shape.height) for shape in shapes]
    told = "dar"
    for shape in shapes:
        if sizes.count((shape.width, shape.height)) == 1:
            told = f"if(eq(iw,{shape.width})*eq(ih,{shape.height}),{float(shape.aspect):.6f},{told})"
    return told
