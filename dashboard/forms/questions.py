"""A word to the owner of something."""

from __future__ import annotations

from django import forms


class AskOwnerForm(forms.Form):
    """Why somebody wants it gone."""

    note = forms.CharField(
        label="A word to the owner",
        max_length=500,
        required=False,
        widget=forms.TextInput({"autocomplete": "off"}),
    )
