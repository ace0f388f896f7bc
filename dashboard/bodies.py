"""How much a request may carry. Nobody sends files here, so a few megabytes are plenty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Application = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]

MAX_BODY = 4 * 1024 * 1024


class LimitedBodies:
    """
    Pass requests on to *application*; answer 413 to one whose body is larger than `MAX_BODY`.

    The framework keeps a whole body on disk before anybody asks who sends it. Here no more than the
    limit is ever taken, whatever the request says of its length.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        """Pass on or refuse."""
        if announced_length(scope) > MAX_BODY:
            return await _refuse(send)
        taken = 0

        async def receive_limited() -> Any:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken <= MAX_BODY:
                return message
            await _refuse(send)
            return {"type": "http.disconnect"}

        return await self.application(scope, receive_limited, send)


def announced_length(scope: dict[str, Any]) -> int:
    """Return how long the request says its body is; 0 where it does not say."""
    value = dict(scope.get("headers", ())).get(b"content-length", b"")
    return int(value) if value.isdigit() and len(value) < 20 else 0


async def _refuse(send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b"That is more than a request may carry."})
