"""The admin's login form, which takes a username or an e-mail, and its page."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from unfold.forms import AuthenticationForm

from accounts.admin_sign_in import sign_in_steps
from accounts.errors import TooManyTries
from accounts.mailboxes import normalised


class LoginForm(AuthenticationForm):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["username"].label = "Username or e-mail"

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except TooManyTries as error:
            raise ValidationError(error.with_wait(), code="too_many_tries") from error


class PasswordStep(LoginView):
    """Asks for the password. accounts/admin_sign_in/sign_in_steps.py knows what follows."""

    template_name = "admin/login.html"
    authentication_form = LoginForm
    next_page = "admin:index"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        told = {
            "title": "Log in",
            "app_path": self.request.get_full_path(),
            "single_sign_on": settings.OIDC,
            "single_sign_on_query": urlencode({"for": "admin", "next": self.get_redirect_url()}),
        }
        return {**super().get_context_data(**context), **admin.site.each_context(self.request), **told}

    def form_valid(self, form: Any) -> HttpResponse:
        account = normalised(form.cleaned_data["username"])
        return sign_in_steps.after_first_step(
            self.request, form.get_user(), account=account, next_url=self.get_success_url()
        )


page = PasswordStep.as_view()


@never_cache
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """In place of the page of Django's admin, which signs in after the password."""
    if request.method == "GET" and admin.site.has_permission(request):
        return redirect("admin:index")
    return page(request)
