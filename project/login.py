"""The admin's login form, which takes a username or an e-mail."""

from typing import Any

from unfold.forms import AuthenticationForm


class LoginForm(AuthenticationForm):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["username"].label = "Username or e-mail"
