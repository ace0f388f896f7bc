"""Making volumes."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms.hosts import HostForm
from dashboard.forms.texts import PairsField, code_area, code_input


class VolumeForm(HostForm):
    """What a volume is to be."""

    name = forms.CharField(
        max_length=255,
        required=False,
        widget=code_input("orders-data"),
        help_text="Empty: it is anonymous and gets a number.",
    )
    labels = PairsField(required=False, max_length=65536, widget=code_area(2, "team=orders"))
    options = PairsField(
        label="Driver options",
        required=False,
        max_length=65536,
        widget=code_area(2, "type=tmpfs"),
        help_text="As docker's local driver takes them: type, device, o.",
    )

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told: only what was typed."""
        told = {name: self.cleaned_data[name] for name in ("name", "labels", "options")}
        return {name: value for name, value in told.items() if value}
