"""Launching and removing containers."""

from __future__ import annotations

import re
import shlex
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms

from dashboard.forms.hosts import HostForm

if TYPE_CHECKING:
    from dashboard.models import Container, User

_AMOUNT = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([bkmgt]?)i?b?", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_CODE = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


class LaunchForm(HostForm):
    """What a container is to be. Lines are split as a shell would, and nothing is run by one."""

    # What the parsers call a setting, where the form calls it otherwise.
    field_names: ClassVar[dict[str, str]] = {"memory_bytes": "memory", "nano_cpus": "cpus"}
    advanced: ClassVar[tuple[str, ...]] = (
        "cpus",
        "pids_limit",
        "user",
        "working_dir",
        "hostname",
        "entrypoint",
    )

    request_key = forms.CharField(
        max_length=64, required=False, widget=forms.HiddenInput, initial=lambda: uuid.uuid4().hex
    )
    image = forms.CharField(
        max_length=1024,
        widget=forms.TextInput({"list": "known-images", **_CODE}),
        help_text="One that is on the host: its name or its ID.",
        error_messages={"required": "Choose an image."},
    )
    name = forms.CharField(max_length=255, required=False, widget=forms.TextInput(_CODE))
    command = forms.CharField(
        max_length=4096,
        required=False,
        widget=forms.TextInput(_CODE),
        help_text="Split at spaces as a shell does; quote what belongs together.",
    )
    env = forms.CharField(
        label="Environment",
        max_length=65536,
        required=False,
        widget=forms.Textarea({"rows": 3, **_CODE}),
    )
    memory = forms.CharField(
        label="Memory limit",
        max_length=32,
        required=False,
        widget=forms.TextInput(_CODE),
        help_text="256m, 2g. Empty: no limit.",
    )
    auto_remove = forms.BooleanField(
        label="Remove at exit",
        required=False,
        help_text="The container and what it wrote go when its program ends.",
    )
    read_only = forms.BooleanField(
        label="Read-only root",
        required=False,
        help_text="Its program cannot change the image's files.",
    )
    cpus = forms.DecimalField(
        label="CPUs", min_value=Decimal("0.01"), max_value=Decimal(4096), required=False
    )
    pids_limit = forms.IntegerField(label="Processes at most", min_value=1, required=False)
    user = forms.CharField(max_length=128, required=False, widget=forms.TextInput(_CODE))
    working_dir = forms.CharField(
        label="Working directory", max_length=4096, required=False, widget=forms.TextInput(_CODE)
    )
    hostname = forms.CharField(
        label="Known inside as",
        max_length=63,
        required=False,
        widget=forms.TextInput(_CODE),
        help_text="Its hostname. Empty: its short ID.",
    )
    entrypoint = forms.CharField(max_length=4096, required=False, widget=forms.TextInput(_CODE))

    @property
    def has_advanced(self) -> bool:
        """Whether one of the settings that are folded away was typed or refused."""
        return any(self[name].value() or self[name].errors for name in self.advanced)

    def clean_command(self) -> list[str]:
        """Return the command in words."""
        return split_words(self.cleaned_data["command"])

    def clean_entrypoint(self) -> list[str]:
        """Return the entrypoint in words."""
        return split_words(self.cleaned_data["entrypoint"])

    def clean_env(self) -> list[str]:
        """Return the variables, one per line that is not empty."""
        return [line.strip() for line in self.cleaned_data["env"].splitlines() if line.strip()]

    def clean_memory(self) -> int | None:
        """Return the limit in bytes."""
        return parse_memory(self.cleaned_data["memory"])

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told: only what was typed."""
        told = self.cleaned_data
        cpus = told["cpus"]
        settings = {
            **{name: told[name] for name in ("image", "name", "command", "entrypoint", "env")},
            **{name: told[name] for name in ("user", "working_dir", "hostname", "pids_limit")},
            **{name: told[name] for name in ("auto_remove", "read_only")},
            "memory_bytes": told["memory"],
            "nano_cpus": int(cpus * 10**9) if cpus else None,
        }
        return {"settings": {name: value for name, value in settings.items() if value}}


class RemoveContainerForm(forms.Form):
    """Removing for good. Whose it is not types the host's name, so that it is no slip."""

    confirm = forms.CharField(max_length=64, required=False, widget=forms.TextInput(_CODE))

    def __init__(self, *args: Any, container: Container, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.host = container.host_id
        if container.owner in {"", user.username}:
            del self.fields["confirm"]
        else:
            label = f"This is {container.owner}'s. Type the name of its host to remove it"
            self.fields["confirm"].label = label
            self.fields["confirm"].required = True
            self.fields["confirm"].help_text = f"The host is {container.host_id}."

    def clean_confirm(self) -> str:
        """Return the host's name."""
        typed: str = self.cleaned_data["confirm"]
        if typed.strip() != self.host:
            raise forms.ValidationError(f"That is not the host's name, {self.host}.")
        return typed


def split_words(text: str) -> list[str]:
    """Return *text* in words as a shell splits them; refuse quotes that do not close."""
    try:
        return shlex.split(text)
    except ValueError as error:
        reason = str(error).lower()
        raise forms.ValidationError(f"This cannot be split into words: {reason}.") from error


def parse_memory(text: str) -> int | None:
    """Return the bytes that *text* names, `256m` or `1.5g`, by 1024; None where it is empty."""
    if not text:
        return None
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise forms.ValidationError("Write a number and a unit: 256m, 2g.")
    return int(Decimal(match[1]) * _UNITS[match[2].lower()])


def typed_settings(container: Container) -> dict[str, Any]:
    """Return what one would type to launch another container like *container*, without its name."""
    told = {**container.settings, "image": container.image_reference}
    return typed_launch(container.host_id, told)


def typed_launch(host: str, told: dict[str, Any]) -> dict[str, Any]:
    """Return what one would type to launch one with the settings *told* on *host*; no name."""
    memory = told.get("memory_bytes")
    cpus = told.get("nano_cpus")
    return {
        "host": host,
        "image": told.get("image", ""),
        "command": shlex.join(told.get("command") or ()),
        "entrypoint": shlex.join(told.get("entrypoint") or ()),
        "env": "\n".join(told.get("env") or ()),
        "memory": _shortest(memory) if memory else "",
        "cpus": Decimal(cpus) / 10**9 if cpus else None,
        **{name: told.get(name) or "" for name in ("user", "working_dir", "hostname")},
        **{name: told.get(name) for name in ("auto_remove", "read_only", "pids_limit")},
    }


def _shortest(size: int) -> str:
    for unit in ("g", "m", "k"):
        if size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return str(size)
