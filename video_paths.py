"""The address of a video and of its files: of no app, since accounts, library and project all need it.

accounts scopes cookies to it and finds it in playback addresses, library writes it into answers, project leads it to
the views. The edge's copy (deploy/nginx.conf.template) is compared with this one by a test.
"""

import re

VIDEOS = "/api/video/"
ID = r"[1-9][0-9]{0,17}"  # one spelling for each id, and none that a 64 bit integer can't hold
PLAYED = "/api/play/"  # and a token: the same video for players without cookies (accounts.addresses)

_OF_VIDEO = re.compile(rf"{VIDEOS}({ID})/")
_OF_PLAYED = re.compile(rf"{PLAYED}([\w.-]+)/video/({ID}/.*)", re.ASCII | re.DOTALL)


def folder(video_id: int) -> str:
    """What the paths of a video's files begin with."""
    return f"{VIDEOS}{video_id}/"


def file(video_id: int, name: str, version: object = None) -> str:
    """The path of a video's file; `version` is what changes with its bytes, for files that are kept for ever."""
    return f"{VIDEOS}{video_id}/{name}" if version is None else f"{VIDEOS}{video_id}/{name}?v={version}"


def thumbnail(video_id: int, picture: object) -> str:
    """The path of a video's poster; `picture` names what is on it now."""
    return file(video_id, "thumbnail.jpg", picture)


def played(token: str, video_id: int, name: str) -> str:
    """The same file for a player without cookies."""
    return f"{PLAYED}{token}/video/{video_id}/{name}"


def video_in(path: str) -> int | None:
    """The id of the video that a path belongs to."""
    found = _OF_VIDEO.match(path)
    return int(found[1]) if found else None


def unplayed(path: str) -> tuple[str, str] | None:
    """The token of a playback address, and the path that it stands for; None for any other path."""
    found = _OF_PLAYED.fullmatch(path)
    return (found[1], f"{VIDEOS}{found[2]}") if found else None
