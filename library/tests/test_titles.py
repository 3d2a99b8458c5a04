"""A title is one line of text, whichever way it comes."""

from base64 import b64encode

import pytest
from django.core.exceptions import ValidationError
from pydantic import ValidationError as SchemaRefused

from library import titles
from library.admin.forms import VideoForm
from library.admin.rows import RowForm
from library.errors import FieldsRefused
from library.uploads import metadata
from library.writing.schemas import VideoIn

HOSTILE = ["two\nlines", "a\x1b[31mred one", "\x07", "del\x7f"]


@pytest.mark.parametrize("title", ["Harbour at Dawn", " between spaces ", "電影 🎬", "e\u0301", "x" * 200])
def test_title_of_any_language_is_taken(title: str) -> None:
    assert titles.fault(title) is None


@pytest.mark.parametrize("title", ["", "  ", "x" * 201])
def test_title_has_a_length(title: str) -> None:
    assert titles.fault(title) == "A title has 1 to 200 characters."


@pytest.mark.parametrize("title", [*HOSTILE, "b\udcffd"])
def test_what_no_line_can_hold_is_no_title(title: str) -> None:
    assert titles.fault(title) == titles.BROKEN


@pytest.mark.parametrize("title", HOSTILE)
def test_upload_form_and_api_say_the_same(title: str) -> None:
    words = {"filename": "harbour.mp4", "title": title}
    header = ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in words.items())
    with pytest.raises(FieldsRefused) as refused:
        metadata.read(header)
    assert refused.value.fields == {"title": [titles.BROKEN]}
    with pytest.raises(SchemaRefused, match=titles.BROKEN):
        VideoIn.model_validate({"title": title})
    for form in (VideoForm, RowForm):
        with pytest.raises(ValidationError, match=titles.BROKEN):
            form.base_fields["title"].clean(title)
