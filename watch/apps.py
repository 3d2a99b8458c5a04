from django.apps import AppConfig


class WatchConfig(AppConfig):
    """The page to watch on: static files and one view, without models."""

    name = "watch"
