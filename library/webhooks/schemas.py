"""What the API says of webhooks."""

from datetime import datetime
from typing import Annotated

from ninja import Field, Schema
from pydantic import StrictBool

from library.webhooks.models import Happening

EVENTS_EXAMPLE = ["video.ready", "video.failed"]
type EventName = Annotated[str, Field(json_schema_extra={"enum": list(Happening.values)})]
URL_EXAMPLE = "https://example.org/hook"


class WebhookIn(Schema):
    url: str = Field(max_length=2000, description="https, on the public internet.", examples=[URL_EXAMPLE])
    events: list[EventName] = Field(
        [], max_length=50, description="All events where none is named.", examples=[EVENTS_EXAMPLE]
    )


class WebhookChanges(Schema):
    """What is left out stays as it is."""

    url: str | None = Field(None, max_length=2000, examples=[URL_EXAMPLE])
    events: list[EventName] | None = Field(None, max_length=50, examples=[EVENTS_EXAMPLE])
    is_active: StrictBool | None = Field(None, examples=[True])


class WebhookOut(Schema):
    id: int = Field(examples=[1])
    url: str = Field(examples=[URL_EXAMPLE])
    events: list[EventName] = Field(description="Empty: all of them.", examples=[EVENTS_EXAMPLE])
    is_active: bool = Field(examples=[True])
    switched_off_because: str = Field(description="Empty unless it was switched off by itself.", examples=[""])
    created_at: datetime = Field(examples=["2026-11-27T18:30:00Z"])


class WebhookSecretOut(WebhookOut):
    secret: str = Field(
        description="For the libraries of Standard Webhooks. It is shown this once.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw8Zc6mQ3f7hE="],
    )
    old_secret_until: datetime | None = Field(
        description="Until then events are signed with the secret before as well.", examples=[None]
    )


class WebhookTestOut(Schema):
    id: str = Field(description="The event's, which arrives as `webhook-id`.", examples=["msg_0c1f8a5b"])
