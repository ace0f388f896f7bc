"""
Stages: which instructions belong together, what each stage stands on, and which a target needs.

Pure. A stage is meant by its number or its name; where several have one name, the latest before the
line that asks is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from engine.dockerfile.effects import expanded
from engine.dockerfile.instructions import Arg, Copy, From, Instruction, Run
from engine.dockerfile.words import expand
from engine.errors import InvalidExpansion, InvalidPlatform, UnknownStage
from engine.oci.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.dockerfile.parser import Line

SCRATCH = "scratch"
# An image may be called much like a stage that is made of it.
CLOSE = 0.75


@dataclass(frozen=True, slots=True)
class Stage:
    """
    One stage.

    *base* is what it stands on: an earlier stage's number, or the reference of an image, or
    `scratch`. *needs* are the numbers of the stages that it stands on or copies from.
    """

    index: int
    name: str
    origin: From
    base: int | str
    platform: Platform | None
    instructions: tuple[Instruction, ...]
    needs: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Stages:
    """All stages of a Dockerfile, and the arguments that were declared before the first."""

    stages: tuple[Stage, ...]
    arguments: Mapping[str, str]

    def find(self, name: str, *, before: int) -> Stage | None:
        """Return the stage called *name*, or with that number, before stage number *before*."""
        known = self.stages[:before]
        if name.isdecimal() and int(name) < len(known):
            return known[int(name)]
        return next((each for each in reversed(known) if each.name == name.lower() != ""), None)

    def target(self, name: str) -> Stage:
        """Return the stage that a build is to end with; raise `UnknownStage`."""
        found = self.find(name, before=len(self.stages)) if name else self.stages[-1]
        if found is None:
            raise UnknownStage(
                f"target stage {name[:80]!r} could not be found", remedy=self.suggest(name)
            )
        return found

    def needed(self, target: Stage) -> tuple[Stage, ...]:
        """Return the stages that *target* cannot do without, itself last, in their order."""
        wanted = {target.index}
        for stage in reversed(self.stages[: target.index + 1]):
            if stage.index in wanted:
                wanted |= stage.needs
        return tuple(each for each in self.stages if each.index in wanted)

    def suggest(self, name: str) -> str:
        """Return which stage may be meant by *name*, which is none, as a remedy; or nothing."""
        names = [each.name for each in self.stages if each.name not in {"", name}]
        near = get_close_matches(name, names, n=1, cutoff=CLOSE)
        return f"Did you mean {near[0]}?" if near else ""


def cut_into_stages(
    instructions: Sequence[Instruction], variables: Mapping[str, str], *, escape: str
) -> Stages:
    """
    Return the stages of *instructions*; *variables* are build arguments and automatic ones.

    Raises a `DockerfileError` for what stands before the first FROM, and for a base that is empty
    or a stage that comes later.
    """
    arguments = _global_arguments(instructions, variables, escape)
    visible = {**variables, **arguments}
    found = Stages((), arguments)
    for origin, body in _bodies(instructions):
        stage = _stage(found, origin, body, visible, escape)
        found = Stages((*found.stages, stage), arguments)
    return found


def _global_arguments(
    instructions: Sequence[Instruction], variables: Mapping[str, str], escape: str
) -> dict[str, str]:
    arguments: dict[str, str] = {}
    for instruction in instructions:
        if isinstance(instruction, From):
            return arguments
        if not isinstance(instruction, Arg):
            raise instruction.line.error(
                f"no build stage in current context: {instruction.line.keyword} stands before FROM",
                remedy="Begin with FROM; only ARG may stand before it.",
            )
        for pair in instruction.pairs:
            seen = {**variables, **arguments}
            name = pair.name.text
            if name in variables:
                arguments[name] = variables[name]
            elif pair.value is not None:
                arguments[name] = expanded(instruction.line, pair.value, seen, escape)
    line = instructions[-1].line
    raise line.error("no build stage in current context", remedy="Add a line FROM image.")


def _bodies(
    instructions: Iterable[Instruction],
) -> list[tuple[From, list[Instruction]]]:
    bodies: list[tuple[From, list[Instruction]]] = []
    for instruction in instructions:
        if isinstance(instruction, From):
            bodies.append((instruction, []))
        elif bodies:
            bodies[-1][1].append(instruction)
    return bodies


def _stage(
    before: Stages,
    origin: From,
    body: Sequence[Instruction],
    variables: Mapping[str, str],
    escape: str,
) -> Stage:
    index = len(before.stages)
    name = expanded(origin.line, origin.base, variables, escape)
    if not name:
        raise origin.line.error(
            f"base name ({origin.base.text[:80]}) should not be blank",
            remedy="Give the argument a default: ARG NAME=value before FROM.",
        )
    known = before.find(name, before=index) if not name.isdecimal() else None
    base: int | str = known.index if known is not None else name
    if origin.name and origin.name == SCRATCH:
        raise origin.line.error("a stage cannot be called scratch")
    origins = _origins(body)
    if before.find(origin.name, before=index) is None:
        _check_origins(origin, origins)
    copied = (_stage_number(before, index, each) for each in origins)
    needs = {each for each in copied if each is not None}
    if isinstance(base, int):
        needs.add(base)
    platform = _platform(origin, variables, escape)
    return Stage(index, origin.name, origin, base, platform, tuple(body), frozenset(needs))


def _origins(body: Iterable[Instruction]) -> list[tuple[Line, str]]:
    found: list[tuple[Line, str]] = []
    for instruction in body:
        if isinstance(instruction, Copy) and instruction.origin:
            found.append((instruction.line, instruction.origin))
        elif isinstance(instruction, Run):
            origins = (each.get("from") for each in instruction.mounts)
            found += [(instruction.line, each) for each in origins if each]
    return found


def _check_origins(origin: From, origins: Iterable[tuple[Line, str]]) -> None:
    """Raise a `DockerfileError` where a stage takes from itself; its name would be an image's."""
    for line, name in origins:
        if origin.name and name.lower() == origin.name:
            reason = f"circular dependency detected on stage: {origin.name[:80]}"
            raise line.error(reason, kind=UnknownStage, remedy="Take from another stage.")


def _stage_number(before: Stages, index: int, asked: tuple[Line, str]) -> int | None:
    line, name = asked
    found = before.find(name, before=index)
    if found is None and name.isdecimal():
        kind = "itself or a later one" if int(name[:9]) >= index else "unknown"
        reason = f"invalid from flag value {name[:40]}: there is no such stage before this one"
        raise line.error(reason, kind=UnknownStage, remedy=f"Stage {name[:9]} is {kind}.")
    return found.index if found is not None else None


def _platform(origin: From, variables: Mapping[str, str], escape: str) -> Platform | None:
    if not origin.platform:
        return None
    try:
        text = expand(origin.platform, variables, escape=escape)
        return Platform.parse(text) if text else None
    except (InvalidExpansion, InvalidPlatform) as error:
        reason = getattr(error, "reason", error.message)
        raise origin.line.error(f"failed to parse platform: {reason}") from error
