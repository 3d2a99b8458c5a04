"""One's own account: who is signed in, what they change of it, where they are signed in, and its end.

A status with None is an error that is raised: project/schema.py describes its body.
"""

from typing import Annotated
from uuid import UUID

from django.contrib.auth import logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from ninja import Path, Router
from ninja.errors import AuthenticationError

from accounts import cookies, openapi, sessions
from accounts.api import SignedInRequest, examples, forbid_storing, with_headers
from accounts.errors import LastAdministrator, LinkRefused
from accounts.me import changes, deletion
from accounts.me.changes import Caller
from accounts.me.schemas import DeletionIn, EmailChangeIn, EmailConfirmIn, MeIn, MeOut, PasswordChangeIn, SessionOut
from accounts.models import User
from accounts.schemas import DetailOut
from accounts.sessions import ListedSession
from accounts.single_sign_on import proof
from accounts.throttling import client_address

router = Router(tags=["Me"])

PASSWORD_CHANGED = "Your password has been changed. You are signed out everywhere else."  # noqa: S105 (a sentence)
ON_ITS_WAY = "A mail with a link is on its way to the new address. It has to be opened to confirm it."
EMAIL_CHANGED = "Your e-mail has been changed."

SessionId = Annotated[
    UUID, Path(description="As `listSessions` names it.", example="5f0c6b1e-3f0e-4a38-9b57-8e2f6b0f2f0a")
]


@router.get("/", response={200: MeOut, 401: None}, operation_id="getMe", summary="Who is signed in")
def get_me(request: SignedInRequest, response: HttpResponse) -> MeOut:
    """For a frontend after a reload: its scripts can't read the cookies. 401 where nobody is signed in.

    Staff who signed in to the admin alone are named, too: they may read videos by that.
    """
    forbid_storing(response)
    return described(user_of(request), request)


@router.patch(
    "/", response={200: MeOut, 400: None, 401: None}, operation_id="editMe", summary="Change names or language"
)
def edit_me(request: SignedInRequest, response: HttpResponse, payload: MeIn) -> MeOut:
    """What is left out stays as it is."""
    never_store(response)
    user = user_of(request)
    changes.edit(user, payload.wanted())
    return described(user, request)


@router.post(
    "/password/",
    response={200: DetailOut, 400: None, 401: None, 429: None},
    operation_id="changePassword",
    summary="Change the password",
    openapi_extra=examples({}, done=PASSWORD_CHANGED),
)
def change_password(request: SignedInRequest, response: HttpResponse, payload: PasswordChangeIn) -> DetailOut:
    """Ends every other session; the one that asks goes on. Wrong passwords count as those of `login` do.

    Sets the first one, too, within ten minutes of a new sign-in by single sign-on (`proved_until` of `getMe`).
    """
    never_store(response)
    user = user_of(request)
    changes.change_password(user, payload.old_password, payload.new_password, caller(request))
    if request.user.pk == user.pk:  # this browser's sign-in to the admin
        update_session_auth_hash(request, user)
    return DetailOut(detail=PASSWORD_CHANGED)


@router.post(
    "/email/",
    response={200: DetailOut, 400: None, 401: None, 429: None},
    operation_id="changeEmail",
    summary="Ask for another e-mail",
    openapi_extra=examples({}, done=ON_ITS_WAY),
)
def change_email(request: SignedInRequest, response: HttpResponse, payload: EmailChangeIn) -> DetailOut:
    """Mails a link to the new address; until it is opened everything stays as it is.

    The answer is the same whether or not somebody has that address. Wrong passwords count as those of `login` do.
    """
    never_store(response)
    changes.ask_for_email(user_of(request), payload.email, payload.password, caller(request))
    return DetailOut(detail=ON_ITS_WAY)


@router.post(
    "/email/confirm/",
    auth=None,
    tags=["Accounts"],
    response={200: DetailOut, 400: None},
    operation_id="confirmEmail",
    summary="Confirm the new e-mail",
    openapi_extra=examples({400: LinkRefused}, done=EMAIL_CHANGED),
)
def confirm_email(request: HttpRequest, payload: EmailConfirmIn) -> DetailOut:
    """Takes `uid` and `token` from the link in the mail, on any device. Works once. The old address is told."""
    changes.confirm_email(payload.uid, payload.token)
    return DetailOut(detail=EMAIL_CHANGED)


@router.get(
    "/sessions/",
    response={200: list[SessionOut], 401: None},
    operation_id="listSessions",
    summary="Where somebody is signed in",
)
def list_sessions(request: SignedInRequest, response: HttpResponse) -> list[ListedSession]:
    """The session that was used last comes first. Sign-ins to the admin are not among them."""
    never_store(response)
    return sessions.live_of(user_of(request), current=request.auth.session_id)


@router.delete(
    "/sessions/{session_id}/",
    response={204: None, 401: None, 404: None},
    operation_id="endSession",
    summary="Sign out on one device",
)
def end_session(request: SignedInRequest, session_id: SessionId) -> HttpResponse:
    """It can no longer do anything at once, and plays no new segment within 60 s."""
    sessions.end_own(user_of(request), session_id)
    response = HttpResponse(status=204)
    if session_id == request.auth.session_id:
        cookies.sign_out(response)
    return response


@router.delete(
    "/",
    response={204: None, 400: None, 401: None, 409: None, 429: None},
    operation_id="deleteMe",
    summary="Delete the account",
    openapi_extra=with_headers(examples({409: LastAdministrator}), openapi.SIGNED_OUT, 204),
)
def delete_me(request: SignedInRequest, payload: DeletionIn) -> HttpResponse:
    """Everything that is kept about the person is gone, and can't be brought back.

    What they did in the admin stays in its history without their name. 409 for the last administrator. Wrong passwords
    count as those of `login` do.
    """
    user = user_of(request)
    changes.check_password(user, payload.password, caller(request), field="password")
    deletion.delete_own(user)
    if request.user.pk == request.auth.user_id:
        logout(request)
    response = HttpResponse(status=204)
    cookies.sign_out(response)
    return response


def user_of(request: SignedInRequest) -> User:
    user = User.objects.filter(pk=request.auth.user_id or 0).first()
    if user is None:
        raise AuthenticationError  # deleted a moment ago
    return user


def described(user: User, request: SignedInRequest) -> MeOut:
    return MeOut(
        id=user.pk,
        email=user.email,
        new_email=user.new_email,
        first_name=user.first_name,
        last_name=user.last_name,
        language=user.language,
        is_staff=user.is_staff,
        joined_at=user.date_joined,
        has_password=user.has_usable_password(),
        proved_until=proof.proved_until(user, request.auth.session_id),
    )


def caller(request: SignedInRequest) -> Caller:
    return Caller(client_address(request), request.COOKIES.get(cookies.DEVICE, ""), request.auth.session_id)


def never_store(response: HttpResponse) -> None:
    response["Cache-Control"] = "private, no-store"
