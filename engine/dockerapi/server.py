"""From a connection to a handler: versions, routes, refusals, and who is at the other end."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import ClientConnectionResetError, web
from aiohttp.web_protocol import RequestPayloadError

from engine.dockerapi.answers import refused
from engine.dockerapi.call import Call
from engine.dockerapi.connection import Connection, make_request
from engine.dockerapi.query import Query
from engine.dockerapi.refusals import Refusal, internal_error, refusal_of
from engine.dockerapi.rows import Views
from engine.dockerapi.table import TABLE
from engine.dockerapi.versions import split_version
from engine.errors import EngineError
from engine.progress import Cancelled

if TYPE_CHECKING:
    from aiohttp import StreamReader
    from aiohttp.web_protocol import RequestHandler

    from engine.dockerapi.pools import Pools
    from engine.engine import Engine

log = logging.getLogger(__name__)

MAX_LINE = 128 * 1024
MAX_FIELD = 64 * 1024
KEEP_ALIVE_SECONDS = 300.0
LINGER_SECONDS = 1.0
DRAINED = 256 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_SURROGATES = re.compile("[\ud800-\udfff\0]")


class Api:
    """Answers requests to one engine."""

    def __init__(self, engine: Engine, pools: Pools) -> None:
        self._engine = engine
        self._pools = pools
        self._views = Views(engine)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the answer to *request*; whatever goes wrong is an answer too."""
        try:
            return await self._handled(request)
        except Refusal as refusal:
            return await _ended(request, refusal)
        except EngineError as error:
            return await _ended(request, refusal_of(error))
        except Cancelled:
            return await _ended(request, Refusal(499, "the request was cancelled"))
        except ClientConnectionResetError:
            # The client is gone, and the connection with it.
            raise
        except Exception:
            log.exception("request failed", extra={"path": request.path[:200]})
            return await _ended(request, internal_error())

    async def _handled(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if _SURROGATES.search(request.path_qs) or _SURROGATES.search(path):
            raise Refusal(400, "the path holds characters that are no text")
        version, rest = split_version(path)
        handler, parameters = TABLE.find(request.method, rest)
        call = Call(
            request=request,
            engine=self._engine,
            pools=self._pools,
            views=self._views,
            version=version,
            parameters=parameters,
            query=_query(request),
            owner=_owner(request),
        )
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(CONTINUE)
            request.writer.output_size = 0
        return await handler(call)


async def _ended(request: web.BaseRequest, refusal: Refusal) -> web.StreamResponse:
    """Return *refusal*; where an answer has begun already, break it off instead."""
    if request.writer.output_size:
        log.warning("answer broken off: %s", refusal.message)
        request.protocol.force_close()
        raise ConnectionResetError
    response = refused(refusal)
    if "Expect" not in request.headers:
        await _drain(request.content)
    if not request.content.at_eof():
        # What is left of the body is not wanted, and cannot be told from another request.
        response.force_close()
    return response


async def _drain(content: StreamReader) -> None:
    """Take what is left of a body, if it is little: who is answered while sending may complain."""
    left = DRAINED
    with suppress(TimeoutError, RequestPayloadError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0 and not content.at_eof():
                left -= len(await content.readany())


def _query(request: web.BaseRequest) -> Query:
    values: dict[str, tuple[str, ...]] = {}
    for name, value in request.query.items():
        values[name] = (*values.get(name, ()), value)
    return Query(values)


def _owner(request: web.BaseRequest) -> str:
    connection = request.protocol
    assert isinstance(connection, Connection)
    return connection.owner


class ApiServer(web.Server):
    """Makes a `Connection` for each client."""

    def __call__(self) -> RequestHandler:
        """Return what reads from a new connection."""
        return Connection(
            self,
            loop=self._loop,
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
        )


def make_server(engine: Engine, pools: Pools) -> ApiServer:
    """Return the server of *engine*, to be given to a site."""
    return ApiServer(
        Api(engine, pools).answer, request_factory=make_request, handler_cancellation=True
    )
