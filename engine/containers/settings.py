"""
What a person may choose about a container.

Settings that exist are valid: whatever breaks a rule raises `InvalidSetting` with the name of the
field, whether it came from a form, from a job's JSON or from code. They say nothing that only the
image knows; `spec` joins both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from engine.containers.signals import parse_signal
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MEGABYTE = 1024 * 1024
MINIMUM_MEMORY = 6 * MEGABYTE
MINIMUM_NANO_CPUS = 10_000_000
LARGEST = 2**62
MAX_PIDS = 4_194_304
MAX_STOP_SECONDS = 24 * 3600
MAX_ENTRIES = 4096
# The kernel takes no longer argument or variable (MAX_ARG_STRLEN).
MAX_TEXT = 128 * 1024
MAX_NAME = 255
MAX_HOSTNAME = 64
NETWORKS = frozenset({"none"})
NO_LABELS: Mapping[str, str] = MappingProxyType({})

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
_HOSTNAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """
    The options of one container; what is left out comes from the image or from the host.

    *command* and *entrypoint* replace the image's when they are not None; *env* are `NAME=value`
    over the image's. *memory_bytes*, *nano_cpus* and *pids_limit* of 0 mean no limit.
    *stop_timeout*, in seconds, is how long `stop` waits before it kills, when it is not told.
    """

    image: str
    name: str | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    hostname: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS, hash=False)
    tty: bool = False
    open_stdin: bool = False
    memory_bytes: int = 0
    nano_cpus: int = 0
    pids_limit: int = 0
    read_only: bool = False
    auto_remove: bool = False
    stop_signal: str = ""
    stop_timeout: int | None = None
    network: str = "none"

    def __post_init__(self) -> None:
        for check in _CHECKS:
            check(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the settings that a JSON object spells; raise `InvalidSetting` with the field."""
        if not isinstance(value, dict):
            raise InvalidSetting("settings", "must be an object")
        unknown = sorted(str(key) for key in value if key not in _READERS)
        if unknown:
            raise InvalidSetting(unknown[0][:60], "is not a setting that this engine knows")
        if "image" not in value:
            raise InvalidSetting("image", "is missing")
        return cls(**{key: _READERS[key](key, each) for key, each in value.items()})

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object from which `from_json` makes equal settings."""
        written = {each.name: getattr(self, each.name) for each in fields(self)}
        written["labels"] = dict(self.labels)
        return {key: _plain(each) for key, each in written.items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


# --- What a field may hold ----------------------------------------------------------------------


def _check_image(settings: ContainerSettings) -> None:
    if not settings.image or len(settings.image) > MAX_TEXT:
        raise InvalidSetting("image", "name an image", remedy="For example alpine:3.20.")


def _check_name(settings: ContainerSettings) -> None:
    if settings.name is not None:
        check_name(settings.name)


def check_name(name: str) -> None:
    """Raise `InvalidSetting` unless *name* can be a container's name."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise InvalidSetting(
            "name",
            f"Invalid container name ({name[:80]}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
            remedy="Use at least two letters, digits, dots, dashes or underscores.",
        )


def _check_arguments(settings: ContainerSettings) -> None:
    for name in ("command", "entrypoint"):
        _check_texts(name, getattr(settings, name) or ())
    if settings.entrypoint is None and settings.command and not settings.command[0]:
        raise InvalidSetting("command", "its first word is empty")


def _check_env(settings: ContainerSettings) -> None:
    _check_texts("env", settings.env)
    for entry in settings.env:
        name, equals, _ = entry.partition("=")
        if not name or not equals:
            raise InvalidSetting(
                "env", f"{entry[:80]!r} is no variable", remedy="Write each as NAME=value."
            )


def _check_texts(name: str, texts: tuple[str, ...]) -> None:
    if len(texts) > MAX_ENTRIES:
        raise InvalidSetting(name, f"has more than {MAX_ENTRIES} entries")
    for text in texts:
        _check_text(name, text)


def _check_text(name: str, text: str) -> None:
    if "\0" in text:
        raise InvalidSetting(name, "holds a NUL character")
    if len(text.encode(errors="surrogatepass")) >= MAX_TEXT:
        raise InvalidSetting(name, f"is longer than {MAX_TEXT // 1024} KiB")


def _check_working_dir(settings: ContainerSettings) -> None:
    _check_text("working_dir", settings.working_dir)
    if settings.working_dir and not settings.working_dir.startswith("/"):
        raise InvalidSetting(
            "working_dir",
            f"the working directory {settings.working_dir[:80]!r} is invalid, "
            "it needs to be an absolute path",
        )


def _check_user(settings: ContainerSettings) -> None:
    _check_text("user", settings.user)
    if len(settings.user) > MAX_NAME or settings.user.count(":") > 1:
        raise InvalidSetting("user", "write it as user[:group], by name or number")


def _check_hostname(settings: ContainerSettings) -> None:
    name = settings.hostname
    if name and (len(name) > MAX_HOSTNAME or not _HOSTNAME.fullmatch(name)):
        raise InvalidSetting(
            "hostname",
            f"{name[:80]!r} is no host name",
            remedy=f"Use letters, digits, dots and dashes, at most {MAX_HOSTNAME}.",
        )


def _check_labels(settings: ContainerSettings) -> None:
    _check_texts("labels", tuple(settings.labels))
    _check_texts("labels", tuple(settings.labels.values()))
    if "" in settings.labels:
        raise InvalidSetting("labels", "a label needs a name")


def _check_memory(settings: ContainerSettings) -> None:
    if settings.memory_bytes and settings.memory_bytes < MINIMUM_MEMORY:
        raise InvalidSetting(
            "memory",
            "Minimum memory limit allowed is 6MB",
            remedy="Give it 6 MiB or more, or 0 for no limit.",
        )
    _check_range("memory", settings.memory_bytes, LARGEST)


def _check_cpus(settings: ContainerSettings) -> None:
    _check_range("nano_cpus", settings.nano_cpus, LARGEST)
    if 0 < settings.nano_cpus < MINIMUM_NANO_CPUS:
        raise InvalidSetting("nano_cpus", "Range of CPUs is from 0.01 upwards")


def _check_pids(settings: ContainerSettings) -> None:
    _check_range("pids_limit", settings.pids_limit, MAX_PIDS)


def _check_range(name: str, value: int, largest: int) -> None:
    if not 0 <= value <= largest:
        raise InvalidSetting(name, f"must be between 0 and {largest}")


def _check_stop(settings: ContainerSettings) -> None:
    if settings.stop_signal:
        parse_signal(settings.stop_signal, field="stop_signal")
    if settings.stop_timeout is not None:
        _check_range("stop_timeout", settings.stop_timeout, MAX_STOP_SECONDS)


def _check_network(settings: ContainerSettings) -> None:
    if settings.network not in NETWORKS:
        raise InvalidSetting(
            "network",
            f"{settings.network[:80]!r} is not a network of this host",
            remedy="Choose one of: " + ", ".join(sorted(NETWORKS)),
        )


_CHECKS: tuple[Callable[[ContainerSettings], None], ...] = (
    _check_image,
    _check_name,
    _check_arguments,
    _check_env,
    _check_working_dir,
    _check_user,
    _check_hostname,
    _check_labels,
    _check_memory,
    _check_cpus,
    _check_pids,
    _check_stop,
    _check_network,
)


# --- What JSON may hold -------------------------------------------------------------------------


def _read_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidSetting(name, "must be a string")
    return value


def _read_flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidSetting(name, "must be true or false")
    return value


def _read_number(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidSetting(name, "must be a whole number")
    return value


def _read_texts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise InvalidSetting(name, "must be a list of strings")
    return tuple(value)


def _read_labels(name: str, value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise InvalidSetting(name, "must be an object of strings")
    return MappingProxyType({str(key): each for key, each in value.items()})


def _or_none(read: Callable[[str, object], Any]) -> Callable[[str, object], Any]:
    return lambda name, value: None if value is None else read(name, value)


_READERS: dict[str, Callable[[str, object], Any]] = {
    "image": _read_text,
    "name": _or_none(_read_text),
    "command": _or_none(_read_texts),
    "entrypoint": _or_none(_read_texts),
    "env": _read_texts,
    "working_dir": _read_text,
    "user": _read_text,
    "hostname": _read_text,
    "labels": _read_labels,
    "tty": _read_flag,
    "open_stdin": _read_flag,
    "memory_bytes": _read_number,
    "nano_cpus": _read_number,
    "pids_limit": _read_number,
    "read_only": _read_flag,
    "auto_remove": _read_flag,
    "stop_signal": _read_text,
    "stop_timeout": _or_none(_read_number),
    "network": _read_text,
}
