"""
How the parts of an engine are wired: the one place that knows all of them.

`lay_ground` opens what several nouns stand on; each `wire_…` puts one noun together over it.
"""

from engine.wiring.cleanup import Cleaning, wire_cleanup
from engine.wiring.ground import Ground, lay_ground
from engine.wiring.images import wire_collector, wire_images
from engine.wiring.nouns import wire_builds, wire_checker, wire_connector, wire_containers

__all__ = [
    "Cleaning",
    "Ground",
    "lay_ground",
    "wire_builds",
    "wire_checker",
    "wire_cleanup",
    "wire_collector",
    "wire_connector",
    "wire_containers",
    "wire_images",
]
