from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, pre_delete
from django.dispatch import Signal
from django.utils.module_loading import import_string


class LibraryConfig(AppConfig):
    name = "library"
    verbose_name = "Library"

    def ready(self) -> None:
        happened: Signal = import_string("hls.events.happened")
        add_first = import_string("library.categories.add_first")  # imported here, because it needs models
        bringers = import_string("hls.sources.awaited.bringers")
        bringers.append(import_string("library.fetching.bringing.bring"))
        post_migrate.connect(add_first, sender=self, dispatch_uid="library.categories", weak=False)
        receive = import_string("library.webhooks.receiving.receive")
        forget_person = import_string("library.writing.idempotency.forget_person")
        pre_delete.connect(forget_person, sender=settings.AUTH_USER_MODEL, dispatch_uid="library.writing", weak=False)
        receive_deletion = import_string("library.webhooks.receiving.receive_deletion")
        pre_delete.connect(receive_deletion, sender="library.Video", dispatch_uid="library.webhooks", weak=False)
        happened.connect(receive, dispatch_uid="library.webhooks", weak=False)
