"""The page's addresses: it answers under all of them, and shows what the address names."""

from django.urls import re_path

from watch.views import page

app_name = "watch"
urlpatterns = [re_path(r"^watch(?:/.*)?$", page, name="page")]
