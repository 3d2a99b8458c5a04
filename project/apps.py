from django.apps import AppConfig

from project import checks


class ProjectConfig(AppConfig):
    name = "project"
    verbose_name = "Videoflix"

    def ready(self) -> None:
        checks.register_all()
