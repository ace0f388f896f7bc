"""The capabilities of a container: docker's default fourteen, and what settings make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.settings.capabilities import (
    ALL,
    CAPABILITIES,
    DEFAULT_CAPABILITIES,
    canonical_capability,
)

if TYPE_CHECKING:
    from engine.settings import ContainerSettings


def all_capabilities(bits: int) -> tuple[str, ...]:
    """Return all capabilities that a host whose own are *bits* can give away."""
    return tuple(name for number, name in enumerate(CAPABILITIES) if bits >> number & 1)


def granted_capabilities(settings: ContainerSettings, known: tuple[str, ...]) -> tuple[str, ...]:
    """
    Return what the container may have of the capabilities that this host can give, the *known*.

    As docker: `ALL` added means all but the dropped ones, `ALL` dropped means only the added ones.
    """
    added = [canonical_capability(each) for each in settings.cap_add]
    dropped = {canonical_capability(each) for each in settings.cap_drop}
    if settings.privileged:
        return known
    if ALL in added:
        wanted = [each for each in known if each not in dropped]
    elif ALL in dropped:
        wanted = added
    else:
        wanted = [each for each in DEFAULT_CAPABILITIES if each not in dropped] + added
    return tuple(dict.fromkeys(each for each in wanted if each in known))


def capability_sets(granted: tuple[str, ...], *, is_root: bool) -> dict[str, list[str]]:
    """
    Return the sets of a process that may use *granted*.

    Inheritable and ambient stay empty: what is inheritable could be gained from a file's own
    capabilities (CVE-2022-24769). A user other than root has them in its bounding set alone.
    """
    usable = list(granted) if is_root else []
    return {"bounding": list(granted), "effective": usable, "permitted": usable}
