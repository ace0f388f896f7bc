"""Choosing as whom to sign in to a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.models import RegistryCredential


def credentials_field(label: str) -> forms.TypedChoiceField:
    """Return a field that chooses one of the team's passwords, or none."""
    return forms.TypedChoiceField(label=label, coerce=int, required=False, empty_value=None)


def offer_credentials(
    form: forms.Form, name: str, credentials: Sequence[RegistryCredential]
) -> None:
    """Let the field *name* choose one of *credentials*, or nobody; without any it goes."""
    if not credentials:
        del form.fields[name]
        return
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    known: list[tuple[Any, str]] = [(str(each.pk), str(each)) for each in credentials]
    field.choices = [("", "nobody (anonymous)"), *known]
