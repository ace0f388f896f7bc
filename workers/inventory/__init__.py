"""
The projection: what the engine of this host has, written into the dashboard's models.

The engine's records are the truth; the models follow. Every write happens under one lock per host
(its row), and the records are read after the lock was taken, so of two writers the later one knows
at least as much. Rows change, and pages hear of it, only where something is different.
"""

from workers.inventory.inventory import Inventory

__all__ = ["Inventory"]
