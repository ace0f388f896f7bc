"""Making sure that somebody means what cannot be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from dashboard.forms.texts import CODE

if TYPE_CHECKING:
    from dashboard.models import User


class ConfirmForm(forms.Form):
    """Removing for good. Whose it is not types the host's name, so that it is no slip."""

    confirm = forms.CharField(max_length=64, required=False, widget=forms.TextInput(CODE))

    def __init__(self, *args: Any, host: str, owner: str, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.host = host
        if owner in {"", user.username}:
            del self.fields["confirm"]
        else:
            label = f"This is {owner}'s. Type the name of its host to go on"
            self.fields["confirm"].label = label
            self.fields["confirm"].required = True
            self.fields["confirm"].help_text = f"The host is {host}."

    def clean_confirm(self) -> str:
        """Return the host's name."""
        typed: str = self.cleaned_data["confirm"]
        if typed.strip() != self.host:
            raise forms.ValidationError(f"That is not the host's name, {self.host}.")
        return typed
