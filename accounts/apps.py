from corsheaders.signals import check_request_enabled
from django.apps import AppConfig

from accounts import origins


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        check_request_enabled.connect(origins.may_read, dispatch_uid="accounts.origins")
