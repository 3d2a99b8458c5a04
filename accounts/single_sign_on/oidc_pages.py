"""Single sign-on's two addresses: the way to the provider, and the way back."""

from urllib.parse import unquote, urlencode, urlsplit

import structlog
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.admin_sign_in import sign_in_steps
from accounts.auth import by_cookie
from accounts.errors import (
    AccountInactive,
    JourneyUnknown,
    NotAskedAgain,
    NotStaff,
    OtherAccount,
    PasswordNeeded,
    SignInRefused,
    SingleSignOnRefused,
    TooManyTries,
)
from accounts.models import Session
from accounts.single_sign_on import joining, oidc, proof
from accounts.single_sign_on.oidc import Identity, Journey
from accounts.throttling import Throttle, client_address

journeys = Throttle("THROTTLE_SIGN_IN_ADDRESS")  # begun at one address: each leaves a row
log = structlog.get_logger("videoflix.accounts")


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """`?next=` is where to go on, `?back=` who shows what went wrong; `?for=admin` signs in to the admin.

    `?again=1` is for who is signed in, and has to prove once more who they are (accounts/single_sign_on/proof.py).
    """
    if settings.OIDC is None:
        raise Http404
    journey = journey_asked_for(request)
    try:
        journeys.take(f"oidc {client_address(request)}")
        sign_in_steps.end_soon(request)
        return HttpResponseRedirect(oidc.begin(request, journey))
    except SingleSignOnRefused as error:
        return refused(request, error, journey)
    except TooManyTries as error:
        return plain(request, error.with_wait(), status=429)


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    if settings.OIDC is None:
        raise Http404
    try:
        journey, verifier = oidc.journey_of(request)
    except JourneyUnknown as error:
        return plain(request, str(error), status=400)
    try:
        identity = oidc.identity(request, journey, verifier)
        if journey.is_again:
            check_again(identity, journey)
        try:
            user = joining.user_of(identity)
        except PasswordNeeded as error:
            sign_in_steps.remember_to_connect(request, identity, error.user_id)
            raise
        if journey.is_for_admin and not user.is_staff:
            raise NotStaff
    except SingleSignOnRefused as error:
        return refused(request, error, journey)
    account = user.email or user.username
    if journey.is_for_admin:
        return sign_in_steps.after_first_step(request, user, account=account, next_url=journey.next_url)
    try:
        return sign_in_steps.after_first_step_of_viewer(
            request, user, account=account, next_url=journey.next_url, proved_at=identity.proved_at
        )
    except SignInRefused:
        return refused(request, AccountInactive("deactivated or deleted meanwhile"), journey)


def check_again(identity: Identity, journey: Journey) -> None:
    """Raises NotAskedAgain, or OtherAccount for somebody else than whose session it was: they are not signed in."""
    if not proof.is_fresh(identity.proved_at):
        raise NotAskedAgain("the provider says that it did not ask")
    begun_by = Session.objects.filter(pk=journey.session_id).first() if journey.session_id else None
    user = joining.connected(identity)
    if begun_by is not None and (user is None or user.pk != begun_by.user_id):
        raise OtherAccount("another account than the session's")


def journey_asked_for(request: HttpRequest) -> Journey:
    is_for_admin = request.GET.get("for") == "admin"
    home = reverse("admin:index") if is_for_admin else f"{settings.FRONTEND_BASE_URL}/"
    next_url = own_url(request, request.GET.get("next", "")) or home
    back_url = reverse("admin:login") if is_for_admin else own_url(request, request.GET.get("back", "")) or next_url
    is_again = "again" in request.GET
    viewer = by_cookie(request) if is_again else None
    session_id = str(viewer.session_id) if viewer else ""
    return Journey(is_for_admin, next_url, back_url, is_again=is_again, session_id=session_id)


def own_url(request: HttpRequest, url: str) -> str:
    """The address, if it is one of ours or of the frontend at FRONTEND_BASE_URL; else nothing."""
    if url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return url
    base = settings.FRONTEND_BASE_URL
    parts, of_base = urlsplit(url), urlsplit(base)
    is_safe = url_has_allowed_host_and_scheme(url, {of_base.netloc})
    is_below = parts.scheme == of_base.scheme and f"{parts.path}/".startswith(f"{of_base.path}/")
    return url if is_safe and is_below and ".." not in unquote(parts.path) else ""


def refused(request: HttpRequest, error: SingleSignOnRefused, journey: Journey) -> HttpResponse:
    """Back to where they came from, with a code; in the admin with a sentence."""
    log.warning("single sign-on refused", code=error.code, reason=error.reason)
    if journey.is_for_admin:
        messages.error(request, str(error))
        return HttpResponseRedirect(f"{journey.back_url}?{urlencode({'next': journey.next_url})}")
    mark = "&" if "?" in journey.back_url else "?"
    return HttpResponseRedirect(f"{journey.back_url}{mark}{urlencode({'error': error.code})}")


def plain(request: HttpRequest, sentence: str, *, status: int) -> HttpResponse:
    return render(request, "sign_in_refused.html", {"sentence": sentence}, status=status)
