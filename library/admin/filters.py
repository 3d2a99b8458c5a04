"""The list's filters."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from hls.models import ACTIVE, State
from library.models import Category, Video
from library.tracks.captioned import is_captioned
from library.visibility import published

RUNNING = "active"


class TranscodeStateFilter(admin.SimpleListFilter):
    """By the transcode's state; "in progress" is queued or processing."""

    title = "status"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(RUNNING, "In progress"), *((state.value, str(state.label)) for state in State)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Video]) -> QuerySet[Video]:
        value = self.value()
        if value == RUNNING:
            return queryset.filter(transcode__state__in=ACTIVE)
        return queryset.filter(transcode__state=value) if value in State.values else queryset


class PublicationFilter(admin.SimpleListFilter):
    """By who sees a video: viewers, staff alone, or viewers from a moment on that is still to come."""

    title = "publication"
    parameter_name = "publication"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("published", "Published"), ("draft", "Draft"), ("scheduled", "Scheduled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Video]) -> QuerySet[Video]:
        match self.value():
            case "published":
                return queryset.filter(published())
            case "draft":
                return queryset.filter(is_published=False)
            case "scheduled":
                return queryset.filter(is_published=True, publish_at__gt=timezone.now())
        return queryset


class CaptionsFilter(admin.SimpleListFilter):
    """By subtitles or captions: with them, or ready without, as the list marks it."""

    title = "captions"
    parameter_name = "captions"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("with", "With captions or subtitles"), ("without", "Without")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Video]) -> QuerySet[Video]:
        match self.value():
            case "with":
                return queryset.filter(is_captioned())
            case "without":
                return queryset.filter(~is_captioned(), transcode__state=State.READY)
        return queryset


class CategoryFilter(admin.SimpleListFilter):
    """By category, hidden ones too."""

    title = "category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Category.objects.values_list("slug", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Video]) -> QuerySet[Video]:
        return queryset.filter(category=self.value()) if self.value() else queryset
