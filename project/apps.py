from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ProjectConfig(AppConfig):
    name = "project"
    verbose_name = "Videoflix"

    def ready(self) -> None:
        autodiscover_modules("health.checks", "personal.admin")  # only now: they import models
