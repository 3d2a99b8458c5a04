"""What all apps keep about whoever is signed in, in one file."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from ninja import Router
from ninja.errors import AuthenticationError

from accounts.auth import Viewer
from accounts.models import User
from project.personal.export import everything_about

router = Router(tags=["Me"])

FILE_NAME = "videoflix-account.json"
EXAMPLE = {
    "exported_at": "2026-11-22T18:30:00Z",
    "account": [{"id": 2, "email": "ada@example.com", "first_name": "Ada", "language": "en"}],
    "watch_progress": [{"video_id": 1, "position_s": 754.2, "reported_at": "2026-11-22T18:30:00Z"}],
}
ATTACHMENT: dict[str, Any] = {
    "responses": {
        200: {
            "description": "OK",
            "headers": {
                "Content-Disposition": {
                    "schema": {"type": "string"},
                    "example": f'attachment; filename="{FILE_NAME}"',
                }
            },
            "content": {
                "application/json": {
                    "schema": {"type": "object", "additionalProperties": True},
                    "example": EXAMPLE,
                }
            },
        }
    }
}


class PersonalRequest(HttpRequest):
    """A request after authentication."""

    auth: Viewer


@router.get(
    "/export/",
    response={401: None},
    operation_id="exportMe",
    summary="Get everything that is kept about the person",
    openapi_extra=ATTACHMENT,
)
def export_me(request: PersonalRequest) -> JsonResponse:
    """A file of JSON: a list of rows for each kind of thing that is kept. Secrets, such as the password's hash, are not
    in it."""
    user = User.objects.filter(pk=request.auth.user_id or 0).first()
    if user is None:
        raise AuthenticationError  # deleted a moment ago
    headers = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"', "Cache-Control": "private, no-store"}
    return JsonResponse(everything_about(user), headers=headers)
