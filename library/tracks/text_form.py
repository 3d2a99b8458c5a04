"""A text file in a multipart form: Django reads such forms for POST alone, and this one comes with PUT.

The file stays in memory, since it is small: more than a text may have is not kept, and an announced length that is too
large is refused before anything is read.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload
from django.core.handlers.wsgi import LimitedStream
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from hls.core.subtitles.reading import MOST_BYTES
from library.errors import FieldsRefused, TooLarge, WrongMedia
from library.uploads.request_body import content_length

FILE = "file"
BESIDE_BYTES = 64_000  # the form's other fields and its borders
REFUSAL = f"A text has at most {MOST_BYTES // 1_000_000} MB."


class TextReceiver(MemoryFileUploadHandler):
    """Keeps files of the form in memory, and ends the form where they get too long."""

    received_bytes = 0

    def handle_raw_input(self, *arguments: Any, **options: Any) -> None:
        """Every file is kept in memory, whatever its length: it is bounded here."""
        self.activated = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self.received_bytes += len(raw_data)
        if self.received_bytes > MOST_BYTES:
            raise StopUpload(connection_reset=True)
        return super().receive_data_chunk(raw_data, start)


@dataclass(frozen=True)
class TextForm:
    name: str  # the file's name on the sender's machine
    data: bytes
    fields: dict[str, str]


def text_form(request: HttpRequest) -> TextForm:
    """The form of a PUT. Raises WrongMedia, TooLarge, FieldsRefused."""
    if request.content_type != "multipart/form-data":
        raise WrongMedia("Send the content type multipart/form-data.")
    most = MOST_BYTES + BESIDE_BYTES
    length = content_length(request)
    if length is not None and length > most:
        raise TooLarge(REFUSAL)
    receiver = TextReceiver(request)
    request.upload_handlers = [receiver]
    told = request.META | {"CONTENT_LENGTH": str(most if length is None else length)}
    try:
        fields, files = request.parse_file_upload(told, LimitedStream(cast(BytesIO, request), most))
    except MultiPartParserError:
        raise FieldsRefused({FILE: ["The form can't be read."]}) from None
    if receiver.received_bytes > MOST_BYTES:
        raise TooLarge(REFUSAL)
    file = files.get(FILE)
    if not isinstance(file, InMemoryUploadedFile):
        raise FieldsRefused({FILE: ["This field is required."]})
    return TextForm(file.name or "", file.read(), {name: str(value) for name, value in fields.items()})
