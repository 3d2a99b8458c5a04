"""Every address: the welcome page, the API, the admin, and the page to watch on."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from accounts.views import forgotten_password, new_password
from project.api import api
from project.health.metrics import metrics
from project.slashes import either_slash, of_one_video_first, one_view_for_each_route
from project.views import welcome

patterns, app_name, namespace = api.urls
routes = of_one_video_first(either_slash(one_view_for_each_route(patterns)))

urlpatterns = [
    path("", welcome, name="welcome"),
    path(
        "api/",
        include((routes, app_name), namespace=namespace),
    ),
    path("metrics", metrics),
    path("admin/forgotten-password/", forgotten_password, name="forgotten_password"),
    path("admin/new-password/", new_password, name="new_password"),
    path("admin/", admin.site.urls),
    *([path("", include("watch.urls"))] if settings.REFERENCE_FRONTEND else []),
]
