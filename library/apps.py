from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string


class LibraryConfig(AppConfig):
    name = "library"
    verbose_name = "Library"

    def ready(self) -> None:
        add_first = import_string("library.categories.add_first")  # imported here, because it needs models
        bringers = import_string("hls.sources.awaited.bringers")
        bringers.append(import_string("library.fetching.bringing.bring"))
        post_migrate.connect(add_first, sender=self, dispatch_uid="library.categories", weak=False)
