"""The admin's forms for people and their sessions. None of them shows a password's hash."""

from typing import Any

from django import forms
from unfold.forms import AdminPasswordChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldBooleanWidget

from accounts import sessions
from accounts.mailboxes import normalised
from accounts.models import Session, User, goes_by


class NewUserForm(UserCreationForm):
    """Adds a person who is active at once: invited by mail, or with a password that is set here."""

    usable_password = forms.ChoiceField(
        label="Password",
        required=False,
        initial="false",
        choices={"false": "Chosen by themselves: invite them by mail", "true": "Set here"},
    )
    email = forms.EmailField(label="E-mail", widget=UnfoldAdminEmailInputWidget)

    class Meta:
        model = User
        fields = ("email", "is_staff")

    def clean_email(self) -> str:
        email = normalised(self.cleaned_data["email"])
        if User.objects.filter(goes_by(email)).exists():
            raise forms.ValidationError("This e-mail is taken.")
        return email

    def _post_clean(self) -> None:
        self.instance.username = self.cleaned_data.get("email", "")
        super()._post_clean()  # type: ignore[misc] # Django's, which the stubs leave out


class UserForm(forms.ModelForm):  # type: ignore[type-arg] # Django has no generic forms at run time
    class Meta:
        model = User
        fields = ("email", "username", "first_name", "last_name", "is_active", "is_staff")

    def clean_email(self) -> str:
        return normalised(self.cleaned_data["email"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("email") and not cleaned.get("is_staff", self.instance.is_staff):
            self.add_error("email", "Viewers sign in with their e-mail.")
        return cleaned


class SetPasswordForm(AdminPasswordChangeForm):
    """Sets somebody's password, or takes it away."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if field := self.fields.get("usable_password"):
            field.label = "Sign-in with a password"
            field.help_text = "Without one nobody can sign in to this account until its owner chooses one by mail."

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=False)
        if commit:
            user.save(update_fields=["password"])
        return user


class SessionForm(forms.ModelForm):  # type: ignore[type-arg] # as above
    """One row of the list of sessions, with a box to end it."""

    end = forms.BooleanField(required=False, widget=UnfoldBooleanWidget(attrs={"aria-label": "End this session"}))

    class Meta:
        model = Session
        fields: list[str] = []

    def save(self, commit: bool = True) -> Session:
        if self.cleaned_data["end"]:
            sessions.end_session(self.instance.pk)
        session: Session = self.instance
        return session
