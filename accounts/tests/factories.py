"""Named builders of people and their sessions."""

from typing import Any

from factory.declarations import SelfAttribute, Sequence, Trait
from factory.django import DjangoModelFactory, Password

from accounts.models import Session, User
from accounts.sessions import Pair, open_session

PASSWORD = "a quiet river at 5"


class UserFactory(DjangoModelFactory[User]):
    """An active viewer; `waiting` registered but never followed the link, `staff` signs in to the admin."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        waiting = Trait(is_active=False, awaits_activation=True)
        staff = Trait(is_staff=True)
        superuser = Trait(is_staff=True, is_superuser=True)

    email = Sequence(lambda number: f"viewer{number}@example.com")
    username = SelfAttribute("email")
    password = Password(PASSWORD)


def signed_in(user: User, **changes: Any) -> tuple[Session, Pair]:
    """A session of that user, with some of its columns set otherwise, and the tokens its client holds."""
    pair = open_session(user, agent="A test")
    session = Session.objects.filter(user=user).latest("created_at")
    if changes:
        Session.objects.filter(pk=session.pk).update(**changes)
        session.refresh_from_db()
    return session, pair
