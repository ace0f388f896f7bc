"""The first account, and everyone after it."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError

from dashboard.models import Role

_PASSWORD_HELP = "At least 10 characters, not a common one, not only digits."  # noqa: S105
_MISMATCH = "The two passwords are not the same."


def _new_password(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


class SetupForm(forms.Form):
    """The first account: an admin, made by right of the set-up token."""

    use_required_attribute = False

    token = forms.CharField(max_length=256, widget=forms.HiddenInput)
    username = forms.CharField(
        label="Name",
        max_length=150,
        widget=forms.TextInput({"autocomplete": "username", "autofocus": True}),
        help_text="Letters, digits and @ . + - _",
    )
    password = _new_password("Password", _PASSWORD_HELP)
    password_again = _new_password("Password, once more")

    def clean_password_again(self) -> str:
        """Refuse what was not typed the same twice."""
        again: str = self.cleaned_data["password_again"]
        if again != self.cleaned_data.get("password"):
            raise ValidationError(_MISMATCH)
        return again


class PersonForm(forms.Form):
    """A person whom an admin lets in, with a first password to hand over."""

    use_required_attribute = False

    username = forms.CharField(
        label="Name", max_length=150, widget=forms.TextInput({"autocomplete": "off"})
    )
    email = forms.EmailField(label="E-mail", required=False)
    password = _new_password("First password", _PASSWORD_HELP)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)


def show_invalid(form: forms.Form, error: ValidationError) -> None:
    """Put what a service refused at the field it names, or at the password where it names none."""
    if not hasattr(error, "error_dict"):
        form.add_error("password", error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)
