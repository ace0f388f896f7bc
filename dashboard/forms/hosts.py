"""Choosing the host that a job is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.models import Host


class HostForm(forms.Form):
    """A form whose job goes to one host; with a single host there is nothing to choose."""

    host = forms.ChoiceField(label="Host")

    def __init__(self, *args: Any, hosts: Sequence[Host], **kwargs: Any) -> None:
        kwargs.setdefault("use_required_attribute", False)
        super().__init__(*args, **kwargs)
        field = self.fields["host"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(host.name, _described(host)) for host in hosts]
        if not hosts:
            field.error_messages["required"] = "No host has joined yet."
            return
        if len(hosts) == 1:
            field.widget = forms.HiddenInput()
        if self.initial.get("host") not in {host.name for host in hosts}:
            self.initial["host"] = hosts[0].name


def _described(host: Host) -> str:
    return host.name if host.is_online else f"{host.name} (offline: the job will wait)"
