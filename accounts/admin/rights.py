"""Whom a member of the staff may change: nobody who may do more than they.

Whoever sets somebody's password or e-mail could sign in as that person, and so have all their rights.
"""

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.models import User

OF_ONESELF = ("is_active", "is_staff", "is_superuser")  # nobody takes them from themselves: they would be shut out


def manageable(people: QuerySet[User], request: HttpRequest) -> QuerySet[User]:
    """Those of these people whom whoever asks may change. Rights count that somebody has while deactivated."""
    if request.user.is_superuser:
        return people
    mine = Permission.objects.filter(Q(user=request.user.pk) | Q(group__user=request.user.pk))
    beyond = Permission.objects.exclude(pk__in=mine)
    equals = people.exclude(user_permissions__in=beyond).exclude(groups__permissions__in=beyond)
    return equals.filter(is_superuser=False)


def may_manage(user: User, request: HttpRequest) -> bool:
    return manageable(User.objects.filter(pk=user.pk), request).exists()


def is_oneself(user: User | None, request: HttpRequest) -> bool:
    return user is not None and user.pk == request.user.pk


def without(name: str, fieldsets: Any) -> list[tuple[Any, dict[str, Any]]]:
    """A page's fieldsets without one field, whose link answers 403 to whoever may only look."""
    return [
        (title, {**options, "fields": [field for field in options["fields"] if field != name]})
        for title, options in fieldsets
    ]
