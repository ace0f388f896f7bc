"""Errors of the layers below, shown where they belong in a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.forms import Form

    from engine.errors import EngineError


def words_of(error: EngineError) -> str:
    """Return what happened and what to do about it, as sentences."""
    sentences = (error.message.rstrip("."), error.remedy.rstrip("."))
    return " ".join(f"{sentence}." for sentence in sentences if sentence)


def show_refusal(form: Form, error: EngineError) -> None:
    """Put *error* at the field of *form* that it names, or above all of them."""
    names: dict[str, str] = getattr(form, "field_names", {})
    field = names.get(error.field, error.field)
    if field not in form.fields:
        form.add_error(None, words_of(error))
        return
    # The field's own name would only repeat where the words stand.
    form.add_error(field, words_of(error).removeprefix(f"{error.field}: "))
