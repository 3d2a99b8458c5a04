"""What goes in and out of the accounts' endpoints."""

from typing import Annotated, Any

from django.core.exceptions import ValidationError
from ninja import Field, Schema
from pydantic import AfterValidator, ValidationInfo, field_validator

from accounts import mailboxes
from accounts.mailboxes import EMAIL_LENGTH

PASSWORD_LENGTH = 128  # of new passwords; whoever has a longer one from elsewhere can still sign in
SIGN_IN_LENGTH = 4_096
JWT_EXAMPLE = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"


def storable(text: str) -> str:
    """JSON can spell null characters and half surrogate pairs, which neither a database nor a hash takes."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("Null characters and broken characters are not allowed.")
    return text


def _email(text: str) -> str:
    try:
        mailboxes.check(text)
    except ValidationError as error:
        raise ValueError(mailboxes.NO_ADDRESS) from error
    return text.strip()


def optional(schema: dict[str, Any]) -> None:
    """Generated clients take a field with a default for one that is always there."""
    schema.pop("default")


type Email = Annotated[
    str,
    Field(max_length=EMAIL_LENGTH, examples=["ada@example.com"], json_schema_extra={"format": "email"}),
    AfterValidator(_email),
]
type NewPassword = Annotated[
    str,
    Field(
        max_length=PASSWORD_LENGTH,
        description="At least 8 characters of any kind, not a common password, not like the e-mail.",
        examples=["a quiet river at 5"],
        json_schema_extra={"format": "password"},
    ),
    AfterValidator(storable),
]


def same(again: str, info: ValidationInfo, field: str) -> str:
    if field in info.data and info.data[field] != again:
        raise ValueError("The passwords don't match.")
    return again


class RegisterIn(Schema):
    email: Email
    password: NewPassword
    confirmed_password: NewPassword

    @field_validator("confirmed_password")
    @classmethod
    def is_thesame(cls, again: str, info: ValidationInfo) -> str:
        return same(again, info, "password")


class RegisteredUser(Schema):
    id: int = Field(examples=[2])
    email: str = Field(examples=["ada@example.com"])


class RegisterOut(Schema):
    user: RegisteredUser
    token: str = Field(description="For old clients only; it gives no access.", examples=["bm90aGluZy10by1zZWUtaGVyZQ"])


class ActivationResendIn(Schema):
    email: Email


class LoginIn(Schema):
    email: Annotated[
        str,
        Field(max_length=EMAIL_LENGTH, description="In any case.", examples=["ada@example.com"]),
        AfterValidator(storable),
    ]
    password: Annotated[
        str,
        Field(max_length=SIGN_IN_LENGTH, examples=["a quiet river at 5"], json_schema_extra={"format": "password"}),
        AfterValidator(storable),
    ]

    otp: Annotated[
        str,
        Field(
            default="",
            max_length=64,
            description="For an account with a second factor: its app's code, or a recovery code. Send it when a 401"
            " has the `code` `second_factor_required`.",
            examples=[""],
            json_schema_extra=optional,
        ),
        AfterValidator(storable),
    ]


class SignInRefusal(Schema):
    detail: str = Field(examples=["Unable to log in with these credentials."])
    code: str | None = Field(
        default=None,
        description="`second_factor_required` or `second_factor_refused`; none where e-mail or password are wrong.",
        examples=["second_factor_required"],
    )


class SingleSignOnOut(Schema):
    name: str | None = Field(description='For a button "Sign in with …"; null without one.', examples=["Example ID"])
    url: str | None = Field(
        description="Where the button leads; null without one.", examples=["https://api.example.com/oidc/login/"]
    )


class SignedInUser(Schema):
    id: int = Field(examples=[2])
    username: str = Field(description="The e-mail.", examples=["ada@example.com"])


class LoginOut(Schema):
    detail: str = Field(examples=["Login successful"])
    user: SignedInUser
    access: str | None = Field(
        default=None,
        description="Only with `X-Token-Transport: body`: for `Authorization: Bearer`.",
        examples=[JWT_EXAMPLE],
    )
    refresh: str | None = Field(
        default=None, description="Only with `X-Token-Transport: body`: for `token/refresh/`.", examples=[JWT_EXAMPLE]
    )


class RefreshIn(Schema):
    """The body of clients that keep their tokens themselves."""

    refresh: Annotated[str, Field(max_length=SIGN_IN_LENGTH, examples=[JWT_EXAMPLE]), AfterValidator(storable)]


class RefreshOut(Schema):
    detail: str = Field(examples=["Token refreshed"])
    access: str = Field(
        description="The new access token, for apps that send it as `Authorization: Bearer`.", examples=[JWT_EXAMPLE]
    )
    refresh: str | None = Field(
        default=None, description="Only with `X-Token-Transport: body`: the next refresh token.", examples=[JWT_EXAMPLE]
    )


class PasswordResetIn(Schema):
    email: Email


class PasswordConfirmIn(Schema):
    new_password: NewPassword
    confirm_password: NewPassword

    @field_validator("confirm_password")
    @classmethod
    def is_thesame(cls, again: str, info: ValidationInfo) -> str:
        return same(again, info, "new_password")


class Message(Schema):
    message: str = Field(examples=["Account successfully activated."])


class DetailOut(Schema):
    """One sentence that says what was done."""

    detail: str = Field(examples=["An email has been sent to reset your password."])
