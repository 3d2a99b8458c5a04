"""Which part of a stored picture is shown, and how it fits the film's frame."""

from collections.abc import Sequence

from hls.core.probe import Shape, VideoTrack

SAME_ASPECT = 0.02  # so far a picture's aspect may be from the film's, and still fills its frame


def cropped(video: VideoTrack) -> list[str]:
    """What the container's crop flags ask for. ffmpeg 7.1 and newer have done it already; then this changes nothing."""
    crop = video.crop
    if crop is None:
        return []
    width, height = f"min(iw,{crop.width})", f"min(ih,{crop.height})"
    left, top = f"gt(iw,{crop.width})*{crop.left}", f"gt(ih,{crop.height})*{crop.top}"
    return [f"crop=w='{width}':h='{height}':x='{left}':y='{top}'"]


def scaled(video: VideoTrack, width: int, height: int, *options: str) -> list[str]:
    """Fill the frame, or where the film's pictures change, fit each into it: with black bars where it has another form.

    The graph is made once, from the first picture that the chunk's decoder has: each one is measured by itself.
    """
    if not video.shapes:
        return [":".join([f"scale={width}:{height}", *options])]
    aspect = _aspect(video.shapes)
    is_alike = f"lt(abs({aspect}*{height}/{width}-1),{SAME_ASPECT})"
    wide = f"if({is_alike},{width},max(2,2*round(min({width},{height}*{aspect})/2)))"
    high = f"if({is_alike},{height},max(2,2*round(min({height},{width}/{aspect})/2)))"
    fitted = ":".join([f"scale=w='{wide}':h='{high}':eval=frame", *options])
    return [fitted, f"pad=w={width}:h={height}:x=-1:y=-1:eval=frame"]


def _aspect(shapes: Sequence[Shape]) -> str:
    """By a picture's size: ffmpeg says of every picture that its pixels are as wide as the first one's."""
    sizes = [(shape.width, shape.height) for shape in shapes]
    told = "dar"
    for shape in shapes:
        if sizes.count((shape.width, shape.height)) == 1:
            told = f"if(eq(iw,{shape.width})*eq(ih,{shape.height}),{float(shape.aspect):.6f},{told})"
    return told
