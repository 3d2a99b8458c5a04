"""Registering, signing in and out, and forgotten passwords.

A status with None is an error that is raised: project/schema.py describes its body.
"""

import re
import secrets
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import reverse
from ninja import Path, Router, Status
from ninja.errors import HttpError, ValidationError
from pydantic import ValidationError as Invalid

from accounts import cookies, devices, openapi, origins, services, sessions
from accounts.auth import Viewer
from accounts.errors import AccountsError, LinkRefused, RefreshTokenMissing, SignInRefused, TokenRefused
from accounts.schemas import (
    ActivationResendIn,
    DetailOut,
    LoginIn,
    LoginOut,
    Message,
    PasswordConfirmIn,
    PasswordResetIn,
    RefreshIn,
    RefreshOut,
    RegisteredUser,
    RegisterIn,
    RegisterOut,
    SignedInUser,
    SignInRefusal,
    SingleSignOnOut,
)
from accounts.throttling import client_address

router = Router(auth=None)


LinkUser = Annotated[str, Path(description="`uid` in the mail's link.", example="Mg")]
LinkToken = Annotated[
    str, Path(description="`token` in the mail's link.", example="diix9y-d0a7536c65df220ade0a8a4b6db786a4")
]


class SignedInRequest(HttpRequest):
    """A request after authentication."""

    auth: Viewer


RESENT = "If an account with this address awaits its activation, a new link is on its way."
SIGNED_OUT = "Logout successful! All tokens will be deleted. Refresh token is now invalid."
RESET = "Your Password has been successfully reset."
JSON = re.compile(r"application/(.+\+)?json")
TRANSPORT = {
    "name": cookies.TRANSPORT,
    "in": "header",
    "required": False,
    "description": "`body` for clients that keep their tokens themselves: bodies carry them, and no cookie is set.",
    "schema": {"type": "string", "examples": ["body"]},
}
REFRESH_BODY = {
    "description": "Used only with `X-Token-Transport: body`. Otherwise it is ignored, and the cookie is used.",
    "required": False,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RefreshIn"}}},
}


def examples(errors: dict[int, type[AccountsError]], *, done: str = "") -> dict[str, Any]:
    """OpenAPI examples of what an operation says: of its errors, and of its success where that is one sentence."""
    said = {status: error.sentence for status, error in errors.items()} | ({200: done} if done else {})
    return {
        "responses": {
            status: {"content": {"application/json": {"example": {"detail": sentence}}}}
            for status, sentence in said.items()
        }
    }


def with_headers(described: dict[str, Any], headers: openapi.Headers, *statuses: int) -> dict[str, Any]:
    """The same with these headers in the answers of these statuses."""
    answers = described["responses"]
    return {**described, "responses": answers | {one: {**answers.get(one, {}), "headers": headers} for one in statuses}}


@router.post(
    "register/",
    response={201: RegisterOut, 400: None, 429: None},
    operation_id="register",
    summary="Create an account",
)
def register(request: HttpRequest, payload: RegisterIn, response: HttpResponse) -> Status[RegisterOut]:
    """The account can be used once the link in the activation mail has been opened.

    A known e-mail and a weak password get the same answer.
    """
    forbid_storing(response)
    user = services.register(payload.email, payload.password, address=client_address(request))
    return Status(201, RegisterOut(user=RegisteredUser(id=user.pk, email=user.email), token=secrets.token_urlsafe(24)))


@router.get(
    "activate/{uidb64}/{token}/",
    response={200: Message, 400: None},
    operation_id="activateAccount",
    summary="Activate an account",
    openapi_extra=examples({400: LinkRefused}),
)
def activate(request: HttpRequest, uidb64: LinkUser, token: LinkToken) -> Message:
    """Takes `uid` and `token` from the link in the activation mail. Each link works once."""
    services.activate(uidb64, token)
    return Message(message="Account successfully activated.")


@router.post(
    "activation/resend/",
    response={200: DetailOut, 400: None, 429: None},
    operation_id="resendActivation",
    summary="Ask for the activation mail again",
    openapi_extra=examples({}, done=RESENT),
)
def resend_activation(request: HttpRequest, payload: ActivationResendIn) -> DetailOut:
    """Mails a new link if the account awaits its activation. The answer is the same for every well-formed address."""
    services.resend_activation(payload.email, address=client_address(request))
    return DetailOut(detail=RESENT)


@router.post(
    "login/",
    response={200: LoginOut, 400: None, 401: SignInRefusal, 429: None},
    operation_id="login",
    summary="Sign in",
    openapi_extra=with_headers(examples({401: SignInRefused}), openapi.SIGNED_IN, 200) | {"parameters": [TRANSPORT]},
    exclude_none=True,
)
def login(request: HttpRequest, payload: LoginIn, response: HttpResponse) -> LoginOut:
    """Sets the cookies `access_token` (30 minutes) and `refresh_token` (7 days, renewed with each refresh).

    With the header `X-Token-Transport: body` the answer holds both tokens instead, and no cookie is set. An unknown
    e-mail, a wrong password and an inactive account get the same answer. A session that this browser already had ends.
    Staff may have a second factor: then a right password alone is answered with 401 and the `code`
    `second_factor_required`; send all again with `otp`.
    403 tells a page on `127.0.0.1` that calls `localhost` (or the other way round) that its browser keeps no cookie.
    """
    if not cookies.are_unwanted(request):
        origins.check_host_name(request)
    signed_in = services.sign_in(
        payload.email,
        payload.password,
        address=client_address(request),
        agent=request.headers.get("User-Agent", ""),
        known_devices=request.COOKIES.get(cookies.DEVICE, ""),
        code=payload.otp,
    )
    forbid_storing(response)
    answer = LoginOut(detail="Login successful", user=SignedInUser(id=signed_in.user.pk, username=signed_in.user.email))
    if cookies.are_unwanted(request):
        answer.access, answer.refresh = signed_in.pair.access, signed_in.pair.refresh
        return answer
    sessions.end_session_in(request.COOKIES.get(cookies.REFRESH, ""))
    cookies.sign_in(response, signed_in.pair)
    cookies.set_device(response, signed_in.known_devices, max_age_s=int(devices.LIFETIME.total_seconds()))
    get_token(request)  # sets the readable CSRF cookie; an existing one is kept for open forms in the admin
    return answer


@router.get(
    "single-sign-on/",
    response=SingleSignOnOut,
    operation_id="getSingleSignOn",
    summary="Whether there is single sign-on",
)
def get_single_sign_on(request: HttpRequest) -> SingleSignOnOut:
    """Send browsers to `url`; docs/frontend.md says what it takes and how they come back."""
    if settings.OIDC is None:
        return SingleSignOnOut(name=None, url=None)
    return SingleSignOnOut(name=settings.OIDC.name, url=request.build_absolute_uri(reverse("oidc_begin")))


@router.post(
    "token/refresh/",
    response={200: RefreshOut, 400: None, 401: None},
    operation_id="refreshToken",
    summary="Renew the access token",
    openapi_extra=with_headers(examples({400: RefreshTokenMissing, 401: TokenRefused}), openapi.REFRESHED, 200)
    | {"parameters": [TRANSPORT], "requestBody": REFRESH_BODY},
    exclude_none=True,
)
def refresh(request: HttpRequest, response: HttpResponse) -> RefreshOut:
    """Takes the `refresh_token` cookie, needs no body, and replaces both cookies.

    With `X-Token-Transport: body` it takes `refresh` from the body, and the answer holds the next one. A refresh token
    that was replaced more than 10 seconds ago ends its whole session, because it may be stolen.
    """
    token = refresh_token_in(request)
    if not token:
        raise RefreshTokenMissing
    pair = sessions.refresh(token)
    forbid_storing(response)
    if cookies.are_unwanted(request):
        return RefreshOut(detail="Token refreshed", access=pair.access, refresh=pair.refresh)
    cookies.sign_in(response, pair)
    return RefreshOut(detail="Token refreshed", access=pair.access)


@router.post(
    "logout/",
    response={200: DetailOut, 400: DetailOut},
    operation_id="logout",
    summary="Sign out",
    openapi_extra=with_headers(examples({400: RefreshTokenMissing}, done=SIGNED_OUT), openapi.SIGNED_OUT, 200, 400)
    | {"parameters": [TRANSPORT], "requestBody": REFRESH_BODY},
)
def logout(request: HttpRequest, response: HttpResponse) -> DetailOut | Status[DetailOut]:
    """Takes the `refresh_token` cookie, needs no body. Clears the cookies. The access token stops working at once.

    With `X-Token-Transport: body` it takes `refresh` from the body.
    """
    token = refresh_token_in(request)
    if not cookies.are_unwanted(request):
        cookies.sign_out(response)
    if not sessions.end_session_in(token):
        error = TokenRefused() if token else RefreshTokenMissing()
        return Status(400, DetailOut(detail=str(error)))
    return DetailOut(detail=SIGNED_OUT)


@router.post(
    "password_reset/",
    response={200: DetailOut, 400: None, 429: None},
    operation_id="requestPasswordReset",
    summary="Ask for a link to reset the password",
)
def request_password_reset(request: HttpRequest, payload: PasswordResetIn) -> DetailOut:
    """The answer is the same for every well-formed address, known or not.

    An account that awaits its activation gets the activation mail again instead.
    """
    services.request_password_reset(payload.email, address=client_address(request))
    return DetailOut(detail="An email has been sent to reset your password.")


@router.post(
    "password_confirm/{uidb64}/{token}/",
    response={200: DetailOut, 400: None},
    operation_id="confirmPasswordReset",
    summary="Set a new password",
    openapi_extra=examples({}, done=RESET),
)
def confirm_password_reset(
    request: HttpRequest, uidb64: LinkUser, token: LinkToken, payload: PasswordConfirmIn
) -> DetailOut:
    """Takes `uid` and `token` from the link in the reset mail. Works once, and ends every session of that user."""
    services.reset_password(uidb64, token, payload.new_password, address=client_address(request))
    return DetailOut(detail=RESET)


def refresh_token_in(request: HttpRequest) -> str:
    """The client's refresh token: from the cookie, or from the body with `X-Token-Transport: body`.

    Raises HttpError or ValidationError for a bad body, as Ninja does.
    """
    if not cookies.are_unwanted(request):
        return request.COOKIES.get(cookies.REFRESH, "")
    if request.body and not JSON.fullmatch(request.content_type or ""):
        raise HttpError(400, "This is not JSON.")
    try:
        return RefreshIn.model_validate_json(request.body or b"{}").refresh
    except Invalid as error:
        problems = [{**problem, "loc": ("body", "payload", *problem["loc"])} for problem in error.errors()]
        if problems[0]["type"] == "json_invalid":
            raise HttpError(400, "This can't be read.") from error
        raise ValidationError(problems) from error


def forbid_storing(response: HttpResponse) -> None:
    """Forbid caches to store a response that contains a token (RFC 6749 section 5.1)."""
    response["Cache-Control"] = "no-store"
