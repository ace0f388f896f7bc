"""Registries and the team's passwords for them."""

from __future__ import annotations

from django import forms

from dashboard.forms.texts import code_input
from engine.errors import InvalidReference
from engine.oci.reference import Reference


class RegistryField(forms.CharField):
    """A registry, written `host` or `host:port`."""

    def clean(self, value: object) -> str:
        """Return the registry as references name it."""
        text: str = super().clean(value).strip().removeprefix("https://").strip("/")
        try:
            reference = Reference.parse(f"{text}/name")
        except InvalidReference as error:
            message = "Write the registry as host or host:port."
            raise forms.ValidationError(message) from error
        if text.lower() not in {reference.registry, "docker.io"}:
            message = "A registry has a dot or a port: registry.example.org, localhost:5000."
            raise forms.ValidationError(message)
        return reference.registry


class CredentialForm(forms.Form):
    """A user name and a password for one registry; the password is never shown again."""

    use_required_attribute = False

    registry = RegistryField(
        max_length=255,
        widget=code_input("registry.example.org"),
        error_messages={"required": "Write the registry's address."},
    )
    username = forms.CharField(
        label="User name",
        max_length=255,
        widget=code_input(),
        error_messages={"required": "Write the user name."},
    )
    password = forms.CharField(
        label="Password or token",
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text="Kept encrypted; shown to nobody again.",
        error_messages={"required": "Write the password."},
    )


class BrowseForm(forms.Form):
    """Which registry to look at, and what of it."""

    use_required_attribute = False

    registry = RegistryField(max_length=255, widget=code_input("registry.example.org"))
    repository = forms.CharField(max_length=255, required=False)
