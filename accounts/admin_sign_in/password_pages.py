"""The admin's pages for passwords: asking for a new one, choosing it with the link that was mailed, changing it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from unfold.forms import AdminOwnPasswordChangeForm
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminPasswordWidget

from accounts import cookies, mailboxes, services
from accounts.admin_sign_in import sign_in_steps
from accounts.errors import LinkRefused, PasswordRefused, ProofMissing, TooManyTries, WrongPassword
from accounts.mailboxes import EMAIL_LENGTH
from accounts.mailing import links
from accounts.me import changes
from accounts.me.changes import Caller
from accounts.single_sign_on import proof
from accounts.throttling import client_address

ON_ITS_WAY = "If somebody has an account with this e-mail, a mail with a link is on its way."


class ForgottenPasswordForm(forms.Form):
    email = forms.EmailField(
        label="E-mail",
        max_length=EMAIL_LENGTH,
        validators=[mailboxes.check],
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "email", "autofocus": True}),
    )


class NewPasswordForm(forms.Form):
    """Asks twice. How strong the password is, is judged when it is set."""

    password = forms.CharField(
        label="Password", strip=False, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    )
    again = forms.CharField(
        label="Password again", strip=False, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("again") and cleaned.get("password") != cleaned["again"]:
            self.add_error("again", "The passwords don't match.")
        return cleaned


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """Asks for the old password, too, whose wrong ones count as at sign-in."""

    def __init__(self, *arguments: Any, caller: Caller, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.caller = caller

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        try:
            changes.check_password(self.user, old, self.caller, field="old_password")
        except WrongPassword as error:
            raise forms.ValidationError(str(error), code="password_incorrect") from error
        except ProofMissing as error:  # which only a session of the API can have
            raise forms.ValidationError(proof.CHOOSE_ONE, code="password_missing") from error
        except TooManyTries as error:
            raise forms.ValidationError(error.with_wait(), code="too_many_tries") from error
        return old


class OwnPasswordPage(PasswordChangeView):
    """In place of Unfold's, which takes no other form."""

    form_class = OwnPasswordForm
    success_url = reverse_lazy("admin:password_change_done")

    def get_form_kwargs(self) -> dict[str, Any]:
        known_devices = self.request.COOKIES.get(cookies.DEVICE, "")
        return {**super().get_form_kwargs(), "caller": Caller(client_address(self.request), known_devices)}

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return {**super().get_context_data(**context), **admin.site.each_context(self.request)}


own_password = admin.site.admin_view(OwnPasswordPage.as_view())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten_password(request: HttpRequest) -> HttpResponse:
    """Order the mail. The answer is the same for every well-formed address, as in the API."""
    form = ForgottenPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.request_password_reset(
                form.cleaned_data["email"], address=client_address(request), site=site_of(request)
            )
        except TooManyTries as error:
            form.add_error(None, str(error))
        else:
            sign_in_steps.end_soon(request)
            messages.success(request, ON_ITS_WAY)
            return redirect("admin:login")
    return shown(request, "admin/forgotten_password.html", title="Forgot password", form=form)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def new_password(request: HttpRequest) -> HttpResponse:
    """`?uid=…&token=…`: the link of an invitation or of a forgotten password. It works until a password is chosen."""
    uid, token = request.GET.get("uid", ""), request.GET.get("token", "")
    form = NewPasswordForm(request.POST or None)
    title = "Choose a password"
    try:
        user = links.user_of_link(uid, token, *links.NEW_PASSWORD)
        if request.method == "POST" and form.is_valid():
            services.reset_password(uid, token, form.cleaned_data["password"], address=client_address(request))
            sign_in_steps.end_soon(request)
            messages.success(request, "Your password is set. Sign in with it.")
            return redirect("admin:login")
    except PasswordRefused as error:
        form.add_error("password", error.sentences)
    except LinkRefused as error:
        return shown(request, "admin/new_password.html", title=title, refusal=str(error), status=400)
    return shown(request, "admin/new_password.html", title=title, form=form, name=user.email or user.username)


def shown(request: HttpRequest, template: str, *, status: int = 200, **context: object) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), **context}, status=status)


def site_of(request: HttpRequest) -> str:
    """The origin that a mail's link leads back to: the one that was asked, unless any name is answered.

    With ALLOWED_HOSTS=* whoever asks could make the link lead anywhere, so it leads to where this machine finds itself.
    """
    return settings.SITE if "*" in settings.ALLOWED_HOSTS else f"{request.scheme}://{request.get_host()}"
