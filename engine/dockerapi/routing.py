"""The table of routes: which handler answers a method and a path."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from engine.dockerapi.call import Call
from engine.dockerapi.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

Handler = Callable[[Call], Awaitable[web.StreamResponse]]

_PARAMETER = re.compile(r"\{(\w+)(:path)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """
    One endpoint.

    *path* is written as in docker's reference: `{name}` is one part of it, `{name:path}` may be
    several, as the names of images are.
    """

    method: str
    path: str
    handler: Handler

    @property
    def pattern(self) -> re.Pattern[str]:
        """The paths that it answers."""
        written = _PARAMETER.sub(
            lambda match: f"(?P<{match[1]}>{'.+' if match[2] else '[^/]+'})", self.path
        )
        return re.compile(written, re.DOTALL)


class Table:
    """All routes, looked through by method and first part of the path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[tuple[str, str], list[tuple[re.Pattern[str], Handler]]] = {}
        for route in routes:
            key = (route.method, _first(route.path))
            self._routes.setdefault(key, []).append((route.pattern, route.handler))

    def find(self, method: str, path: str) -> tuple[Handler, Mapping[str, str]]:
        """Return the handler and the named parts of *path*; raise `Refusal` (404)."""
        for pattern, handler in self._routes.get((method, _first(path)), ()):
            match = pattern.fullmatch(path)
            if match is not None:
                return handler, match.groupdict()
        raise Refusal(404, "page not found")


def _first(path: str) -> str:
    return path.lstrip("/").partition("/")[0]
