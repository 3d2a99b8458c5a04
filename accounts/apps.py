from corsheaders.signals import check_request_enabled
from django.apps import AppConfig
from django.utils.module_loading import import_string


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        may_read = import_string("accounts.origins.may_read")  # imported here, because it needs models
        check_request_enabled.connect(may_read, dispatch_uid="accounts.origins", weak=False)
