"""Making networks, and connecting containers to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from dashboard.forms.hosts import HostForm
from dashboard.forms.texts import PairsField, WordsField, code_area, code_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.models import Container


class NetworkForm(HostForm):
    """What a network is to be."""

    name = forms.CharField(
        max_length=128,
        widget=code_input("backend"),
        error_messages={"required": "Give it a name."},
        help_text="Containers in it find each other by name and alias.",
    )
    subnet = forms.CharField(
        max_length=64,
        required=False,
        widget=code_input("10.89.4.0/24"),
        help_text="Empty: the host takes one that is free.",
    )
    gateway = forms.CharField(max_length=64, required=False, widget=code_input("10.89.4.1"))
    ip_range = forms.CharField(
        label="Addresses from",
        max_length=64,
        required=False,
        widget=code_input("10.89.4.128/25"),
        help_text="The part of the subnet that is given out.",
    )
    internal = forms.BooleanField(
        required=False, help_text="No way out: its containers reach only each other."
    )
    ipv6 = forms.BooleanField(
        label="IPv6 too", required=False, help_text="Addresses of both kinds."
    )
    labels = PairsField(required=False, max_length=65536, widget=code_area(2, "team=orders"))

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told: only what was typed."""
        told = {name: value for name, value in self.cleaned_data.items() if name != "host"}
        return {name: value for name, value in told.items() if value}


class ConnectForm(forms.Form):
    """Which container to connect, and as whom."""

    use_required_attribute = False

    container_id = forms.ChoiceField(
        label="Container", error_messages={"required": "Choose a container."}
    )
    aliases = WordsField(
        max_length=1024,
        required=False,
        widget=code_input("db orders-db"),
        help_text="Further names by which the others in the network find it.",
    )
    ipv4 = forms.CharField(
        label="Address",
        max_length=64,
        required=False,
        widget=code_input(),
        help_text="Empty: the next that is free.",
    )

    def __init__(self, *args: Any, containers: Sequence[Container], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["container_id"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(each.container_id, each.name) for each in containers]

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told: only what was typed."""
        return {name: value for name, value in self.cleaned_data.items() if value}
