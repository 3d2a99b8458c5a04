"""People, keys and mails in the admin. Django's autodiscovery imports this package, and so what registers itself."""

from accounts.admin.keys import ApiKeyAdmin
from accounts.admin.mails import MailAdmin
from accounts.admin.people import GroupAdmin, UserAdmin

__all__ = ["ApiKeyAdmin", "GroupAdmin", "MailAdmin", "UserAdmin"]
