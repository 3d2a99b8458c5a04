"""What the schema says of a viewer's lists where it can't see it in the code."""

from typing import Any

from library.openapi import TOTAL

PAGED: dict[str, Any] = {"responses": {200: {"headers": {"X-Total-Count": TOTAL}}}}
