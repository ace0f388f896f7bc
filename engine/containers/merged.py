"""What a container is, from what its image says and what its settings say, as docker joins them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.oci.config import ProcessDefaults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.oci.healthcheck import Healthcheck
    from engine.settings import ContainerSettings

NO_ENTRYPOINT = ("",)
_FROM_IMAGE = ("interval", "timeout", "start_period", "start_interval", "retries")


def merged_config(image: ProcessDefaults, settings: ContainerSettings) -> ProcessDefaults:
    """
    Return the whole config of a container with *settings* over what its *image* says.

    Triggers and the shell of builds stay the image's own.
    """
    entrypoint, command = _words(image, settings)
    anonymous = (each.target for each in settings.mounts if each.is_anonymous)
    return ProcessDefaults(
        user=settings.user or image.user,
        exposed_ports=_exposed(image, settings),
        env=_env(image.env, settings.env),
        entrypoint=entrypoint,
        command=command,
        volumes=tuple(dict.fromkeys((*image.volumes, *anonymous))),
        working_dir=settings.working_dir or image.working_dir,
        labels=merged_labels(image, settings),
        stop_signal=settings.stop_signal or image.stop_signal,
        healthcheck=_healthcheck(image.healthcheck, settings.healthcheck),
    )


def merged_labels(image: ProcessDefaults, settings: ContainerSettings) -> Mapping[str, str]:
    """Return the labels of a container: its image's, and over them its own."""
    return {**image.labels, **settings.labels} if image.labels else settings.labels


def _words(
    image: ProcessDefaults, settings: ContainerSettings
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return entrypoint and command; an entrypoint of one's own drops the image's command."""
    own, command = settings.entrypoint, settings.command or ()
    if own is None:
        return image.entrypoint, command or image.command
    return (() if own == NO_ENTRYPOINT else own), command


def _exposed(image: ProcessDefaults, settings: ContainerSettings) -> tuple[str, ...]:
    found = (*image.exposed_ports, *settings.expose)
    return tuple(dict.fromkeys(each if "/" in each else f"{each}/tcp" for each in found))


def _env(image: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    names = {each.partition("=")[0] for each in own}
    return (*own, *(each for each in image if each.partition("=")[0] not in names))


def _healthcheck(image: Healthcheck | None, own: Healthcheck | None) -> Healthcheck | None:
    if own is None or image is None:
        return own or image
    blanks = [each for each in _FROM_IMAGE if not getattr(own, each)]
    return replace(
        own, test=own.test or image.test, **{each: getattr(image, each) for each in blanks}
    )
