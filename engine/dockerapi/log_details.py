"""What `docker logs --details` shows beside each line: labels and variables that were asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.containers.record import ContainerRecord


def log_details(record: ContainerRecord, env: Iterable[str]) -> bytes:
    """Return the labels, and the variables in *env*, that the log's options name."""
    options = record.settings.log.options
    variables = dict(name_and_value(each) for each in env)
    found = {
        **dict(_chosen(record.labels, options, "labels")),
        **dict(_chosen(variables, options, "env")),
    }
    pairs = (f"{quote_plus(name)}={quote_plus(found[name])}" for name in sorted(found))
    return ",".join(pairs).encode()


def name_and_value(variable: str) -> tuple[str, str]:
    """Return the two halves of `name=value`."""
    name, _, value = variable.partition("=")
    return name, value


def _chosen(
    values: Mapping[str, str], options: Mapping[str, str], kind: str
) -> Iterator[tuple[str, str]]:
    named = {each for each in options.get(kind, "").split(",") if each}
    pattern = options.get(f"{kind}-regex", "")
    matches = _pattern(pattern).search if pattern else None
    for name, value in values.items():
        if name in named or (matches is not None and matches(name)):
            yield name, value


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return re.compile(re.escape(text))
