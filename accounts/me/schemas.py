"""What goes in and out of the endpoints of one's own account."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import langcodes
from langcodes.tag_parser import LanguageTagError
from ninja import Field, Schema
from pydantic import AfterValidator, ValidationInfo, field_validator

from accounts.models import LANGUAGE_LENGTH
from accounts.schemas import SIGN_IN_LENGTH, Email, NewPassword, same, storable

NAME_LENGTH = 150
REORDERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # of text around the name, too (UAX #9)


def _name(text: str) -> str:
    """Any name: letters may be joined or kept apart by characters without a width, and spaces have several widths."""
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        raise ValueError("Line breaks and control characters are not allowed.")
    if any(unicodedata.bidirectional(character) in REORDERING for character in text):
        raise ValueError("Characters that change the direction of what follows are not allowed.")
    return text.strip()


def _language(tag: str) -> str:
    """The tag in its shortest form: `en` for `eng`, `pt-BR` for `pt_br`."""
    if not tag:
        return ""
    try:
        language = langcodes.Language.get(tag).simplify_script()
    except LanguageTagError:
        language = None
    if language is None or language.language is None or not language.is_valid():
        raise ValueError("Write a language as a BCP 47 tag, such as en or pt-BR.")
    return language.to_tag()


type Password = Annotated[
    str,
    Field(max_length=SIGN_IN_LENGTH, examples=["a quiet river at 5"], json_schema_extra={"format": "password"}),
    AfterValidator(storable),
]
Name = Annotated[str, Field(max_length=NAME_LENGTH), AfterValidator(storable), AfterValidator(_name)]
Language = Annotated[str, Field(max_length=LANGUAGE_LENGTH), AfterValidator(storable), AfterValidator(_language)]


class MeOut(Schema):
    id: int = Field(examples=[2])
    email: str = Field(description="Empty for staff who have none.", examples=["ada@example.com"])
    new_email: str = Field(
        description="What the e-mail is to be once the link in its mail is opened; empty where none was asked for.",
        examples=["ada@example.org"],
    )
    first_name: str = Field(examples=["Ada"])
    last_name: str = Field(examples=["Lovelace"])
    language: str = Field(description="BCP 47; empty where none was chosen.", examples=["en"])
    is_staff: bool = Field(description="Whether the admin is open to them.", examples=[False])
    joined_at: datetime = Field(description="UTC.", examples=["2026-11-22T18:30:00Z"])
    has_password: bool = Field(
        description="False for who came by single sign-on and never chose one. What asks for the password then asks"
        " for a new sign-in instead: send an empty one while `proved_until` lasts.",
        examples=[True],
    )
    proved_until: datetime | None = Field(
        description="Until when the last sign-in counts as the password of an account that has none; null where they"
        " have to sign in again first, or have a password. UTC.",
        examples=[None],
    )


class MeIn(Schema):
    """What is left out stays as it is."""

    first_name: Name | None = Field(default=None, examples=["Ada"])
    last_name: Name | None = Field(default=None, examples=["Lovelace"])
    language: Language | None = Field(
        default=None, description="BCP 47, such as en or pt-BR; empty for none.", examples=["en"]
    )

    def wanted(self) -> dict[str, Any]:
        return {name: value for name, value in self.model_dump(exclude_unset=True).items() if value is not None}


class PasswordChangeIn(Schema):
    """`old_password` is empty for a first one."""

    old_password: Password
    new_password: NewPassword
    confirm_password: NewPassword | None = Field(
        default=None, description="The new one again, if the person was asked twice.", examples=["a quiet river at 5"]
    )

    @field_validator("confirm_password")
    @classmethod
    def is_the_same(cls, again: str | None, info: ValidationInfo) -> str | None:
        return again if again is None else same(again, info, "new_password")


class EmailChangeIn(Schema):
    """`password` is empty where there is none."""

    email: Email
    password: Password


class EmailConfirmIn(Schema):
    uid: str = Field(max_length=100, description="`uid` in the mail's link.", examples=["Mg"])
    token: str = Field(
        max_length=200,
        description="`token` in the mail's link.",
        examples=["diix9y-d0a7536c65df220ade0a8a4b6db786a4"],
    )


class DeletionIn(Schema):
    """`password` is empty where there is none."""

    password: Password


class SessionOut(Schema):
    id: UUID = Field(examples=["5f0c6b1e-3f0e-4a38-9b57-8e2f6b0f2f0a"])
    device: str = Field(description="As far as the browser tells.", examples=["Firefox on Windows"])
    first_seen_at: datetime = Field(
        validation_alias="created_at", description="When it was signed in. UTC.", examples=["2026-11-22T18:30:00Z"]
    )
    last_seen_at: datetime = Field(
        validation_alias="last_used_at",
        description="When its tokens were renewed last, which happens each half hour. UTC.",
        examples=["2026-11-22T18:30:00Z"],
    )
    expires_at: datetime = Field(
        description="When it ends unless its tokens are renewed. UTC.", examples=["2026-11-29T18:30:00Z"]
    )
    is_current: bool = Field(description="Whether this request belongs to it.", examples=[True])
