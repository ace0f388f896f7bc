"""The keys with which somebody leaves a terminal without ending what runs in it: pure."""

from __future__ import annotations

from engine.errors import InvalidSetting

DEFAULT_KEYS = "ctrl-p,ctrl-q"
MAX_KEYS = 16
_CONTROL = {
    f"ctrl-{letter}": 1 + number for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz")
}
_CONTROL |= {"ctrl-@": 0, "ctrl-[": 27, "ctrl-\\": 28, "ctrl-]": 29, "ctrl-^": 30, "ctrl-_": 31}
_CONTROL |= {"DEL": 127}


def parse_detach_keys(text: str) -> bytes:
    """
    Return the bytes of a key sequence as docker writes one: `ctrl-p,ctrl-q`, `a,b`; empty: default.

    Raises `InvalidSetting` where it is none.
    """
    keys = (text or DEFAULT_KEYS).split(",")
    if len(keys) > MAX_KEYS:
        raise InvalidSetting("detach_keys", f"has more than {MAX_KEYS} keys")
    return bytes(_byte(key, text) for key in keys)


def _byte(key: str, text: str) -> int:
    if key in _CONTROL:
        return _CONTROL[key]
    if len(key) == 1 and key.isascii():
        return ord(key)
    raise InvalidSetting("detach_keys", f"Invalid escape keys ({text[:80]}) provided")


class KeyMatcher:
    """Looks for a sequence of keys in what somebody types, piece by piece."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._falls = _falls(keys)
        self._matched = 0

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """
        Return what of *typed* is to be passed on, and whether the sequence is complete.

        What may be the beginning of the sequence is held back until that is clear. What follows
        the whole sequence is dropped.
        """
        passed = bytearray()
        for key in typed:
            while self._matched and key != self._keys[self._matched]:
                shorter = self._falls[self._matched - 1]
                passed += self._keys[: self._matched - shorter]
                self._matched = shorter
            if key != self._keys[self._matched]:
                passed.append(key)
                continue
            self._matched += 1
            if self._matched == len(self._keys):
                self._matched = 0
                return bytes(passed), True
        return bytes(passed), False


def _falls(keys: bytes) -> list[int]:
    """Return for each prefix of *keys* the length of its longest proper end that begins them."""
    falls = [0] * len(keys)
    length = 0
    for position in range(1, len(keys)):
        while length and keys[position] != keys[length]:
            length = falls[length - 1]
        length += keys[position] == keys[length]
        falls[position] = length
    return falls
