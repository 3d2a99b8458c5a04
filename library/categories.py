"""The categories: which there are, which are offered, and whether one may go."""

from collections.abc import Sequence
from typing import Any

from django.apps import apps as installed
from django.db.models import QuerySet
from django.utils.text import slugify

from library.errors import FieldsRefused
from library.models import Category, FirstCategory

LONGEST_SLUG = 40  # leaves room for a number behind it


def offered() -> QuerySet[Category]:
    """Those that new videos may get, in the editors' order."""
    return Category.objects.filter(is_hidden=False)


def slugs() -> list[str]:
    """Of all categories. The first one is what a video gets for which none is named; hidden ones come last."""
    return list(Category.objects.order_by("is_hidden", "position", "name").values_list("slug", flat=True))


def usual() -> str:
    """What a video gets for which no category is named."""
    return next(iter(slugs()), FirstCategory.DRAMA.value)


def check(slug: str) -> None:
    """Raises FieldsRefused unless there is such a category."""
    known = slugs()
    if slug not in known:
        raise FieldsRefused({"category": [f"Input should be {alternatives(known)}."]})


def alternatives(words: Sequence[str]) -> str:
    """ "'drama', 'action' or 'vlog'"."""
    *first, last = map(repr, words) if words else ["nothing: there is no category"]
    return f"{', '.join(first)} or {last}" if first else last


def new_slug(name: str) -> str:
    """A slug that no category has, made of the name."""
    taken = set(slugs())
    made = slugify(name)[:LONGEST_SLUG].strip("-") or "category"
    numbered = (f"{made}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (made, *numbered) if slug not in taken)


def in_use(category: Category, count: int) -> str:
    videos = "a video has" if count == 1 else f"{count} videos have"
    return f"{category}: {videos} this category. Give them another one first, or hide it."


def add_first(*, apps: Any = installed, **_: object) -> None:
    """The categories of the start, where there are none: after the migrations, and after a `flush`."""
    try:
        model = apps.get_model("library", "Category")
    except LookupError:  # migrated to before there were any
        return
    if not model.objects.exists():
        model.objects.bulk_create(
            model(slug=first.value, name=first.label, position=number)
            for number, first in enumerate(FirstCategory, start=1)
        )
