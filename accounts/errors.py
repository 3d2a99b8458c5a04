"""The errors of requests about accounts. They know no HTTP: project/api.py maps each class to a status."""


class AccountsError(Exception):
    """One sentence for the person, safe to show."""

    sentence = "The request can't be carried out."

    def __str__(self) -> str:
        return self.sentence


class RegistrationRefused(AccountsError):
    """A known e-mail or a weak password: deliberately one sentence for both (OWASP ASVS 5.0 6.3.8)."""

    sentence = "Please check your input and try again."


class LinkRefused(AccountsError):
    """The link is forged, used or expired, or its user no longer needs it."""

    sentence = "This link is invalid or has expired."


class SignInRefused(AccountsError):
    """Unknown e-mail, wrong password or inactive account: deliberately one sentence for all."""

    sentence = "Unable to log in with these credentials."


class WrongPassword(SignInRefused):
    """Somebody who is signed in gave a password that isn't theirs; `field` is where they wrote it."""

    sentence = "This is not your password."

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class ProofMissing(AccountsError):
    """Somebody without a password has not just signed in again; `field` is where they would have written it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(field, sentence)
        self.field, self.sentence = field, sentence


class EmailRefused(AccountsError):
    """The new e-mail is the one that the account has."""

    sentence = "This is your e-mail already."


class SessionNotFound(AccountsError):
    """No such session of this person, or one that has ended."""

    sentence = "Not found."


class LastAdministrator(AccountsError):
    sentence = "You are the last administrator. Make somebody else one first, then delete your account."


class CodeMissing(AccountsError):
    """The password is right, and the account has a second factor. `code` tells frontends to ask for it."""

    sentence = "Enter the code of your authenticator app, or a recovery code."
    code = "second_factor_required"


class CodeRefused(SignInRefused):
    """The second factor's code is wrong, expired or was used before."""

    sentence = "This code is wrong, or was used before."
    code = "second_factor_refused"


class SingleSignOnRefused(AccountsError):
    """Nobody is signed in by the identity provider. `code` is for frontends, `reason` for the log."""

    code = "refused"

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class ProviderUnavailable(SingleSignOnRefused):
    sentence = "Single sign-on can't be reached at the moment. Try again later, or sign in with a password."
    code = "unavailable"


class IdentityRefused(SingleSignOnRefused):
    sentence = "Single sign-on gave no answer that can be trusted. Try again."


class SingleSignOnCancelled(SingleSignOnRefused):
    sentence = "You have cancelled the sign-in."
    code = "cancelled"


class JourneyUnknown(SingleSignOnRefused):
    """The state is unknown, of another browser, used before or too old."""

    sentence = "This sign-in took too long, or was begun in another browser. Begin again."
    code = "expired"


class EmailUnverified(SingleSignOnRefused):
    sentence = "Your single sign-on doesn't say that your e-mail is verified."
    code = "email_unverified"


class AccountInactive(SingleSignOnRefused):
    sentence = "Your account is deactivated."
    code = "account_inactive"


class NotStaff(SingleSignOnRefused):
    sentence = "Your account may not use the admin."
    code = "not_staff"


class NotAskedAgain(SingleSignOnRefused):
    """They were to prove once more who they are, and the provider let them pass by an earlier sign-in."""

    sentence = "Single sign-on did not ask who you are. Sign out there first, then try again."
    code = "not_asked"


class OtherAccount(SingleSignOnRefused):
    """They were to prove once more who they are, and came back as somebody else."""

    sentence = "You signed in to another account of your single sign-on."
    code = "other_account"


class PasswordNeeded(SingleSignOnRefused):
    """The e-mail is of a member of the staff, whom it alone doesn't connect."""

    sentence = "Sign in to the admin with your password this once. From then on single sign-on will do."
    code = "password_needed"

    def __init__(self, user_id: int) -> None:
        super().__init__("staff are not joined by their e-mail")
        self.user_id = user_id


class OtherHostName(AccountsError):
    """A page on one name of this machine asks the API on another for cookies, which its browser would not keep."""

    def __init__(self, page: str, api: str) -> None:
        super().__init__(page, api)
        self.sentence = (
            f"Browsers take {page} and {api} for two sites and would keep no cookie of this answer: open your page on"
            f" {api}, or call the API on {page}."
        )


class RefreshTokenMissing(AccountsError):
    sentence = "There is no refresh token."


class TokenRefused(AccountsError):
    """The token is forged, expired, reused or of the wrong kind, or its session has ended."""

    sentence = "The token is invalid or has expired."


class PasswordRefused(AccountsError):
    """A new password that is too weak; `sentences` say why."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(*sentences)
        self.sentences = sentences


class MailRefused(AccountsError):
    """A mail is not sent again; `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class KeyRefused(AccountsError):
    """An API key that is unknown, expired or revoked; only who has its whole secret is told the latter two."""

    def __init__(self, sentence: str = "This API key is unknown.") -> None:
        super().__init__(sentence)
        self.sentence = sentence


class ScopeMissing(AccountsError):
    """A good API key without the scope for this; `scopes` are those of which one is needed, none where none helps."""

    def __init__(self, scopes: tuple[str, ...]) -> None:
        super().__init__(*scopes)
        self.scopes = scopes
        self.sentence = (
            f"This API key has not the scope {' or '.join(scopes)}." if scopes else "API keys can't be used here."
        )


class TooManyTries(AccountsError):
    """A limit is reached; the next try is allowed after `retry_after_s` seconds."""

    sentence = "Too many attempts. Please try again later."

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s

    def with_wait(self) -> str:
        """The sentence for people, who don't see a header."""
        minutes = -(-self.retry_after_s // 60)
        return f"{self} Wait {'a minute' if minutes == 1 else f'{minutes} minutes'}."
