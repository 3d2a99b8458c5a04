"""The admin's login form, which takes a username or an e-mail."""

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from accounts.errors import TooManyTries


class LoginForm(AuthenticationForm):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["username"].label = "Username or e-mail"

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except TooManyTries as error:
            minutes = -(-error.retry_after_s // 60)
            wait = "a minute" if minutes == 1 else f"{minutes} minutes"
            raise ValidationError(f"{error} Wait {wait}.", code="too_many_tries") from error
