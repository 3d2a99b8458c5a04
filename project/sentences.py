"""What each status says to people, wherever it comes from."""

from http import HTTPStatus

SENTENCES = {
    400: "The request can't be read.",
    401: "Please sign in.",
    403: "You may not do this.",
    404: "Not found.",
    405: "This method is not allowed here.",
    413: "The request is too large.",
    415: "Send JSON, with the content type application/json.",
    460: "The checksum does not match; the piece was dropped.",
    429: "Too many attempts. Please try again later.",
    500: "Something went wrong on our side. It has been logged.",
    507: "There is not enough free space where files are kept.",
    503: "The service is not available right now. Please try again in a moment.",
}


def sentence_for(status: int) -> str:
    return SENTENCES.get(status) or f"{HTTPStatus(status).phrase}."
