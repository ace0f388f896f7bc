"""Until when a container is wanted, in a field of a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.utils import timezone

from dashboard.forms.texts import code_input
from dashboard.leases import read_lease
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from datetime import datetime


class LeaseField(forms.CharField):
    """A moment as people write it; empty for no end."""

    def __init__(self) -> None:
        attributes = {"list": "known-leases", **code_input("no end").attrs}
        super().__init__(
            label="Wanted until",
            required=False,
            max_length=64,
            widget=forms.TextInput(attributes),
            help_text="4 hours, Friday, 2026-12-04 18:00 (UTC). Then it goes to the trash.",
        )

    def clean(self, value: object) -> datetime | None:
        """Return the moment; refuse what is none, or none ahead."""
        try:
            return read_lease(super().clean(value), now=timezone.now())
        except InvalidSetting as error:
            words = f"{error.message.removeprefix('lease: ').capitalize()}. {error.remedy}"
            raise forms.ValidationError(words) from error


class LeaseForm(forms.Form):
    """A new end of a lease."""

    use_required_attribute = False

    lease = LeaseField()
