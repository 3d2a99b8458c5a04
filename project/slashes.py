"""Routes that match with and without their trailing slash, so that no caller is ever redirected."""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
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


def one_view_for_each_route(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """The same routes, where those of several routers that are spelled alike share a view.

    Ninja gives each router a view of its own, which refuses the methods of the others.
    """
    views: dict[str, list[View]] = {}
    entries = list(patterns)
    for entry in entries:
        if isinstance(entry, URLPattern):
            views.setdefault(str(entry.pattern), []).append(entry.callback)
    return [
        URLPattern(entry.pattern, one_of(views[str(entry.pattern)]), entry.default_args, entry.name)
        if isinstance(entry, URLPattern) and len(views[str(entry.pattern)]) > 1
        else entry
        for entry in entries
    ]


type View = Callable[..., HttpResponseBase]


def one_of(views: list[View]) -> View:
    """The first view that allows the request's method answers; 405 names the methods of all."""

    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        allowed: list[str] = []
        for each in views:
            response = each(request, *args, **kwargs)
            if not isinstance(response, HttpResponseNotAllowed):
                return response
            allowed += response["Allow"].split(", ")
        return HttpResponseNotAllowed(sorted(set(allowed)))

    view.csrf_exempt = True  # type: ignore[attr-defined] # as Ninja's views are: its gates check
    return view


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
