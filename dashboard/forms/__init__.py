"""
What people type, read into the arguments of jobs and services.

A form refuses what it cannot read, at the field. What it can read is judged by the same parsers
that judge a job's row; `show_refusal` then puts their words at the field that they are about.
"""

from dashboard.forms.containers import LaunchForm, RemoveContainerForm
from dashboard.forms.images import PullForm, RemoveImageForm
from dashboard.forms.people import PersonForm, SetupForm
from dashboard.forms.refusals import show_failure, show_refusal, words_of

__all__ = [
    "LaunchForm",
    "PersonForm",
    "PullForm",
    "RemoveContainerForm",
    "RemoveImageForm",
    "SetupForm",
    "show_failure",
    "show_refusal",
    "words_of",
]
