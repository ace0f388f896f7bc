"""
What settings say and the fields of the launch form cannot, carried along with the form.

For each such setting the form holds what its own fields make of it, and what it really is. While
the fields still say the first, the second is meant; once somebody typed something else, that is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms

from engine.errors import InvalidSetting
from engine.settings import ContainerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    Unsaid = dict[str, tuple[Any, Any]]

MOST = 256 * 1024
PARTS = 2


class UnsaidField(forms.CharField):
    """What comes with the form; the page shows it as text and sends it back as it was."""

    def __init__(self) -> None:
        super().__init__(required=False, max_length=MOST, widget=forms.HiddenInput, strip=False)

    def clean(self, value: object) -> Unsaid:
        """Return what each setting looks like, and what it is."""
        try:
            return read_unsaid(super().clean(value))
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError("What the form cannot show was damaged.") from error


def read_unsaid(text: str) -> Unsaid:
    """Return what `write_unsaid` wrote; raise `ValueError`."""
    found = json.loads(text or "{}")
    pairs = list(found.values()) if isinstance(found, dict) else [None]
    if not all(isinstance(pair, list) and len(pair) == PARTS for pair in pairs):
        raise ValueError(text[:60])
    return {name: (looks, really) for name, (looks, really) in found.items()}


def show_unsaid(text: str) -> list[tuple[str, str]]:
    """Return what `write_unsaid` wrote as it is shown: settings and their values in full."""
    try:
        unsaid = read_unsaid(text)
    except (ValueError, RecursionError):
        return []
    return [
        (name, really if isinstance(really, str) else json.dumps(really))
        for name, (_, really) in unsaid.items()
    ]


def write_unsaid(unsaid: Unsaid) -> str:
    """Return the text that `read_unsaid` reads; empty where all is said."""
    return json.dumps(unsaid) if unsaid else ""


def unsaid_of(wanted: Mapping[str, Any], said: Mapping[str, Any]) -> Unsaid:
    """Return the settings that *wanted* has otherwise than *said*; a name can always be typed."""
    names = {*wanted, *said} - {"name", "image"}
    pairs = {name: (_plain(name, said), _plain(name, wanted)) for name in sorted(names)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def with_unsaid(said: Mapping[str, Any], unsaid: Unsaid) -> dict[str, Any]:
    """Return the settings *said*, where nobody changed them with what was unsaid."""
    settings = dict(said)
    for name, (looks, really) in unsaid.items():
        if _plain(name, said) != looks:
            continue
        settings.pop(name, None)
        if really is not None:
            settings[name] = really
    return settings


def _plain(name: str, settings: Mapping[str, Any]) -> Any:
    """Return a setting in its shortest form, None where it is as if nobody had said it."""
    value = settings.get(name)
    if value is None:
        return None
    try:
        return ContainerSettings.from_json({"image": "any", name: value}).to_json().get(name)
    except InvalidSetting:
        # By itself it means nothing, as swap without a limit of memory.
        return value
