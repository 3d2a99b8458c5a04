"""How the admin looks: Unfold's settings."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy


def style(name: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(f"library/{name}.css")


def script(name: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(f"library/{name}.js")


def favicon(request: HttpRequest) -> str:
    return static("library/icon.svg")


def login_picture(request: HttpRequest) -> str:
    return static("library/login.svg")


def failed_videos(request: HttpRequest) -> str:
    return f"{reverse('admin:library_video_changelist')}?state=failed"


def shows_failed_videos(request: HttpRequest) -> bool:
    return request.GET.get("state") == "failed"


def shows_videos(request: HttpRequest) -> bool:
    """Whether the entry "Videos" is highlighted: only on pages that have no entry of their own."""
    videos, adding = reverse("admin:library_video_changelist"), reverse("admin:library_video_add")
    return request.path.startswith(videos) and request.path != adding and not shows_failed_videos(request)


def permits(permission: str) -> Callable[[HttpRequest], bool]:
    """Whether a sidebar's entry is shown."""
    return lambda request: request.user.has_perm(permission)


def account_links(request: HttpRequest) -> list[dict[str, str]]:
    """What the menu of who is signed in has between "View site" and "Log out"."""
    links = [{"title": "Second factor", "link": reverse("second_factor")}]
    if request.user.is_authenticated and request.user.has_usable_password():
        links.append({"title": "Change password", "link": reverse("admin:password_change")})
    return links


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Videoflix",
    "SITE_HEADER": "Videoflix",
    "SITE_SUBHEADER": "Videos and viewers",
    "SITE_URL": "/",
    "SITE_SYMBOL": "movie",
    "SHOW_VIEW_ON_SITE": True,
    "SHOW_BACK_BUTTON": True,
    "STYLES": [style("admin"), style("cards"), style("videos"), style("queue")],
    "SCRIPTS": [script("keyboard"), script("once")],
    "DASHBOARD_CALLBACK": "library.admin.dashboard.dashboard",
    "LOGIN": {"form": "project.login.LoginForm", "image": login_picture},
    "ACCOUNT": {"navigation": account_links},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": favicon}],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "#eef2ff",
            "100": "#e0e7ff",
            "200": "#c7d2fe",
            "300": "#a5b4fc",
            "400": "#818cf8",
            "500": "#818cf8",  # text on dark backgrounds: light enough for a contrast of 4.5:1
            "600": "#4f46e5",
            "700": "#4338ca",
            "800": "#3730a3",
            "900": "#312e81",
            "950": "#1e1b4b",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            {
                "title": "Videos",
                "items": [
                    {"title": "Dashboard", "icon": "dashboard", "link": reverse_lazy("admin:index")},
                    {
                        "title": "Videos",
                        "icon": "movie",
                        "link": reverse_lazy("admin:library_video_changelist"),
                        "active": shows_videos,
                        "badge": "library.admin.dashboard.running_badge",
                        "badge_variant": "info",
                        "permission": permits("library.view_video"),
                    },
                    {
                        "title": "Failed",
                        "icon": "error",
                        "link": failed_videos,
                        "badge": "library.admin.dashboard.failed_badge",
                        "badge_variant": "danger",
                        "active": shows_failed_videos,
                        "permission": permits("library.view_video"),
                    },
                    {
                        "title": "Add videos",
                        "icon": "upload",
                        "link": reverse_lazy("admin:library_video_add"),
                        "permission": permits("library.add_video"),
                    },
                    {
                        "title": "Categories",
                        "icon": "category",
                        "link": reverse_lazy("admin:library_category_changelist"),
                        "permission": permits("library.view_category"),
                    },
                    {
                        "title": "Queue",
                        "icon": "list_alt",
                        "link": reverse_lazy("admin:hueystats_hueydashboard_changelist"),
                        "permission": permits("hueystats.view_hueydashboard"),
                    },
                ],
            },
            {
                "title": "Webhooks",
                "items": [
                    {
                        "title": "Endpoints",
                        "icon": "webhook",
                        "link": reverse_lazy("admin:library_webhookendpoint_changelist"),
                        "permission": permits("library.view_webhookendpoint"),
                    },
                    {
                        "title": "Deliveries",
                        "icon": "outbox",
                        "link": reverse_lazy("admin:library_webhookdelivery_changelist"),
                        "permission": permits("library.view_webhookdelivery"),
                    },
                ],
            },
            {
                "title": "People",
                "items": [
                    {
                        "title": "Users",
                        "icon": "person",
                        "link": reverse_lazy("admin:accounts_user_changelist"),
                        "permission": permits("accounts.view_user"),
                    },
                    {
                        "title": "Groups",
                        "icon": "group",
                        "link": reverse_lazy("admin:auth_group_changelist"),
                        "permission": permits("auth.view_group"),
                    },
                    {
                        "title": "Mails",
                        "icon": "mail",
                        "link": reverse_lazy("admin:accounts_mail_changelist"),
                        "permission": permits("accounts.view_mail"),
                    },
                    {
                        "title": "API keys",
                        "icon": "key",
                        "link": reverse_lazy("admin:accounts_apikey_changelist"),
                        "permission": permits("accounts.view_apikey"),
                    },
                ],
            },
        ],
    },
}
