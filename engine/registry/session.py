"""One person's conversation with one endpoint: requests in, checked responses or errors out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine.registry.answers import Asked, failure
from engine.registry.auth import authorised
from engine.registry.messages import Request, Response
from engine.registry.ratelimit import RateLimit, parse_rate_limit
from engine.registry.retry import retried, wait_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.errors import Unavailable
    from engine.progress import Cancellation
    from engine.registry.messages import Flow
    from engine.registry.retry import Patience
    from engine.registry.scopes import Scopes
    from engine.registry.transport import Transport
    from engine.registry.urls import Endpoint
    from engine.registry.wallet import Wallet

T = TypeVar("T")
OK = 200
CREATED = 201
ACCEPTED = 202
NO_CONTENT = 204
PARTIAL = 206
NOT_FOUND = 404


@dataclass(eq=False)
class Session:
    """
    What it takes to ask *endpoint*; shared by the threads of one piece of work.

    *rate_limit* is what the registry said last about how much may still be asked.
    """

    transport: Transport
    endpoint: Endpoint
    wallet: Wallet
    patience: Patience
    cancellation: Cancellation
    rate_limit: RateLimit | None = None

    @contextmanager
    def answer(
        self, request: Request, asked: Asked, *, scopes: Scopes, expected: frozenset[int]
    ) -> Iterator[Response]:
        """
        Open the response to *request*, after a login where it takes one.

        Raises the error that tells what was *asked* in vain for any status but those *expected*.
        """
        flow = authorised(request, scopes=scopes, wallet=self.wallet)
        with converse(flow, self.transport) as response:
            self.rate_limit = parse_rate_limit(response.headers) or self.rate_limit
            if response.status not in expected:
                raise failure(response, asked)
            yield response

    def retried(self, call: Callable[[], T]) -> T:
        """Return what *call* returns, trying again after what may pass."""
        return retried(call, patience=self.patience, cancellation=self.cancellation)

    def wait_after(self, error: Unavailable, *, failures: int) -> None:
        """Wait until it is time to try again; raise *error* if it is not worth it."""
        wait_after(error, failures=failures, patience=self.patience, cancellation=self.cancellation)


@contextmanager
def converse(flow: Flow, transport: Transport) -> Iterator[Response]:
    """Carry the requests of *flow* over *transport* and open the response it settles on."""
    request = next(flow)
    while True:
        with transport.send(request) as response:
            step = _advanced(flow, response)
            if isinstance(step, Response):
                yield step
                return
            request = step


def _advanced(flow: Flow, response: Response) -> Request | Response:
    try:
        return flow.send(response)
    except StopIteration as end:
        final: Response = end.value
        return final
