"""
What people type, read into the arguments of jobs and services.

A form refuses what it cannot read, at the field. What it can read is judged by the same parsers
that judge a job's row; `show_refusal` then puts their words at the field that they are about.
"""

from dashboard.forms.builds import BuildForm
from dashboard.forms.confirm import ConfirmForm
from dashboard.forms.images import PullForm, RemoveImageForm
from dashboard.forms.launch import LaunchForm
from dashboard.forms.networks import ConnectForm, NetworkForm
from dashboard.forms.people import PersonForm, SetupForm
from dashboard.forms.refusals import (
    show_failure,
    show_refusal,
    words_of,
    words_without_field,
)
from dashboard.forms.volumes import VolumeForm

__all__ = [
    "BuildForm",
    "ConfirmForm",
    "ConnectForm",
    "LaunchForm",
    "NetworkForm",
    "PersonForm",
    "PullForm",
    "RemoveImageForm",
    "SetupForm",
    "VolumeForm",
    "show_failure",
    "show_refusal",
    "words_of",
    "words_without_field",
]
