"""The filters that crop a stored picture to what is shown, and fit it into the result's frame."""

from collections.abc import Sequence

from hls.core.probe import Shape, VideoTrack

FIELD_LINES = 4  # a 4:2:0 picture needs a multiple of them, for whole lines of colour in each field
SAME_ASPECT = 0.02  # how far a picture's aspect ratio may differ from the result's and still fill its frame


def cropped(video: VideoTrack) -> list[str]:
    """Crop as the container's crop flags say. ffmpeg 7.1 and newer do it by themselves; then this changes nothing."""
    crop = video.crop
    if crop is None:
        return []
    width, height = f"min(iw,{crop.width})", f"min(ih,{crop.height})"
    left, top = f"gt(iw,{crop.width})*{crop.left}", f"gt(ih,{crop.height})*{crop.top}"
    return [f"crop=w='{width}':h='{height}':x='{left}':y='{top}'"]


def steadied(video: VideoTrack, width: int, height: int) -> list[str]:
    """Fit interlaced pictures of several sizes into the frame before deinterlacing: bwdif fails if the size changes."""
    if not (video.shapes and video.is_interlaced):
        return []
    if video.turns and video.rotation % 180 == 90:
        width, height = height, width
    by_field = [] if height % FIELD_LINES else ["interl=-1"]  # ffmpeg 5 fails on fields with half a line of colour
    return _fitted(video.shapes, width, height, *by_field, step=FIELD_LINES)


def scaled(video: VideoTrack, width: int, height: int, *options: str) -> list[str]:
    """Fill the frame; if the pictures' shape changes, fit each into it, with black bars where its aspect ratio differs.

    The graph is built once, from the first picture that the chunk's decoder shows, so the filters measure each picture.
    """
    if not video.shapes or video.is_interlaced:
        return [":".join([f"scale={width}:{height}", *options])]
    return _fitted(video.shapes, width, height, *options)


def _fitted(shapes: Sequence[Shape], width: int, height: int, *options: str, step: int = 2) -> list[str]:
    """The height of the fitted picture is a multiple of `step`."""
    aspect = _aspect(shapes)
    is_alike = f"lt(abs({aspect}*{height}/{width}-1),{SAME_ASPECT})"
    wide = f"if({is_alike},{width},max(2,2*round(min({width},{height}*{aspect})/2)))"
    high = f"if({is_alike},{height},max({step},{step}*trunc(min({height},{width}/{aspect})/{step}+0.5)))"
    scale = ":".join([f"scale=w='{wide}':h='{high}':eval=frame", *options])
    # A multiple of four lines above the picture, so that its two fields keep their lines.
    return [scale, f"pad=w={width}:h={height}:x=(ow-iw)/2:y='4*trunc((oh-ih)/8)':eval=frame"]


def _aspect(shapes: Sequence[Shape]) -> str:
    """The aspect ratio by a picture's size: ffmpeg reports the first picture's pixel aspect ratio for all of them."""
    sizes = [(shape.width, shape.height) for shape in shapes]
    told = "dar"
    for shape in shapes:
        if sizes.count((shape.width, shape.height)) == 1:
            told = f"if(eq(iw,{shape.width})*eq(ih,{shape.height}),{float(shape.aspect):.6f},{told})"
    return told
