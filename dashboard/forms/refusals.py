"""Errors of the layers below, shown where they belong in a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.forms import Form

    from dashboard.models import Job
    from engine.errors import EngineError


def words_of(error: EngineError) -> str:
    """Return what happened and what to do about it, as sentences."""
    return sentences(error.message, error.remedy)


def words_without_field(error: EngineError) -> str:
    """Return `words_of` *error* without the name of its field, for where that is seen anyway."""
    return sentences(error.message.removeprefix(f"{error.field}: "), error.remedy)


def sentences(*texts: str) -> str:
    """Return those of *texts* that say something, each ended as a sentence."""
    return " ".join(text if text[-1] in "?!" else f"{text.rstrip('.')}." for text in texts if text)


def show_refusal(form: Form, error: EngineError) -> None:
    """Put *error* at the field of *form* that it names, or above all of them."""
    _show(form, error.field, words_of(error))


def show_failure(form: Form, job: Job) -> None:
    """Put what *job* failed of at the field of *form* that it names, or above all of them."""
    if told := job.error:
        words = sentences(told.get("message", ""), told.get("remedy", ""))
        _show(form, told.get("field", ""), words)


def _show(form: Form, name: str, words: str) -> None:
    names: dict[str, str] = getattr(form, "field_names", {})
    field = names.get(name, name)
    if field not in form.fields:
        form.add_error(None, words)
        return
    # The field's own name would only repeat where the words stand.
    form.add_error(field, words.removeprefix(f"{name}: "))
