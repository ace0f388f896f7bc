"""What a container runs, from what its image suggests and what its settings say: pure."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting
from engine.settings.signals import parse_signal

if TYPE_CHECKING:
    from engine.oci.config import ProcessDefaults
    from engine.settings import ContainerSettings

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Process:
    """A program with everything it is started with, but its user still in words."""

    arguments: tuple[str, ...]
    env: tuple[str, ...]
    working_dir: str
    user: str
    tty: bool


def resolve_arguments(defaults: ProcessDefaults, settings: ContainerSettings) -> tuple[str, ...]:
    """
    Return entrypoint and command as docker joins them.

    An entrypoint of the settings' own drops the image's command; an empty one drops the image's
    entrypoint. Raises `InvalidSetting` where nothing is left to run.
    """
    entrypoint, command = settings.entrypoint, settings.command or ()
    if entrypoint is None:
        entrypoint, command = defaults.entrypoint, command or defaults.command
    arguments = (*(() if entrypoint == ("",) else entrypoint), *command)
    if not arguments or not arguments[0]:
        raise InvalidSetting(
            "command", "No command specified", remedy="The image has none of its own: give one."
        )
    return arguments


def resolve_process(
    defaults: ProcessDefaults, settings: ContainerSettings, *, hostname: str
) -> Process:
    """Return the first process of a container that is called *hostname*."""
    return Process(
        arguments=resolve_arguments(defaults, settings),
        env=merged_env(
            [f"PATH={DEFAULT_PATH}", f"HOSTNAME={hostname}", *(["TERM=xterm"] * settings.tty)],
            defaults.env,
            settings.env,
        ),
        working_dir=settings.working_dir or _absolute(defaults.working_dir),
        user=settings.user or defaults.user,
        tty=settings.tty,
    )


def stop_signal(defaults: ProcessDefaults, settings: ContainerSettings) -> int:
    """Return the signal that asks the container to end; an image's that is none counts for none."""
    if settings.stop_signal:
        return parse_signal(settings.stop_signal, field="stop_signal")
    try:
        return parse_signal(defaults.stop_signal or "SIGTERM")
    except InvalidSetting:
        return signal.SIGTERM


def with_home(env: tuple[str, ...], home: str) -> tuple[str, ...]:
    """Return *env* with HOME, unless it says one already."""
    return env if any(each.startswith("HOME=") for each in env) else (*env, f"HOME={home}")


def merged_env(*sources: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Return the variables of all *sources*; where several name one, the last says its value."""
    merged: dict[str, str] = {}
    for source in sources:
        for entry in source:
            name, equals, value = entry.partition("=")
            # An image may hold what no form lets through; the kernel would refuse it.
            if name and equals and "\0" not in entry:
                merged[name] = value
    return tuple(f"{name}={value}" for name, value in merged.items())


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"
