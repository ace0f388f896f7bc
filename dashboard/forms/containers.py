"""Changing and removing containers. Launching one is in `dashboard.forms.launch`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms

from dashboard.forms.confirm import ConfirmForm
from dashboard.forms.texts import AmountField, LinesField, code_area, code_input, render_amount

if TYPE_CHECKING:
    from dashboard.models import Container, User

NANO = 10**9
RESTARTS = (
    ("no", "Never"),
    ("on-failure", "When it fails"),
    ("unless-stopped", "Unless somebody stopped it"),
    ("always", "Always"),
)


class RemoveContainerForm(ConfirmForm):
    """Removing a container, perhaps with the volumes that were made for it alone."""

    with_volumes = forms.BooleanField(
        label="Remove its anonymous volumes too",
        required=False,
        initial=True,
        help_text="Those that were made for it and nobody named. Named volumes stay.",
    )

    def __init__(self, *args: Any, container: Container, user: User, **kwargs: Any) -> None:
        super().__init__(*args, host=container.host_id, owner=container.owner, user=user, **kwargs)


class RenameForm(forms.Form):
    """A new name."""

    use_required_attribute = False

    name = forms.CharField(
        label="New name",
        max_length=255,
        widget=code_input(),
        error_messages={"required": "Write the new name."},
    )


class CommitForm(forms.Form):
    """What image to make of a container."""

    use_required_attribute = False

    reference = forms.CharField(
        label="Image name",
        max_length=1024,
        required=False,
        widget=code_input("team/web:debug"),
        help_text="Empty: the image has no tag, only an ID.",
    )
    message = forms.CharField(
        max_length=4096, required=False, help_text="What the history of the image will say."
    )
    changes = LinesField(
        label="Instructions",
        max_length=65536,
        required=False,
        widget=code_area(3, 'CMD ["web", "--port", "80"]'),
        help_text="CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR: one per line.",
    )
    pause = forms.BooleanField(
        label="Pause it meanwhile",
        required=False,
        initial=True,
        help_text="So that its files do not change while they are taken.",
    )

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told."""
        told = dict(self.cleaned_data)
        return {name: value for name, value in told.items() if value or name == "pause"}


class LimitsForm(forms.Form):
    """The limits of a container that exists; an empty field lifts the limit."""

    use_required_attribute = False
    field_names: ClassVar[dict[str, str]] = {
        "memory_bytes": "memory",
        "nano_cpus": "cpus",
        "memory_reservation": "reservation",
    }

    memory = AmountField(max_length=32, required=False, widget=code_input("no limit"))
    reservation = AmountField(
        label="Memory kept for it", max_length=32, required=False, widget=code_input("none")
    )
    cpus = forms.DecimalField(
        label="CPUs",
        min_value=Decimal("0.01"),
        max_value=Decimal(4096),
        required=False,
        widget=code_input("no limit"),
    )
    cpu_shares = forms.IntegerField(
        label="CPU shares", min_value=2, required=False, widget=code_input("1024")
    )
    cpuset_cpus = forms.CharField(
        label="Only these CPUs", max_length=255, required=False, widget=code_input("0-2,4")
    )
    pids_limit = forms.IntegerField(
        label="Processes at most", min_value=1, required=False, widget=code_input("no limit")
    )
    restart = forms.ChoiceField(label="Start it again", choices=RESTARTS)
    max_retries = forms.IntegerField(
        label="At most so often", min_value=0, required=False, widget=code_input("no limit")
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a number of retries that no policy counts."""
        told = super().clean() or self.cleaned_data
        if told.get("max_retries") and told.get("restart") != "on-failure":
            self.add_error("max_retries", "Only “when it fails” counts retries.")
        return told

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told: all limits as they are to be, and the policy."""
        told = self.cleaned_data
        limits = {
            "memory_bytes": told["memory"] or 0,
            "memory_reservation": told["reservation"] or 0,
            "nano_cpus": int(told["cpus"] * NANO) if told["cpus"] else 0,
            "cpu_shares": told["cpu_shares"] or 0,
            "pids_limit": told["pids_limit"] or 0,
        }
        policy = {"name": told["restart"], "max_retries": told["max_retries"] or 0}
        return {**limits, "cpuset_cpus": told["cpuset_cpus"], "restart": policy}


def typed_limits(container: Container) -> dict[str, Any]:
    """Return what one would type for *container*'s limits as they are."""
    told = container.settings
    amounts = {"memory": "memory_bytes", "reservation": "memory_reservation"}
    cpus = told.get("nano_cpus")
    policy = told.get("restart") or {}
    return {
        **{
            name: render_amount(told[key]) if told.get(key) else "" for name, key in amounts.items()
        },
        "cpus": (Decimal(cpus) / NANO).normalize() if cpus else None,
        **{name: told.get(name) or None for name in ("cpu_shares", "cpuset_cpus", "pids_limit")},
        "restart": policy.get("name", "no"),
        "max_retries": policy.get("max_retries") or None,
    }
