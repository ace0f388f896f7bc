"""One transport for all the registries that an engine speaks to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.registry.client import RegistryClient
from engine.registry.retry import Patience
from engine.registry.urls import Reach

if TYPE_CHECKING:
    from engine.progress import Cancellation
    from engine.registry.credentials import Credentials
    from engine.registry.transport import Transport


@dataclass(frozen=True, slots=True)
class RegistryConnector:
    """Makes clients that share *transport* and go no further than *reach*."""

    transport: Transport
    reach: Reach = field(default_factory=Reach)
    patience: Patience = field(default_factory=Patience)

    def __call__(
        self, registry: str, *, credentials: Credentials | None, cancellation: Cancellation
    ) -> RegistryClient:
        """Return a client for one piece of work with *registry*; nothing is asked of it yet."""
        return RegistryClient(
            self.transport,
            registry,
            reach=self.reach,
            credentials=credentials,
            patience=self.patience,
            cancellation=cancellation,
        )
