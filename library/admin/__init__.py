"""Videos in the admin. Django's autodiscovery imports this package, and with it what registers itself."""

from library.admin.categories import CategoryAdmin
from library.admin.videos import VideoAdmin
from library.admin.webhooks import WebhookDeliveryAdmin, WebhookEndpointAdmin

__all__ = ["CategoryAdmin", "VideoAdmin", "WebhookDeliveryAdmin", "WebhookEndpointAdmin"]
