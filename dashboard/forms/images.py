"""Pulling and removing images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from dashboard.forms.hosts import HostForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.models import RegistryCredential


class PullForm(HostForm):
    """A reference, and with which password to ask for it."""

    reference = forms.CharField(
        label="Reference",
        max_length=1024,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
        help_text="[registry/]name[:tag], or name@sha256:… to pin the exact content. "
        "Without a tag, latest is pulled.",
        error_messages={"required": "Write the name of an image."},
    )
    credentials_id = forms.TypedChoiceField(
        label="Sign in to the registry as", coerce=int, required=False, empty_value=None
    )

    def __init__(
        self, *args: Any, credentials: Sequence[RegistryCredential] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if not credentials:
            del self.fields["credentials_id"]
            return
        field = self.fields["credentials_id"]
        assert isinstance(field, forms.ChoiceField)
        known = [(str(each.pk), str(each)) for each in credentials]
        field.choices = [("", "nobody (anonymous)"), *known]

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told."""
        told = {
            "reference": self.cleaned_data["reference"],
            "credentials_id": self.cleaned_data.get("credentials_id"),
        }
        return {name: value for name, value in told.items() if value is not None}


class RemoveImageForm(forms.Form):
    """Which name to take from an image; without one, the image goes with all its names."""

    reference = forms.CharField(max_length=1024, required=False)
