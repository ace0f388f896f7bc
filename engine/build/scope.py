"""
The variables that the instructions of one stage see.

An ARG makes a build argument visible from its line on, in its stage: what the build was given for
it, else its own default, else what an ARG before the first FROM said, else what is known of the
platform. A variable of the image's environment hides an argument of its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.dockerfile.effects import expanded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.dockerfile.effects import Effects
    from engine.dockerfile.instructions import Arg
    from engine.oci.platform import Platform

# Known without a declaration, given to programs, and no part of image, history or cache.
PROXIES = frozenset(
    name
    for each in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (each, each.lower())
)
NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Scope:
    """
    What is visible at one line of a stage.

    *given* are the arguments of the build, *inherited* those declared before the first FROM,
    *automatic* what is known of the platforms, *declared* what the stage's ARGs made visible.
    """

    given: Mapping[str, str] = field(default_factory=lambda: NONE, hash=False)
    inherited: Mapping[str, str] = field(default_factory=lambda: NONE, hash=False)
    automatic: Mapping[str, str] = field(default_factory=lambda: NONE, hash=False)
    declared: Mapping[str, str] = field(default_factory=lambda: NONE, hash=False)

    def variables(self, effects: Effects) -> dict[str, str]:
        """Return the variables that a word is expanded with."""
        return {**self.declared, **effects.environment}

    def arguments(self, effects: Effects) -> dict[str, str]:
        """Return the arguments that a program of a RUN finds beside the environment."""
        environment = effects.environment
        return {name: each for name, each in self.declared.items() if name not in environment}

    def proxies(self) -> dict[str, str]:
        """Return the proxies that the build was given."""
        return {name: self.given[name] for name in sorted(PROXIES & set(self.given))}

    def after(self, arg: Arg, effects: Effects) -> Scope:
        """Return what is visible after *arg*."""
        declared = dict(self.declared)
        for pair in arg.pairs:
            name = pair.name.text
            if name in self.given:
                declared[name] = self.given[name]
            elif pair.value is not None:
                seen = {**declared, **effects.environment}
                declared[name] = expanded(arg.line, pair.value, seen, effects.escape)
            elif (known := self.inherited.get(name, self.automatic.get(name))) is not None:
                declared[name] = known
        return replace(self, declared=declared)


def automatic_arguments(build: Platform, target: Platform, *, stage: str) -> dict[str, str]:
    """Return the arguments that every build knows: its platforms and its target stage."""
    return {
        "TARGETPLATFORM": str(target),
        "TARGETOS": target.os,
        "TARGETARCH": target.architecture,
        "TARGETVARIANT": target.variant,
        "BUILDPLATFORM": str(build),
        "BUILDOS": build.os,
        "BUILDARCH": build.architecture,
        "BUILDVARIANT": build.variant,
        "TARGETSTAGE": stage or "default",
    }
