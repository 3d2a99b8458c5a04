"""Times, as they come in over the API and go out of it."""

from datetime import UTC, datetime
from typing import Annotated

from django.core.serializers.json import DjangoJSONEncoder
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

# A day from the ends of the calendar, so that there is such a time in every zone that it is told in
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
OUT_OF_BOUNDS = f"Input should be a time from {EARLIEST.date()} to {LATEST.date()}, in UTC."


def in_utc(moment: datetime) -> str:
    """ISO 8601 with `Z`, to the millisecond, as Django writes JSON and so the API has all times."""
    return str(DjangoJSONEncoder().default(moment.astimezone(UTC)))


def is_storable(moment: datetime) -> bool:
    return EARLIEST <= moment <= LATEST


def _iso(value: object) -> object:
    """Pydantic also takes numbers for times, and texts of digits, as seconds or milliseconds since 1970."""
    if isinstance(value, str) and value[4:5] == "-":
        return value
    raise ValueError("Input should be a time in ISO 8601, such as 2027-01-31T12:00:00Z.")


def _bounded(moment: datetime) -> datetime:
    if not is_storable(moment):
        raise ValueError(OUT_OF_BOUNDS)
    return moment


type AnyMoment = Annotated[AwareDatetime, BeforeValidator(_iso)]
type Moment = Annotated[AnyMoment, AfterValidator(_bounded)]
