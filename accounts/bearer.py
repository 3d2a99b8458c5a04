"""The header `Authorization: Bearer`, which carries an access token or an API key."""

from django.http import HttpRequest

KEY_PREFIX = "vfk_"  # of API keys; access tokens are JWTs, which begin otherwise


def bearer_in(request: HttpRequest) -> str:
    """What stands behind `Bearer`; empty where there is nothing."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def key_in(request: HttpRequest) -> str:
    """The API key, whether or not it is a good one; empty where there is none. It is looked for nowhere else."""
    token = bearer_in(request)
    return token if token.startswith(KEY_PREFIX) else ""
