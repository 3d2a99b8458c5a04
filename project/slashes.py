"""Routes that match with and without their trailing slash, so that no caller is ever redirected."""

from collections.abc import Iterable
from typing import Any

from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RoutePattern


class EitherSlash(RoutePattern):
    """The route as written, or with its last slash added or taken away."""

    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, int | str]] | None:
        return super().match(path) or super().match(path[:-1] if path.endswith("/") else f"{path}/")


def either_slash(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    return [
        URLPattern(EitherSlash(str(entry.pattern), is_endpoint=True), entry.callback, entry.default_args, entry.name)
        if isinstance(entry, URLPattern)
        else entry
        for entry in patterns
    ]
