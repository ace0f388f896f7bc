"""Keep what a URL may carry, such as a set-up token, out of the logs."""

from __future__ import annotations

import logging
import re

# A query string in a path or a URL, up to whatever ends it in a log line.
_QUERY = re.compile(r"(?<=[/\w])\?[^\s\"'>)]+")


class WithoutQuery(logging.Filter):
    """Every record passes; none of them keeps a query string afterwards."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace query strings in the message and in its arguments; keep the record."""
        if isinstance(record.msg, str):
            record.msg = _QUERY.sub("?…", record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(_without(value) for value in record.args)
        return True


def _without(value: object) -> object:
    return _QUERY.sub("?…", value) if isinstance(value, str) else value
