"""What can be wrong with a video or a request for one; each message is a sentence for a person."""


class LibraryError(Exception):
    """The base of the library's errors. Each message may be shown to people."""


class FileRefused(LibraryError):
    """A file that can't be added."""


class PictureRefused(LibraryError):
    """A poster that can't be kept."""


class UploadRefused(LibraryError):
    """A resumable upload, or a piece of one, that can't be taken."""


class UploadMalformed(UploadRefused):
    """A header that is missing or can't be read."""


class UnknownVersion(UploadRefused):
    """Another version of the tus protocol."""

    def __init__(self) -> None:
        super().__init__("Send the header Tus-Resumable: 1.0.0.")


class WrongMedia(UploadRefused):
    """Another content type than is asked for: in uploads, the one of tus."""

    def __init__(self, sentence: str = "Send the content type application/offset+octet-stream.") -> None:
        super().__init__(sentence)


class NotPermitted(UploadRefused):
    """Somebody of the staff who may not do this: unless it says otherwise, make videos."""

    def __init__(self, sentence: str = "You may not add videos.") -> None:
        super().__init__(sentence)


class TooLarge(UploadRefused):
    """More bytes than allowed, or than announced."""


class NoRoom(UploadRefused):
    """The disk is full except for its reserve."""

    def __init__(self) -> None:
        super().__init__("There is not enough free space on the disk.")


class FinalUpload(UploadRefused):
    """A piece for an upload that is made of others (tus "Concatenation": 403)."""

    def __init__(self) -> None:
        super().__init__("This upload is made of others; it takes no pieces.")


class OffsetConflict(UploadRefused):
    """The piece doesn't begin where the upload ends."""

    def __init__(self) -> None:
        super().__init__("The upload does not continue here; ask for its offset first.")


class UploadBusy(UploadRefused):
    """Another request is writing to it."""

    def __init__(self) -> None:
        super().__init__("Another request is writing to this upload.")


class UploadGone(UploadRefused):
    """It has expired, or was ended."""

    def __init__(self) -> None:
        super().__init__("This upload has expired or was ended.")


class ChecksumMismatch(UploadRefused):
    """The piece was changed on its way; it is dropped."""

    def __init__(self) -> None:
        super().__init__("The checksum does not match; the piece was dropped.")


class FieldsRefused(LibraryError):
    """Metadata that can't be used: sentences by field."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__("The metadata can't be used.")
        self.fields = fields


class ExternalIdTaken(LibraryError):
    """Another video has it."""

    def __init__(self) -> None:
        super().__init__("Another video has this external_id.")


class KeyUsedOtherwise(LibraryError):
    """An Idempotency-Key that came with another request before."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was sent with another request.")


class SwitchedOff(LibraryError):
    """A webhook that nothing is sent to."""

    def __init__(self) -> None:
        super().__init__("This webhook is switched off, so nothing is sent to it.")


class NotFound(LibraryError):
    """No such video, rendition or segment, or none that may be seen."""

    def __init__(self) -> None:
        super().__init__("Not found.")


class CannotMove(LibraryError):
    """Files that can't be brought to another store as things are."""
