"""The second factor's pages in the admin: the code at sign-in, setting it up, and what its owner can do with it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts import cookies, sessions, tries
from accounts.admin_sign_in import second_factor, sign_in_steps
from accounts.errors import CodeRefused, SignInRefused, TooManyTries
from accounts.mailboxes import normalised
from accounts.models import User
from accounts.passwords import is_right
from accounts.throttling import client_address

NEW_KEY = "accounts.new_key"  # key in Django's session: the key that is being set up
TOO_LONG = "That took too long, or your password has changed. Sign in again."
WRONG_PASSWORD = "This password is wrong."  # noqa: S105 (a sentence)
CODE_ATTRIBUTES = {
    "autocomplete": "one-time-code",
    "autocapitalize": "none",
    "spellcheck": "false",
    "inputmode": "text",
}


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs={**CODE_ATTRIBUTES, "autofocus": True}),
    )


class CodeOfAppForm(forms.Form):
    code = forms.CharField(
        label="Code of the app",
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs={**CODE_ATTRIBUTES, "inputmode": "numeric"}),
    )


class SetUpForm(CodeOfAppForm):
    """For who is signed in: the password shows that its owner asks (OWASP ASVS 5.0 7.5.1)."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )


class ChangeForm(forms.Form):
    """For new recovery codes, and for switching it off: either shows that its owner asks."""

    code = forms.CharField(
        label="Code",
        max_length=64,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs=CODE_ATTRIBUTES),
    )
    password = forms.CharField(
        label="Or your password",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("code") and not cleaned.get("password"):
            raise forms.ValidationError("Enter a code or your password.")
        return cleaned


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def code_page(request: HttpRequest) -> HttpResponse:
    """The second step of signing in: the app's code, or a recovery code."""
    found = sign_in_steps.waiting_in(request)
    if found is None:
        return sign_in_again(request)
    user, waiting = found
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            check_counted(request, user, form.cleaned_data["code"], account=waiting.account)
        except (CodeRefused, TooManyTries) as error:
            form.add_error(None, sentence(error))
        else:
            try:
                return sign_in_steps.after_code(request, user, waiting)
            except SignInRefused:  # deactivated or deleted just now
                return sign_in_again(request)
    context = {"form": form, "is_for_admin": waiting.is_for_admin}
    return shown(request, "admin/second_factor_code.html", title="Second step", **context)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def own_page(request: HttpRequest) -> HttpResponse:
    """What somebody can do with their own second factor; for who must set one up, the step after the password."""
    found = sign_in_steps.waiting_in(request)
    if found is not None and found[1].is_for_admin:
        user, waiting = found
        if second_factor.is_on(user):
            return redirect("second_factor_code")
        template = "admin/second_factor_required.html"
        return set_up(request, user, template, account=waiting.account, next_url=waiting.next_url)
    if not admin.site.has_permission(request):
        return redirect(f"{reverse('admin:login')}?next={request.path}")
    user = User.objects.get(pk=request.user.pk or 0)
    if second_factor.is_on(user):
        return change(request, user)
    template = "admin/second_factor_set_up.html"
    kind = SetUpForm if user.has_usable_password() else CodeOfAppForm
    return set_up(request, user, template, account=name_of(user), next_url=reverse("admin:index"), kind=kind)


def set_up(
    request: HttpRequest,
    user: User,
    template: str,
    *,
    account: str,
    next_url: str,
    kind: type[CodeOfAppForm] = CodeOfAppForm,
) -> HttpResponse:
    """Show a new key until a code of it is entered; then the recovery codes, once."""
    key = request.session.get(NEW_KEY) or second_factor.new_key()
    request.session[NEW_KEY] = key
    new = second_factor.NewKey(key)
    form = kind(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with counted(request, user, account=account):
                if "password" in form.cleaned_data:
                    prove(user, code="", password=form.cleaned_data["password"])
                codes = second_factor.switch_on(user, new, form.cleaned_data["code"])
        except (CodeRefused, TooManyTries) as error:
            form.add_error("code", sentence(error))
        except SignInRefused:
            form.add_error("password", WRONG_PASSWORD)
        else:
            begin_anew(request, user, account=account, has_second_factor=True)
            return shown(
                request, "admin/recovery_codes.html", title="Your recovery codes", codes=codes, next_url=next_url
            )
    told = {"picture": new.picture(user), "key": new.text}
    return shown(request, template, title="Set up a second factor", form=form, **told)


def change(request: HttpRequest, user: User) -> HttpResponse:
    """New recovery codes, or the end of it."""
    form = ChangeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with counted(request, user, account=name_of(user)):
                prove(user, **form.cleaned_data)
        except TooManyTries as error:
            form.add_error(None, sentence(error))
        except CodeRefused as error:
            form.add_error("code", sentence(error))
        except SignInRefused:
            form.add_error("password", WRONG_PASSWORD)
        else:
            return changed(request, user)
    return shown(
        request,
        "admin/second_factor.html",
        title="Second factor",
        form=form,
        left=second_factor.recovery_codes_left(user),
        is_required=second_factor.is_required(user),
    )


def changed(request: HttpRequest, user: User) -> HttpResponse:
    if "renew" in request.POST:
        codes = second_factor.new_recovery_codes(user)
        own = reverse("second_factor")
        return shown(request, "admin/recovery_codes.html", title="Your recovery codes", codes=codes, next_url=own)
    second_factor.switch_off(user)
    if second_factor.is_missing(user):
        sessions.end_everywhere(user)
        logout(request)
        messages.success(request, "Your second factor is off. Sign in to set up another.")
        return redirect("admin:login")
    begin_anew(request, user, account=name_of(user), has_second_factor=False)
    messages.success(request, "Your second factor is off. Everywhere else you are signed out.")
    return redirect("second_factor")


def begin_anew(request: HttpRequest, user: User, *, account: str, has_second_factor: bool) -> None:
    """Sign out everywhere, and in again here: who signed in before did it by other rules."""
    sessions.end_everywhere(user)
    sign_in_steps.complete(request, user, account=account, has_second_factor=has_second_factor)


def prove(user: User, *, code: str, password: str) -> None:
    """Raises CodeRefused, or SignInRefused for a wrong password."""
    if code:
        second_factor.check(user, code)
    elif not is_right(user, password):
        raise SignInRefused


def check_counted(request: HttpRequest, user: User, code: str, *, account: str) -> None:
    with counted(request, user, account=account):
        second_factor.check(user, code)


def counted(request: HttpRequest, user: User, *, account: str) -> Any:
    known_devices = request.COOKIES.get(cookies.DEVICE, "")
    return tries.counted(account, address=client_address(request), known_devices=known_devices, code_of=user.pk)


def sentence(error: SignInRefused | TooManyTries) -> str:
    return error.with_wait() if isinstance(error, TooManyTries) else str(error)


def name_of(user: User) -> str:
    """What the app shows, and what tries are counted under."""
    return normalised(user.email or user.username)


def sign_in_again(request: HttpRequest) -> HttpResponse:
    """Who has not begun is told nothing: no row is kept for anybody who asks."""
    if sign_in_steps.WAITING in request.session:
        messages.warning(request, TOO_LONG)
    return redirect("admin:login")


def shown(request: HttpRequest, template: str, **context: object) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), **context})
