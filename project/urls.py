"""Every address: the welcome page, the API, the admin, and the page to watch on."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from accounts.admin_sign_in import second_factor_pages
from accounts.admin_sign_in.password_pages import forgotten_password, new_password, own_password
from accounts.single_sign_on import oidc_pages
from project.api import api
from project.health.metrics import metrics
from project.login import sign_in
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
    path("admin/password_change/", own_password),
    path("oidc/login/", oidc_pages.begin, name="oidc_begin"),
    path("oidc/callback/", oidc_pages.callback, name="oidc_callback"),
    path("admin/login/", sign_in),
    path("admin/second-factor/", second_factor_pages.own_page, name="second_factor"),
    path("admin/second-factor/code/", second_factor_pages.code_page, name="second_factor_code"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),  # as people type it
    path("admin/", admin.site.urls),
    *([path("", include("watch.urls"))] if settings.REFERENCE_FRONTEND else []),
]
