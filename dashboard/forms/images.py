"""Pulling and removing images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from dashboard.forms.credentials import credentials_field, offer_credentials
from dashboard.forms.hosts import HostForm
from dashboard.forms.texts import code_input

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
    credentials_id = credentials_field("Sign in to the registry as")

    def __init__(
        self, *args: Any, credentials: Sequence[RegistryCredential] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        offer_credentials(self, "credentials_id", credentials)

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told."""
        told = {
            "reference": self.cleaned_data["reference"],
            "credentials_id": self.cleaned_data.get("credentials_id"),
        }
        return {name: value for name, value in told.items() if value is not None}


class TagForm(forms.Form):
    """One more name for an image."""

    use_required_attribute = False

    reference = forms.CharField(
        label="New name",
        max_length=1024,
        widget=code_input("team/web:1.5"),
        help_text="If another image has this name, it loses it.",
        error_messages={"required": "Write the new name."},
    )

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told."""
        return {"reference": self.cleaned_data["reference"]}


class CredentialsForm(forms.Form):
    """A form that may choose among the team's passwords for registries."""

    use_required_attribute = False

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told."""
        return {name: value for name, value in self.cleaned_data.items() if value is not None}


class PushForm(CredentialsForm):
    """Which of an image's names to push, and with which password."""

    reference = forms.ChoiceField(
        label="Push as", help_text="The registry is part of the name. Add a tag for another one."
    )
    credentials_id = credentials_field("Sign in to the registry as")

    def __init__(
        self,
        *args: Any,
        references: Sequence[tuple[str, str]],
        credentials: Sequence[RegistryCredential] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["reference"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(references)
        offer_credentials(self, "credentials_id", credentials)


class CopyForm(CredentialsForm):
    """From which name at a registry to which other one."""

    source = forms.CharField(
        label="From",
        max_length=1024,
        widget=code_input("registry.example.org/team/web:1"),
        error_messages={"required": "Write the name to copy from."},
    )
    target = forms.CharField(
        label="To",
        max_length=1024,
        widget=code_input("other.example.org/team/web:1"),
        help_text="Every platform goes along; only what is missing there is sent.",
        error_messages={"required": "Write the name to copy to."},
    )
    source_credentials_id = credentials_field("Sign in at the source as")
    target_credentials_id = credentials_field("Sign in at the target as")

    def __init__(
        self, *args: Any, credentials: Sequence[RegistryCredential] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        offer_credentials(self, "source_credentials_id", credentials)
        offer_credentials(self, "target_credentials_id", credentials)


class ToHostForm(forms.Form):
    """Under which of its names an image goes to which other host."""

    use_required_attribute = False

    reference = forms.ChoiceField(label="Name")
    to = forms.ChoiceField(
        label="To host",
        help_text="That host asks this one for the layers that it lacks; no registry is needed.",
        error_messages={"required": "Choose a host."},
    )

    def __init__(
        self,
        *args: Any,
        references: Sequence[tuple[str, str]],
        hosts: Sequence[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("reference", references), ("to", hosts)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = list(choices)


class RemoveImageForm(forms.Form):
    """Which name to take from an image; without one, the image goes with all its names."""

    reference = forms.CharField(max_length=1024, required=False)
