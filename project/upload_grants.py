"""Who may use a grant's address: whoever has it, as long as whoever made it may still upload.

The library knows grants, and accounts know people and keys; only here are both known.
"""

from django.http import HttpRequest
from ninja.errors import AuthenticationError

from accounts import keys
from accounts.models import Scope, User
from library.grants import granting
from library.grants.models import UploadGrant


def by_grant(request: HttpRequest) -> UploadGrant:
    """A Ninja authentication callable. Raises NotFound for an address that is none, AuthenticationError."""
    match = request.resolver_match
    grant = granting.find(str(match.kwargs.get("token", "")) if match else "")
    if not may_still_upload(grant):
        raise AuthenticationError
    return grant


def may_still_upload(grant: UploadGrant) -> bool:
    if grant.api_key_id is not None:
        return keys.live(grant.api_key_id, Scope.UPLOADS_WRITE) is not None
    owner = User.objects.filter(pk=grant.owner_id or 0, is_active=True, is_staff=True).first()
    return owner is not None and owner.has_perm("library.add_video")
