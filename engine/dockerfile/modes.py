"""
Modes as `--chmod` writes them: octal, or symbolic as chmod(1) has it; pure.

A symbolic one says what changes: `u=rwX,go=rX` leaves a program one and a text none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LENGTH = 100
SET_ID, STICKY = 0o6000, 0o1000
_OCTAL = re.compile(r"[0-7]{1,5}", re.ASCII)
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)", re.ASCII)
_ACTION = re.compile(r"([-+=])([ugo]|[rwxXst]*)", re.ASCII)
_SHIFTS = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111, "X": 0, "s": SET_ID, "t": STICKY}
# Whose bits are whose: the special ones belong to somebody too.
_AFFECTED = {"u": 0o4700, "g": 0o2070, "o": 0o1007}


@dataclass(frozen=True, slots=True)
class Action:
    """One change: for *who*, any of `ugo`, what *sign* does with the permissions *what*."""

    who: str
    sign: str
    what: str

    def applied(self, mode: int, *, is_directory: bool) -> int:
        """Return *mode* after it."""
        affected = sum(_AFFECTED[each] for each in self.who)
        given = self._bits(mode, is_directory=is_directory) & affected
        if self.sign == "+":
            return mode | given
        if self.sign == "-":
            return mode & ~given
        # What a directory gives on to its files stays, as with chmod(1).
        kept = mode & SET_ID if is_directory else 0
        return mode & ~affected | given | kept

    def _bits(self, mode: int, *, is_directory: bool) -> int:
        if self.what in _SHIFTS:
            return (mode >> _SHIFTS[self.what] & 0o7) * 0o111
        bits = sum(_BITS[each] for each in set(self.what))
        is_program = is_directory or bool(mode & 0o111)
        return bits | (0o111 if "X" in self.what and is_program else 0)


@dataclass(frozen=True, slots=True)
class ModeChange:
    """What becomes of a mode: *octal*, or what *actions* make of it one after the other."""

    octal: int | None = None
    actions: tuple[Action, ...] = ()

    def applied(self, mode: int, *, is_directory: bool) -> int:
        """Return *mode* after it."""
        if self.octal is not None:
            return self.octal
        for each in self.actions:
            mode = each.applied(mode, is_directory=is_directory)
        return mode


def parse_mode(text: str) -> ModeChange | None:
    """Return the change that *text* spells, None where it spells none."""
    if _OCTAL.fullmatch(text):
        return ModeChange(int(text, 8) & 0o7777)
    clauses = [_CLAUSE.fullmatch(each) for each in text[:MAX_LENGTH].split(",")]
    if len(text) > MAX_LENGTH or not all(clauses):
        return None
    return ModeChange(actions=tuple(each for found in clauses if found for each in _actions(found)))


def _actions(clause: re.Match[str]) -> list[Action]:
    named = set("ugo") if not clause[1] or "a" in clause[1] else set(clause[1])
    who = "".join(sorted(named))
    return [Action(who, *each) for each in _ACTION.findall(clause[2])]
