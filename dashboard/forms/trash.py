"""What people type about clean-ups and the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms

from dashboard.forms.texts import (
    CODE,
    AmountField,
    LinesField,
    code_area,
    code_input,
    render_amount,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.models import Host


class ForGoodForm(forms.Form):
    """Making sure of what cannot be undone: whoever means it types the names of its hosts."""

    use_required_attribute = False

    confirm = forms.CharField(
        label="Type the name of the host",
        max_length=4096,
        widget=forms.TextInput(CODE),
        error_messages={"required": "Type the name of the host."},
    )

    def __init__(self, *args: Any, hosts: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hosts = tuple(hosts)
        if len(self.hosts) == 1:
            self.fields["confirm"].help_text = f"The host is {self.hosts[0]}."
        else:
            self.fields["confirm"].label = "Type the names of the hosts"
            self.fields["confirm"].help_text = f"The hosts are {', '.join(self.hosts)}."

    def clean_confirm(self) -> str:
        """Return the names of the hosts."""
        typed: str = self.cleaned_data["confirm"]
        if sorted(typed.replace(",", " ").split()) != sorted(self.hosts):
            known = ", ".join(self.hosts)
            said = "the host's name" if len(self.hosts) == 1 else "the names of the hosts"
            raise forms.ValidationError(f"That is not {said}, {known}.")
        return typed


class RestoreAsForm(forms.Form):
    """Under which names something comes back."""

    use_required_attribute = False
    field_names: ClassVar[dict[str, str]] = {"name": "names", "reference": "names"}

    names = LinesField(
        label="Names",
        max_length=8192,
        widget=code_area(2),
        help_text="One per line. A container or a volume has one name, an image may have several.",
        error_messages={"required": "Write at least one name."},
    )


class TrashLimitsForm(forms.Form):
    """How much stays in the trash of a host, and how long; and what removed containers printed."""

    use_required_attribute = False

    days = forms.IntegerField(
        label="Days in the trash",
        min_value=0,
        max_value=3650,
        widget=code_input("7"),
        help_text="After so many days a thing is deleted for good.",
    )
    max_bytes = AmountField(
        label="Largest size",
        max_length=32,
        required=False,
        widget=code_input("no limit"),
        help_text="Above it the oldest things go, as `20g`.",
    )
    watermark = forms.IntegerField(
        label="Disk at most so full, in percent",
        min_value=1,
        max_value=100,
        widget=code_input("95"),
        help_text="While the disk is fuller, the oldest things go. 100: never for that reason.",
    )
    log_hours = forms.IntegerField(
        label="Hours for the logs of removed containers",
        min_value=0,
        max_value=87_600,
        widget=code_input("24"),
        help_text="What a container printed can be read so long after its removal. 0: not at all.",
    )
    log_max_bytes = AmountField(
        label="Largest size of these logs together",
        max_length=32,
        widget=code_input("256m"),
        help_text="Above it the oldest logs go.",
    )


def typed_trash_limits(host: Host) -> dict[str, Any]:
    """Return what one would type for the limits of *host* as they are."""
    size = host.trash_max_bytes
    return {
        "days": host.trash_days,
        "max_bytes": render_amount(size) if size else "",
        "watermark": host.trash_watermark,
        "log_hours": host.removed_log_hours,
        "log_max_bytes": render_amount(host.removed_log_max_bytes),
    }
