"""
Changes to what an image says about its containers, written as Dockerfile instructions.

What `docker import --change` and `docker commit --change` take: the instructions that change no
file. Each is read as in a Dockerfile, with the variables of the image put in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dockerfile.effects import ACTS, Effects
from engine.dockerfile.instructions import Instruction, Shell
from engine.dockerfile.parser import parse
from engine.dockerfile.reading import read_instructions
from engine.errors import DockerfileError, InvalidSetting, UnknownInstruction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.oci.config import ProcessDefaults

FIELD = "changes"
MAX_CHANGES = 1024
MAX_CHANGE_LENGTH = 64 * 1024
# docker offers these and no others.
KNOWN = sorted(each.__name__.upper() for each in ACTS - {Shell})


def apply_changes(defaults: ProcessDefaults, changes: Sequence[str]) -> ProcessDefaults:
    """
    Return *defaults* after the instructions *changes*, one after the other.

    Raises `InvalidSetting` that quotes the one that cannot be read.
    """
    if len(changes) > MAX_CHANGES:
        raise InvalidSetting(FIELD, f"there are more than {MAX_CHANGES}")
    effects = Effects(defaults)
    for change in changes:
        try:
            effects = effects.after(_read(change), effects.environment)
        except DockerfileError as error:
            if isinstance(error, UnknownInstruction):
                raise _no_change(change, remedy=error.remedy) from error
            reason = f"{error.reason} (in {change[:80]!r})"
            raise InvalidSetting(FIELD, reason, remedy=error.remedy) from error
    return effects.defaults


def _read(change: str) -> Instruction:
    if len(change) > MAX_CHANGE_LENGTH:
        raise InvalidSetting(FIELD, f"{change[:80]!r} is too long")
    instructions = read_instructions(parse(change.encode()))
    if len(instructions) != 1 or type(instructions[0]) not in ACTS - {Shell}:
        raise _no_change(change, remedy=f"Write one of {', '.join(KNOWN)}.")
    return instructions[0]


def _no_change(change: str, *, remedy: str) -> InvalidSetting:
    word = (change.split() or [""])[0].lower()
    return InvalidSetting(FIELD, f"{word[:80]} is not a valid change command", remedy=remedy)
