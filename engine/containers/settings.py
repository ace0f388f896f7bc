"""Where the settings of containers are known from: see `engine.settings`."""

from engine.settings import ContainerSettings

__all__ = ["ContainerSettings"]
