"""
A small registry in this process that can be told to misbehave.

It serves what was put into it over plain http on loopback and records what it was asked. Faults are
looked at before anything else: each is a function that may answer a request in the registry's
place, so a test says exactly which request goes wrong and how.
"""

from __future__ import annotations

from tests.support.registry.fake import FakeRegistry, TokenServer
from tests.support.registry.messages import Received, Reply, lying_about_length
from tests.support.registry.server import serving

__all__ = [
    "FakeRegistry",
    "Received",
    "Reply",
    "TokenServer",
    "lying_about_length",
    "serving",
]
