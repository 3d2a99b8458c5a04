"""Webhooks over the API, for staff and for keys with the scope `webhooks:write`."""

from typing import Annotated

from django.db.models import QuerySet
from django.http import HttpResponse
from ninja import Path, Router, Status
from pydantic import BeforeValidator

from library.errors import NotFound, NotPermitted
from library.parameters import one_spelling
from library.viewers import UploaderRequest, owner_of
from library.webhooks import services
from library.webhooks.models import WebhookEndpoint, WebhookEvent
from library.webhooks.schemas import WebhookChanges, WebhookIn, WebhookOut, WebhookSecretOut, WebhookTestOut

router = Router(tags=["Webhooks"])

WebhookId = Annotated[
    int, BeforeValidator(one_spelling), Path(ge=1, le=2**63 - 1, description="The webhook's id.", example=1)
]
REFUSED = {401: None, 403: None, 404: None}


@router.get(
    "/",
    response={200: list[WebhookOut], 401: None, 403: None},
    operation_id="listWebhooks",
    summary="List the webhooks",
)
def list_webhooks(request: UploaderRequest, response: HttpResponse) -> QuerySet[WebhookEndpoint]:
    """All endpoints that are told of events."""
    check_may(request, "view", "change")
    response["Cache-Control"] = "no-store"
    return endpoints()


@router.post(
    "/",
    response={201: WebhookSecretOut, 400: None, 401: None, 403: None},
    operation_id="addWebhook",
    summary="Be told of events",
)
def add_webhook(request: UploaderRequest, response: HttpResponse, webhook: WebhookIn) -> Status[WebhookEndpoint]:
    """From now on each event is sent to the address, signed as Standard Webhooks says, at least once.

    The same event always has the same `webhook-id`. Whatever isn't answered with a status from 200 to 299 within 15
    seconds is sent again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 14 h; 410 switches the webhook off.
    """
    check_may(request, "add")
    response["Cache-Control"] = "no-store"
    return Status(201, services.add(webhook.url, webhook.events, request.auth.user_id))


@router.patch(
    "/{webhook_id}/",
    response={200: WebhookOut, 400: None, **REFUSED},
    operation_id="editWebhook",
    summary="Change a webhook",
)
def edit_webhook(request: UploaderRequest, webhook_id: WebhookId, changes: WebhookChanges) -> WebhookEndpoint:
    """Its secret stays. One that is switched on again gets what has waited."""
    check_may(request, "change")
    wanted = {name: value for name, value in changes.model_dump(exclude_unset=True).items() if value is not None}
    return services.edit(endpoint(webhook_id).pk, wanted)


@router.delete(
    "/{webhook_id}/", response={204: None, **REFUSED}, operation_id="deleteWebhook", summary="Delete a webhook"
)
def delete_webhook(request: UploaderRequest, webhook_id: WebhookId) -> HttpResponse:
    """What was waiting for it is not sent any more."""
    check_may(request, "delete")
    services.remove(endpoint(webhook_id).pk)
    return HttpResponse(status=204)


@router.post(
    "/{webhook_id}/rotate/",
    response={200: WebhookSecretOut, **REFUSED},
    operation_id="rotateWebhookSecret",
    summary="Give a webhook a new secret",
)
def rotate_secret(request: UploaderRequest, response: HttpResponse, webhook_id: WebhookId) -> WebhookEndpoint:
    """For 24 hours events are signed with both, in one header; libraries accept either.

    Rotated again meanwhile, the new secret and the one before it sign; older ones don't.
    """
    check_may(request, "change")
    response["Cache-Control"] = "no-store"
    return services.rotate(endpoint(webhook_id).pk)


@router.post(
    "/{webhook_id}/test/",
    response={202: WebhookTestOut, **REFUSED, 409: None},
    operation_id="testWebhook",
    summary="Send a test",
)
def send_test(request: UploaderRequest, webhook_id: WebhookId) -> Status[WebhookEvent]:
    """An event `webhook.test`, to this webhook alone. 409 for one that is switched off."""
    check_may(request, "change")
    return Status(202, services.send_test(endpoint(webhook_id).pk))


def endpoints() -> QuerySet[WebhookEndpoint]:
    """Without `manage.py webhook listen`, which comes and goes by itself."""
    return WebhookEndpoint.objects.filter(listener_seen_at=None)


def endpoint(webhook_id: int) -> WebhookEndpoint:
    """Raises NotFound."""
    found = endpoints().filter(pk=webhook_id).first()
    if found is None:
        raise NotFound
    return found


def check_may(request: UploaderRequest, *verbs: str) -> None:
    """Raises NotPermitted for who may do none of these in the admin either."""
    owner = owner_of(request)
    if not any(owner.may(f"library.{verb}_webhookendpoint") for verb in verbs):
        raise NotPermitted(f"You may not {verbs[0]} webhooks.")
