"""Routes that match with and without their trailing slash, so that no caller is ever redirected."""

from collections.abc import Iterable
from typing import Any

from django.urls import URLPattern, URLResolver, include, path
from django.urls.resolvers import RoutePattern


class EitherSlash(RoutePattern):
    """The route as written, or with its last slash added or taken away."""

    def __init__(self, route: str) -> None:
        super().__init__(route, is_endpoint=True)
        self._begins = route.partition("<")[0].removesuffix("/")  # rules out most routes without a regular expression

    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, int | str]] | None:
        if not path.startswith(self._begins):
            return None
        return super().match(path) or super().match(path[:-1] if path.endswith("/") else f"{path}/")


def either_slash(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    return [
        URLPattern(EitherSlash(str(entry.pattern)), entry.callback, entry.default_args, entry.name)
        if isinstance(entry, URLPattern)
        else entry
        for entry in patterns
    ]


ONE_VIDEO = "video/<video_id>/"


def of_one_video_first(patterns: list[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """The same routes, with those of one video in a group that is tried first: most requests are for one of them."""
    files = [entry for entry in patterns if str(entry.pattern).removesuffix("/").startswith(ONE_VIDEO)]
    others = [entry for entry in patterns if entry not in files]
    return [path(ONE_VIDEO, include(below(ONE_VIDEO, files))), *others]


def below(prefix: str, patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    return [
        URLPattern(EitherSlash(str(entry.pattern).removeprefix(prefix)), entry.callback, entry.default_args, entry.name)
        for entry in patterns
        if isinstance(entry, URLPattern)
    ]
