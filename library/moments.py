"""Times, as they come in over the API and go out of it."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator


def in_utc(moment: datetime) -> str:
    """ISO 8601 with `Z`, as the API has all times."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _iso(value: object) -> object:
    """Pydantic also takes numbers for times, and texts of digits, as seconds or milliseconds since 1970."""
    if isinstance(value, str) and value[4:5] == "-":
        return value
    raise ValueError("Input should be a time in ISO 8601, such as 2027-01-31T12:00:00Z.")


def _storable(moment: datetime) -> datetime:
    """Near the ends of the calendar an offset leads to the year 0 or 10000, which UTC doesn't have."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("Input should be a time in the years 1 to 9999, in UTC.") from None


type Moment = Annotated[AwareDatetime, BeforeValidator(_iso), AfterValidator(_storable)]
