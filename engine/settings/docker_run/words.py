"""
A line as a shell would split it: quotes, backslashes, continued lines.

What a shell would replace or do (`$HOME`, `$(…)`, pipes) is refused where it stands: there is no
shell here, and guessing would run something else than what was meant.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.errors import InvalidSetting

FIELD = "command_line"
MAX_LINE = 256 * 1024
_BLANKS = frozenset(" \t\r\n")
_OPERATORS = frozenset("|&;<>()")
# Within double quotes a backslash only protects these.
_PROTECTED = frozenset('$`"\\')


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of *text*; raise `InvalidSetting` for what only a shell could read."""
    if len(text) > MAX_LINE:
        raise InvalidSetting(FIELD, f"is longer than {MAX_LINE // 1024} KiB")
    splitter = _Splitter(text)
    splitter.run()
    return tuple(splitter.words)


@dataclass(slots=True)
class _Splitter:
    text: str
    at: int = 0
    words: list[str] = field(default_factory=list)
    word: list[str] | None = None

    def run(self) -> None:
        while self.at < len(self.text):
            self._step(self.text[self.at])
        self._finish()

    def _step(self, character: str) -> None:
        if character in _BLANKS:
            self._finish()
            self.at += 1
        elif character == "\\":
            self._escaped()
        elif character == "'":
            self._single_quoted()
        elif character == '"':
            self._double_quoted()
        elif character == "#" and self.word is None:
            self._comment()
        else:
            self._refuse_shell(character)
            self._add(character)
            self.at += 1

    def _finish(self) -> None:
        if self.word is not None:
            self.words.append("".join(self.word))
            self.word = None

    def _add(self, text: str) -> None:
        self.word = [] if self.word is None else self.word
        self.word.append(text)

    def _escaped(self) -> None:
        following = self.text[self.at + 1 : self.at + 3]
        if following in {"\r\n"} or following[:1] == "\n":
            self.at += 3 if following == "\r\n" else 2
            return
        if following:
            self._add(following[0])
        self.at += 2

    def _single_quoted(self) -> None:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise InvalidSetting(FIELD, "a quote ' is not closed")
        self._add(self.text[self.at + 1 : end])
        self.at = end + 1

    def _double_quoted(self) -> None:
        self._add("")
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != '"':
            self._step_in_quotes(self.text[self.at])
        if self.at >= len(self.text):
            raise InvalidSetting(FIELD, 'a quote " is not closed')
        self.at += 1

    def _step_in_quotes(self, character: str) -> None:
        following = self.text[self.at + 1 : self.at + 2]
        if character == "\\" and (following in _PROTECTED or following == "\n"):
            self._add("" if following == "\n" else following)
            self.at += 2
            return
        if character in "$`":
            self._refuse_shell(character)
        self._add(character)
        self.at += 1

    def _comment(self) -> None:
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end

    def _refuse_shell(self, character: str) -> None:
        following = self.text[self.at + 1 : self.at + 2]
        is_variable = character == "$" and (following.isalnum() or following in set("_({*@?"))
        if is_variable or character == "`":
            shown = self.text[self.at : self.at + 20].split()[0]
            raise InvalidSetting(
                FIELD,
                f"a shell would replace {shown!r}",
                remedy="Write what it stands for, or put it in single quotes.",
            )
        if character in _OPERATORS:
            raise InvalidSetting(
                FIELD,
                f"{character!r} is for a shell",
                remedy="Give one docker run line alone, or quote the character.",
            )
