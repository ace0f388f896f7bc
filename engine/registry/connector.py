"""One transport for all registries of an engine, and what this host knows of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.registry.certificates import Certificates
from engine.registry.client import Mirror, RegistryClient
from engine.registry.retry import Patience
from engine.registry.settings import RegistrySettings, read_settings
from engine.registry.urls import Reach

if TYPE_CHECKING:
    from pathlib import Path

    from engine.progress import Cancellation
    from engine.registry.credentials import Credentials, Keychain
    from engine.registry.transport import Transport


@dataclass(frozen=True, slots=True)
class RegistryConnector:
    """
    Makes clients that share *transport* and go no further than *reach*.

    A registry with *certificates* of its own is only spoken to in TLS. What this host is told about
    registries is in *settings_file*; what *keychain* knows is shown to a registry only where
    whoever asks brings no credentials of their own.
    """

    transport: Transport
    reach: Reach = field(default_factory=Reach)
    patience: Patience = field(default_factory=Patience)
    certificates: Certificates = field(default_factory=Certificates)
    settings_file: Path | None = None
    keychain: Keychain | None = None

    def __call__(
        self, registry: str, *, credentials: Credentials | None, cancellation: Cancellation
    ) -> RegistryClient:
        """
        Return a client for one piece of work with *registry*; nothing is asked of it yet.

        Raises `InvalidSetting` where this host's own files are wrong.
        """
        path = self.settings_file
        settings = RegistrySettings() if path is None else read_settings(path)
        keychain = self.keychain if settings.uses_docker_config else None
        mirrors = [
            Mirror(each, _kept(keychain, each.registry))
            for each in settings.mirrors.get(registry, ())
        ]
        reach = settings.reach(self.reach)
        return RegistryClient(
            self.transport,
            registry,
            reach=reach.with_tls(registry) if self.certificates.has(registry) else reach,
            credentials=credentials or _kept(keychain, registry),
            mirrors=mirrors,
            patience=self.patience,
            cancellation=cancellation,
        )


def _kept(keychain: Keychain | None, registry: str) -> Credentials | None:
    return keychain.find(registry) if keychain else None
