"""What `LogConfig` asks for. Docker refuses some of it at the start, we when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dockerapi.refusals import Refusal
from engine.dockerapi.words import parse_size
from engine.settings.lifetime import LogSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.dockerapi.fields import Fields

OPTIONS = frozenset({"max-size", "max-file"})
KEPT_OPTIONS = frozenset(
    ["labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size", "compress"]
)
MODES = frozenset({"", "blocking", "non-blocking"})
# Go's truth values.
TRUTHS = frozenset(
    [*("1", "t", "T", "TRUE", "true", "True"), *("0", "f", "F", "FALSE", "false", "False")]
)


def log_of(log: Fields) -> LogSettings:
    """Return the settings of a log; raise `Refusal` for what no log of docker's can be."""
    options, driver = log.mapping("Config"), log.text("Type")
    unknown = sorted(set(options) - OPTIONS - KEPT_OPTIONS)
    if unknown:
        raise Refusal(400, f"unknown log opt '{unknown[0][:60]}' for json-file log driver")
    _check_buffer(options)
    if options.get("compress", "true") not in TRUTHS:
        raise _not_parsed("ParseBool", options["compress"])
    return LogSettings(
        driver="json-file" if driver in {"", "local"} else driver,
        max_size=_size(options.get("max-size", "") or "0"),
        max_file=_files(options.get("max-file", "")),
        options={name: options[name] for name in sorted(KEPT_OPTIONS & set(options))},
    )


def _check_buffer(options: Mapping[str, str]) -> None:
    mode = options.get("mode", "")
    if mode not in MODES:
        raise Refusal(400, f"logger: logging mode not supported: {mode[:60]}")
    if "max-buffer-size" not in options:
        return
    if mode != "non-blocking":
        words = "logger: max-buffer-size option is only supported with 'mode=non-blocking'"
        raise Refusal(400, words)
    try:
        parse_size(options["max-buffer-size"], "max-buffer-size")
    except Refusal as refusal:
        words = f"error parsing option max-buffer-size: {_no_size(options['max-buffer-size'])}"
        raise Refusal(400, words) from refusal


def _size(text: str) -> int:
    try:
        return max(0, parse_size(text, "max-size"))
    except Refusal as refusal:
        raise _not_begun(_no_size(text)) from refusal


def _files(text: str) -> int:
    if not text:
        return 0
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise _not_parsed("Atoi", text)
    if int(text) < 1:
        raise _not_begun("max-file cannot be less than 1")
    return int(text)


def _no_size(text: str) -> str:
    return f"invalid size: '{text[:40]}'"


def _not_parsed(parser: str, text: str) -> Refusal:
    return _not_begun(f'strconv.{parser}: parsing "{text[:40]}": invalid syntax')


def _not_begun(words: str) -> Refusal:
    return Refusal(400, f"failed to initialize logging driver: {words}")
