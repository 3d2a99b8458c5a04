"""The `.env` file, looked at before its values are read: what can't be read is refused, not left out."""

import codecs
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream


class EnvFileRefused(Exception):
    """The message completes the sentence "FILE can't be read: …", and holds no value."""


def env_file_encoding(name: str, *, is_needed: bool) -> str:
    """How the file is written: UTF-8, or UTF-16 with its byte order mark, as Windows' editors and shells save text.

    Raises EnvFileRefused where it is neither, where one of its lines can't be read, and where it is missing although
    it `is_needed`; OSError where the system doesn't let us read it.
    """
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:  # "~" of somebody who has no home
        raise EnvFileRefused("there is no such home folder") from error
    if is_needed and (path.is_dir() or not path.exists()):
        raise EnvFileRefused("ENV_FILE accepts a file, or nothing to go without one")
    if not path.is_file():
        return "utf-8"  # missing, or a pipe, which can be read only once
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # UTF-16 without a mark, or UTF-32
        raise EnvFileRefused("it accepts UTF-8, or UTF-16 with a byte order mark")
    for statement in parse_stream(StringIO(text)):
        if statement.error:
            line = statement.original.line
            raise EnvFileRefused(f"line {line} is no NAME=value, or a quotation mark is missing in it")
    return encoding
