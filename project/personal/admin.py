"""What somebody watched, on their page in the admin: to be read by those who may, and changed by nobody there.

The people are of accounts and the videos of library, which don't know each other; so it is added from here.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from unfold.decorators import display

from accounts.admin.moments import ago
from accounts.admin.people import UserAdmin
from accounts.models import User
from library.models import MyListEntry, WatchProgress

NEWEST = 10
WATCHING = ("Watching", {"fields": ["watched", "listed"], "classes": ["collapse"]})

admin.site.unregister(User)


@admin.register(User)
class ViewerAdmin(UserAdmin):
    """People, with what they watched."""

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), *WATCHING[1]["fields"]]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        may_see = obj is not None and request.user.has_perm("library.view_watchprogress")
        return [*shown, WATCHING] if may_see else shown

    @display(description="Watched last")
    def watched(self, user: User) -> str:
        rows = WatchProgress.objects.filter(viewer=user).order_by("-reported_at").select_related("video")[:NEWEST]
        told = [(row.video.title, clock(row.position_s), ago(row.reported_at)) for row in rows]
        return format_html_join("", "<div>{}, to {}, {}</div>", told) or "Nothing"

    @display(description="On their list")
    def listed(self, user: User) -> str:
        rows = MyListEntry.objects.filter(viewer=user).order_by("-added_at").select_related("video")[:NEWEST]
        return (
            format_html_join("", "<div>{}, {}</div>", [(row.video.title, ago(row.added_at)) for row in rows])
            or "Nothing"
        )


def clock(seconds: float) -> str:
    """Such as "1:02:03"."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
