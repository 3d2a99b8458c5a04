"""Django's rules for new passwords, applied to the normalised text: wide characters make no password less common."""

from typing import Protocol

from django.contrib.auth import password_validation

from accounts.hashers import nfkc
from accounts.models import User


class Rule(Protocol):
    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError."""

    def get_help_text(self) -> str: ...


class AsHashed:
    """One of Django's rules, by its name and with its options."""

    def __init__(self, rule: str, **options: int) -> None:
        self._rule: Rule = getattr(password_validation, rule)(**options)

    def validate(self, password: str, user: User | None = None) -> None:
        self._rule.validate(nfkc(password), user)

    def get_help_text(self) -> str:
        return self._rule.get_help_text()
