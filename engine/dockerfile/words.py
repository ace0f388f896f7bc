"""
Words: quotes, escapes and variables, as BuildKit's shell words have them.

A word is expanded where it is used, with the variables of that place. Single quotes keep what is
in them; in double quotes variables are expanded and only `"`, `$` and the escape character are
escaped; elsewhere the escape character keeps the next one. Quotes are removed. What is left unset
is empty. A `DockerfileError` from here has no place: whoever knows the word's adds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.dockerfile.patterns import strip_prefix, strip_suffix, substitute
from engine.errors import InvalidExpansion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SPECIAL = frozenset("@*#?-$!0")
# A text without any of these, and without the escape character, means itself.
_MARKS = frozenset("$'\"")
BLANKS = " \t\v\f\r\n\u00a0\u0085"
NO_END: Mapping[str, str] = {
    "'": "a single quote is not closed",
    '"': "a double quote is not closed",
    "}": "'}' is missing after '${'",
}
# A value may name variables, whose values may not: so nesting is only as deep as it is written.
MAX_DEPTH = 64
MAX_RESULT = 1024 * 1024


def expand(text: str, variables: Mapping[str, str], *, escape: str = "\\") -> str:
    """Return *text* as one word, expanded, without its quotes; raise `InvalidExpansion`."""
    if len(text) <= MAX_RESULT and not _MARKS.intersection(text) and escape not in text:
        return text
    return _Scanner(text, variables, escape).read_all().joined()


def expand_words(text: str, variables: Mapping[str, str], *, escape: str = "\\") -> list[str]:
    """Return the words of *text*, split at blanks outside of quotes, also of those in values."""
    return _Scanner(text, variables, escape).read_all().words()


def expand_document(text: str, variables: Mapping[str, str], *, escape: str = "\\") -> str:
    """Return the here-document *text* with its variables expanded and its quotes kept."""
    return _Scanner(text, variables, escape, keeps_quotes=True).read_all().joined()


def iter_words(text: str, *, begin: int = 0, escape: str = "\\") -> Iterator[tuple[int, str]]:
    """Yield the raw words of *text* from *begin* on, quotes and all, each with its offset."""
    position = begin
    while position < len(text):
        if text[position] in BLANKS:
            position += 1
            continue
        end = _word_end(text, position, escape)
        yield position, text[position:end]
        position = end


def _word_end(text: str, position: int, escape: str) -> int:
    quote = ""
    while position < len(text) and (quote or text[position] not in BLANKS):
        character = text[position]
        quote = _quote_after(quote, character)
        position += 2 if character == escape and quote != "'" else 1
    return min(position, len(text))


def _quote_after(quote: str, character: str) -> str:
    if quote:
        return "" if character == quote else quote
    return character if character in "'\"" else ""


@dataclass(slots=True)
class _Result:
    """What was read: the whole, and the same cut into words."""

    parts: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    word: list[str] = field(default_factory=list)
    is_open: bool = False
    size: int = 0

    def add(self, text: str, *, is_quoted: bool = True) -> None:
        """Add *text*; what is not quoted ends words at its blanks."""
        self.size += len(text)
        if self.size > MAX_RESULT:
            raise InvalidExpansion(f"it expands to more than {MAX_RESULT // 1024} KiB")
        self.parts.append(text)
        if is_quoted:
            self.word.append(text)
            self.is_open = True
        else:
            self._add_cut(text)

    def _add_cut(self, text: str) -> None:
        for character in text:
            if character in BLANKS:
                self._end()
            else:
                self.word.append(character)
                self.is_open = True

    def _end(self) -> None:
        if self.is_open:
            self.cut.append("".join(self.word))
        self.word, self.is_open = [], False

    def joined(self) -> str:
        """Return everything as one word."""
        return "".join(self.parts)

    def words(self) -> list[str]:
        """Return it cut into words."""
        self._end()
        return self.cut


class _Scanner:
    """Reads one text from left to right."""

    def __init__(
        self,
        text: str,
        variables: Mapping[str, str],
        escape: str,
        *,
        keeps_quotes: bool = False,
        depth: int = 0,
    ) -> None:
        if depth > MAX_DEPTH:
            raise InvalidExpansion("its variables are nested too deeply")
        self._text = text
        self._variables = variables
        self._escape = escape
        self._keeps_quotes = keeps_quotes
        self._depth = depth
        self._position = 0
        self._result = _Result()

    def read_all(self) -> _Result:
        """Read to the end and return what was read."""
        while (character := self._peek()) is not None:
            self._read_one(character)
        return self._result

    def _read_one(self, character: str) -> None:
        if character == "$":
            self._result.add(self._dollar(), is_quoted=False)
        elif character == "'" and not self._keeps_quotes:
            self._result.add(self._single_quoted())
        elif character == '"' and not self._keeps_quotes:
            self._double_quoted()
        elif character == self._escape:
            self._result.add(self._escaped())
        else:
            self._result.add(self._next(), is_quoted=False)

    def _peek(self) -> str | None:
        return self._text[self._position] if self._position < len(self._text) else None

    def _next(self) -> str:
        self._position += 1
        return self._text[self._position - 1]

    # --- Quotes and escapes ---------------------------------------------------------------------

    def _single_quoted(self) -> str:
        begin = self._position + 1
        end = self._text.find("'", begin)
        if end < 0:
            raise InvalidExpansion(NO_END["'"])
        self._position = end + 1
        return self._text[begin:end]

    def _double_quoted(self) -> None:
        self._next()
        self._result.add("")
        while (character := self._peek()) is not None:
            if character == '"':
                self._next()
                return
            if character == "$":
                self._result.add(self._dollar())
            elif character == self._escape:
                self._result.add(self._escaped_in_quotes())
            else:
                self._result.add(self._next())
        raise InvalidExpansion(NO_END['"'])

    def _escaped(self) -> str:
        self._next()
        if self._peek() is None:
            return self._escape if self._keeps_quotes else ""
        following = self._next()
        is_kept = self._keeps_quotes and following not in {"$", self._escape}
        return self._escape + following if is_kept else following

    def _escaped_in_quotes(self) -> str:
        self._next()
        following = self._peek()
        if following is None:
            return self._escape
        self._next()
        return following if following in {'"', "$", self._escape} else self._escape + following

    # --- Variables ------------------------------------------------------------------------------

    def _dollar(self) -> str:
        self._next()
        if self._peek() == "{":
            self._next()
            return self._braced()
        name = self._name()
        return self._variables.get(name, "") if name else "$"

    def _name(self) -> str:
        """Read and return a variable's name, or nothing if none stands here."""
        first = self._peek()
        if first is None or not (_begins_name(first) or first.isdecimal() or first in SPECIAL):
            return ""
        begin = self._position
        self._next()
        if _begins_name(first):
            while (character := self._peek()) is not None and _continues_name(character):
                self._next()
        elif first.isdecimal():
            while (character := self._peek()) is not None and character.isdecimal():
                self._next()
        return self._text[begin : self._position]

    def _braced(self) -> str:
        name = self._name()
        if not name:
            raise InvalidExpansion(NO_END["}"] if self._peek() is None else "bad substitution")
        operator = self._peek()
        if operator is None:
            raise InvalidExpansion(NO_END["}"])
        self._next()
        if operator == "}":
            return self._variables.get(name, "")
        if operator == ":":
            return self._with_colon(name)
        if operator in "-+?":
            return self._choose(name, operator, is_set=name in self._variables)
        if operator in "#%":
            return self._strip(name, operator)
        if operator == "/":
            return self._replace(name)
        raise InvalidExpansion(f"'{operator}' is no modifier in a substitution")

    def _with_colon(self, name: str) -> str:
        operator = self._peek()
        if operator is None:
            raise InvalidExpansion(NO_END["}"])
        self._next()
        if operator not in "-+?":
            raise InvalidExpansion(f"':{operator}' is no modifier in a substitution")
        return self._choose(name, operator, is_set=bool(self._variables.get(name)))

    def _choose(self, name: str, operator: str, *, is_set: bool) -> str:
        word = self._until("}")
        if operator == "+":
            return self._expanded(word) if is_set else ""
        if is_set:
            return self._variables.get(name, "")
        if operator == "-":
            return self._expanded(word)
        reason = self._expanded(word) or "is not allowed to be unset"
        raise InvalidExpansion(f"{name}: {reason}")

    def _strip(self, name: str, operator: str) -> str:
        is_greedy = self._peek() == operator
        if is_greedy:
            self._next()
        pattern = self._expanded(self._until("}"), keeps_escapes=True)
        value = self._variables.get(name, "")
        strip = strip_prefix if operator == "#" else strip_suffix
        return strip(value, pattern, escape=self._escape, is_greedy=is_greedy)

    def _replace(self, name: str) -> str:
        is_everywhere = self._peek() == "/"
        if is_everywhere:
            self._next()
        pattern = self._expanded(self._until("/"), keeps_escapes=True)
        replacement = self._expanded(self._until("}"))
        value = self._variables.get(name, "")
        return substitute(
            value, pattern, replacement, escape=self._escape, is_everywhere=is_everywhere
        )

    def _until(self, end: str) -> str:
        """Read up to *end*, which is left out; what is nested or escaped does not end it."""
        begin, depth = self._position, 0
        while (character := self._peek()) is not None:
            if character == end and depth == 0:
                self._next()
                return self._text[begin : self._position - 1]
            if character == self._escape:
                self._next()
            elif self._text.startswith("${", self._position):
                depth += 1
            elif character == "}":
                depth -= 1
            if self._peek() is not None:
                self._next()
        reason = NO_END["}"] if end == "}" else "'/' is missing between pattern and replacement"
        raise InvalidExpansion(reason)

    def _expanded(self, text: str, *, keeps_escapes: bool = False) -> str:
        inner = _Scanner(
            text,
            self._variables,
            self._escape,
            keeps_quotes=keeps_escapes or self._keeps_quotes,
            depth=self._depth + 1,
        )
        return inner.read_all().joined()


def _begins_name(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalpha())


def _continues_name(character: str) -> bool:
    return _begins_name(character) or (character.isascii() and character.isdecimal())
