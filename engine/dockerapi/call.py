"""One request, as its handler sees it: parsed, bounded, with the engine at hand."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.dockerapi.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from engine.dockerapi.pools import Pools
    from engine.dockerapi.query import Query
    from engine.dockerapi.rows import Views
    from engine.dockerapi.versions import ApiVersion
    from engine.engine import Engine

MAX_JSON = 4 * 1024 * 1024
BODY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """
    A request to the API.

    *parameters* are the parts of the path that the route names. *owner* is who asks: what is made
    belongs to them.
    """

    request: web.BaseRequest
    engine: Engine
    pools: Pools
    views: Views
    version: ApiVersion
    parameters: Mapping[str, str]
    query: Query
    owner: str

    def __getitem__(self, name: str) -> str:
        """Return the part of the path that the route calls *name*."""
        return self.parameters[name]

    async def body(self, *, limit: int = MAX_JSON) -> bytes:
        """Return the body; raise `Refusal` if it is larger than *limit* or too slow."""
        content = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in self.request.content.iter_any():
                    content += chunk
                    if len(content) > limit:
                        raise Refusal(413, f"request body is larger than {limit} bytes")
        except TimeoutError as error:
            raise Refusal(408, "the request body did not arrive in time") from error
        return bytes(content)

    async def json(self, *, is_needed: bool = False) -> dict[str, Any]:
        """Return the JSON object in the body, an empty one for an empty body."""
        content = await self.body()
        if not content.strip():
            if is_needed:
                raise Refusal(400, "invalid JSON: got EOF while reading request body")
            return {}
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"invalid JSON: {error}") from error
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Refusal(400, "invalid JSON: the body is no object")
        return value
