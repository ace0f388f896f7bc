"""What people type into one field, read: words, lines, names with values, amounts."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from typing import TYPE_CHECKING

from django import forms

if TYPE_CHECKING:
    from collections.abc import Iterable

CODE = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}

_PLAIN = re.compile(r"[^\s'\"\\#]+")
_AMOUNT = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([bkmgt]?)i?b?", re.IGNORECASE | re.ASCII)


class WordsField(forms.CharField):
    """Words, split as a shell would split them; nothing is run by one."""

    def clean(self, value: object) -> list[str]:
        """Return the words."""
        return split_words(super().clean(value))


class LinesField(forms.CharField):
    """One entry per line that is not empty."""

    def clean(self, value: object) -> list[str]:
        """Return the lines, without the space around them."""
        text: str = super().clean(value)
        return [line.strip() for line in text.splitlines() if line.strip()]


class PairsField(LinesField):
    """One `name=value` per line; a name alone has an empty value."""

    def clean(self, value: object) -> dict[str, str]:  # type: ignore[override]
        """Return the values by name."""
        pairs = [line.partition("=") for line in super().clean(value)]
        for name, _, _ in pairs:
            if not name.strip():
                raise forms.ValidationError("Each line begins with a name: name=value.")
        return {name.strip(): rest.strip() for name, _, rest in pairs}


class AmountField(forms.CharField):
    """A number of bytes, `256m` or `1.5g`, by 1024."""

    def clean(self, value: object) -> int | None:
        """Return the bytes, None where nothing was typed."""
        return parse_memory(super().clean(value))


def code_input(placeholder: str = "") -> forms.TextInput:
    """Return a line for what a machine reads."""
    return forms.TextInput({**CODE, "placeholder": placeholder} if placeholder else CODE)


def code_area(rows: int = 3, placeholder: str = "") -> forms.Textarea:
    """Return several lines for what a machine reads."""
    attributes = {"rows": str(rows), **CODE}
    return forms.Textarea({**attributes, "placeholder": placeholder} if placeholder else attributes)


def split_words(text: str) -> list[str]:
    """Return *text* in words as a shell splits them; refuse quotes that do not close."""
    try:
        return shlex.split(text)
    except ValueError as error:
        reason = str(error).lower()
        raise forms.ValidationError(f"This cannot be split into words: {reason}.") from error


def join_words(words: Iterable[str]) -> str:
    """Return the text that `split_words` reads as *words*, with quotes only where they matter."""
    return " ".join(word if _PLAIN.fullmatch(word) else shlex.quote(word) for word in words)


def parse_memory(text: str) -> int | None:
    """Return the bytes that *text* names, `256m` or `1.5g`, by 1024; None where it is empty."""
    if not text:
        return None
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise forms.ValidationError("Write a number and a unit: 256m, 2g.")
    return int(Decimal(match[1]) * UNITS[match[2].lower()])


def render_amount(size: int) -> str:
    """Return the shortest text that `parse_memory` reads as *size*."""
    for unit in ("g", "m", "k"):
        if size and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return str(size)
