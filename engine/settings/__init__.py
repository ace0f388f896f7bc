"""
What a person may choose about a container: values, and the rules that make them valid.

Pure: nothing here looks at a host, an image or another container. So the engine, the Docker API
and the dashboard all read the same settings, from forms, from JSON and from `docker run` lines, and
refuse the same things at the same fields. What only the host knows is checked at creation.
"""

from __future__ import annotations

from engine.oci.healthcheck import Healthcheck
from engine.settings.container import ContainerSettings
from engine.settings.execution import ExecSettings
from engine.settings.lifetime import LogSettings, RestartPolicy
from engine.settings.mounts import MountKind, MountPoint
from engine.settings.network import Endpoint, PortBinding
from engine.settings.reach import reach_of
from engine.settings.resources import DeviceRate, DeviceWeight, Ulimit
from engine.settings.security import DeviceMapping, SecurityOptions
from engine.settings.update import ResourceUpdate

__all__ = [
    "ContainerSettings",
    "DeviceMapping",
    "DeviceRate",
    "DeviceWeight",
    "Endpoint",
    "ExecSettings",
    "Healthcheck",
    "LogSettings",
    "MountKind",
    "MountPoint",
    "PortBinding",
    "ResourceUpdate",
    "RestartPolicy",
    "SecurityOptions",
    "Ulimit",
    "reach_of",
]
