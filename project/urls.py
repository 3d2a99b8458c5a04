"""Every address: the welcome page, the API, the admin."""

from django.contrib import admin
from django.urls import include, path

from accounts.views import forgotten_password, new_password
from project.api import api
from project.health.metrics import metrics
from project.slashes import either_slash
from project.views import welcome

patterns, app_name, namespace = api.urls

urlpatterns = [
    path("", welcome, name="welcome"),
    path("api/", include((either_slash(patterns), app_name), namespace=namespace)),
    path("metrics", metrics),
    path("admin/forgotten-password/", forgotten_password, name="forgotten_password"),
    path("admin/new-password/", new_password, name="new_password"),
    path("admin/", admin.site.urls),
]
