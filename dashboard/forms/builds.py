"""Building an image: of a Dockerfile that is typed, of a repository, or of a file that is sent."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms

from dashboard.arguments.builds import MAX_DOCKERFILE
from dashboard.forms.credentials import credentials_field, offer_credentials
from dashboard.forms.hosts import HostForm
from dashboard.forms.texts import CODE, LinesField, PairsField, code_area, code_input
from dashboard.templatetags.words import familiar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.models import Job, RegistryCredential

MOST_BYTES = 2 << 30
SOURCES = (
    ("text", "Write a Dockerfile"),
    ("git", "Git repository"),
    ("upload", "Upload files"),
)
_NEEDED = {
    "text": "Write a Dockerfile.",
    "git": "Write the URL of a repository.",
    "upload": "Choose a tar or a zip of the files.",
}
# Where the engine's words for a field stand here.
_FIELDS = {
    "build-arg": "build_args",
    "label": "labels",
    "platform": "target",
    "secret": "secrets",
    "tag": "tags",
}
MAX_SECRETS_TEXT = 64 * 1024


class DockerfileField(forms.CharField):
    """A text whose lines and spaces all count; only how a browser ends lines is undone."""

    def clean(self, value: object) -> str:
        """Return the text with the line ends of a Dockerfile."""
        text: str = super().clean(value)
        return text.replace("\r\n", "\n")


class SecretsArea(forms.Textarea):
    """A text that is not written back into a page: only the names in it are."""

    def format_value(self, value: object) -> str:
        """Return the names, each ready for its value to be typed again."""
        lines = str(value or "").splitlines()
        names = [line.partition("=")[0].strip() for line in lines if not line[:1].isspace()]
        return "\n".join(f"{name}=" for name in names if name)


class SecretsField(forms.CharField):
    """One `id=value` per line; lines that begin with a space go on with the value above."""

    def clean(self, value: object) -> dict[str, str]:
        """Return the values by ID."""
        text: str = super().clean(value)
        found: dict[str, str] = {}
        name = ""
        for line in filter(str.strip, text.splitlines()):
            if line[0].isspace() and name:
                found[name] += f"\n{line.strip()}"
                continue
            name, _, rest = (part.strip() for part in line.partition("="))
            if not name or not rest:
                raise forms.ValidationError("Write each secret as id=value.")
            found[name] = rest
        return found


class BuildForm(HostForm):
    """What to build, and how. `upload` names a file that is on the host already."""

    source = forms.ChoiceField(
        label="Build of", choices=SOURCES, widget=forms.RadioSelect, initial="text"
    )
    text = DockerfileField(
        label="Dockerfile",
        required=False,
        strip=False,
        max_length=MAX_DOCKERFILE,
        widget=forms.Textarea(
            {**CODE, "rows": "16", "wrap": "off", "data-editor": True, "class": "input code"}
        ),
        help_text="No files are around it: what it copies, it copies from stages and images. "
        "Tab indents; press Esc first to leave with Tab.",
    )
    git = forms.CharField(
        label="Repository",
        required=False,
        max_length=2048,
        widget=code_input("https://git.example.org/team/app.git#main:server"),
        help_text="With #branch, tag or commit, and :directory if the files are in one.",
    )
    upload = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)
    upload_name = forms.CharField(required=False, max_length=255, widget=forms.HiddenInput)
    dockerfile = forms.CharField(
        label="Path of the Dockerfile",
        required=False,
        max_length=1024,
        widget=code_input("Dockerfile"),
    )
    tags = LinesField(
        label="Tag",
        required=False,
        widget=code_area(1, "team/app:1.4"),
        help_text="The name that the image gets, one per line. "
        "An image that has it now loses it, and stays untagged if it has no other.",
    )
    target = forms.CharField(
        label="Target stage", required=False, max_length=255, widget=code_input("the last")
    )
    build_args = PairsField(
        label="Build arguments",
        required=False,
        widget=code_area(2, "VERSION=1.4"),
        help_text="One NAME=value per line. They stay in the image's history: no passwords.",
    )
    labels = PairsField(
        label="Labels",
        required=False,
        widget=code_area(2, "team=ships"),
        help_text="One name=value per line, for the image.",
    )
    secrets = SecretsField(
        label="Secrets",
        required=False,
        strip=False,
        max_length=MAX_SECRETS_TEXT,
        widget=SecretsArea({"rows": "2", **CODE, "placeholder": "npm-token=…"}),
        help_text="One id=value per line, for RUN --mount=type=secret,id=…; a line that begins "
        "with a space goes on with the value above. Kept encrypted until the build ends, and in no "
        "log, cache or image.",
    )
    network = forms.CharField(
        label="Network of its commands",
        required=False,
        max_length=128,
        widget=code_input("default"),
        help_text="default, none, the name of a network, or host, which may need an admin.",
    )
    no_cache = forms.BooleanField(
        label="Build every step again", required=False, help_text="Nothing is taken from the cache."
    )
    pull = forms.BooleanField(
        label="Look for newer base images",
        required=False,
        help_text="Even where one of that name is on the host.",
    )
    credentials_id = credentials_field("Sign in to the registry of the base image as")

    def __init__(
        self, *args: Any, credentials: Sequence[RegistryCredential] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        offer_credentials(self, "credentials_id", credentials)

    @property
    def field_names(self) -> dict[str, str]:
        """Where an error that names something else is shown."""
        chosen = str(self["source"].value())
        # A Dockerfile that is typed has no path that could be wrong.
        dockerfile = {"dockerfile": "text"} if chosen == "text" else {}
        return {**_FIELDS, **dockerfile, "context": chosen, "upload": "source"}

    @property
    def new_upload(self) -> str:
        """A name for a file that is sent next."""
        return uuid.uuid4().hex

    def clean(self) -> dict[str, Any]:
        """Refuse a source of which nothing is told."""
        told: dict[str, Any] = super().clean() or self.cleaned_data
        source = told.get("source", "text")
        if source not in self.errors and not str(told.get(source) or "").strip():
            self.add_error("source" if source == "upload" else source, _NEEDED[source])
        return told

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told: of the sources only the chosen one."""
        told = self.cleaned_data
        source = told["source"]
        wanted = {
            source: told[source],
            "upload_name": told["upload_name"] if source == "upload" else "",
            "dockerfile": told["dockerfile"] if source != "text" else "",
            "tags": told["tags"],
            "target": told["target"],
            "build_args": told["build_args"],
            "labels": told["labels"],
            "secrets": sorted(told["secrets"]),
            "network": told["network"],
            "no_cache": told["no_cache"],
            "pull": told["pull"],
            "credentials_id": told.get("credentials_id"),
        }
        return {name: value for name, value in wanted.items() if value}


def typed_build(job: Job) -> dict[str, Any]:
    """Return what one would type to ask for *job* again."""
    told: Mapping[str, Any] = job.arguments
    source = next((name for name, _ in SOURCES if told.get(name)), "text")
    return {
        **told,
        "host": job.host_id,
        "source": source,
        "tags": "\n".join(familiar(tag) for tag in told.get("tags") or ()),
        "build_args": _pairs(told.get("build_args")),
        "labels": _pairs(told.get("labels")),
        "secrets": "\n".join(f"{name}=" for name in told.get("secrets") or ()),
    }


def _pairs(values: Mapping[str, str] | None) -> str:
    return "\n".join(f"{name}={value}" for name, value in (values or {}).items())
