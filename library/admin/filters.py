"""The list's filters."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from hls.models import ACTIVE, State
from library.models import Video

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
