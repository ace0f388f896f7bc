"""Django middleware of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse
from django.utils.html import format_html
from django.views.defaults import page_not_found
from redis.exceptions import RedisError
from whitenoise.middleware import WhiteNoiseMiddleware

from dashboard.errors import BelongsToAnother, BrokerDown, NotPermitted, ReachesHost
from dashboard.permissions import answer_forbidden, wants_json
from engine.errors import EngineError, InvalidInput, NotFound, Unavailable, WrongState

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

STATUS_OF_KIND = {
    InvalidInput: 400,
    NotFound: 404,
    WrongState: 409,
    **dict.fromkeys((NotPermitted, ReachesHost, BelongsToAnother), 403),
    Unavailable: 503,
}


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """
    Serve the assets, each read whole.

    Under ASGI a response that streams from a file would be read whole anyway, with a warning; our
    assets are small enough to say so.
    """

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """Return *static_file* as *request* asked for it: whole, a range, or not modified."""
        found = static_file.get_response(request.method, request.META)
        response = HttpResponse(found.file.read() if found.file else b"", status=int(found.status))
        if found.file:
            found.file.close()
        del response["content-type"]
        for name, value in found.headers:
            response[name] = value
        return response


class RefusalPages:
    """
    Answer a refusal that a view let pass: 400, 403, 404, 409 or 503 with its message, never a 500.

    Views catch what belongs at a field of their form; this is for the rest, such as an address that
    names no container, or a login while Redis, which counts the attempts, does not answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the page for *error* if it is a refusal; leave everything else to crash."""
        if isinstance(error, NotPermitted | ReachesHost | BelongsToAnother):
            return answer_forbidden(request, error)
        if isinstance(error, RedisError):
            error = BrokerDown()
        status = status_of(error)
        if status is None or not isinstance(error, EngineError):
            return None
        if wants_json(request):
            return JsonResponse({"error": detail_of(error)}, status=status)
        if isinstance(error, NotFound):
            return page_not_found(request, error)
        return HttpResponse(format_html("<p>{} {}</p>", error.message, error.remedy), status=status)


def status_of(error: Exception) -> int | None:
    """Return the HTTP status for a refusal of *error*'s kind, None where it is no refusal."""
    for kind, status in STATUS_OF_KIND.items():
        if isinstance(error, kind):
            return status
    return None


def detail_of(error: EngineError) -> dict[str, str]:
    """Return *error* as JSON clients get it."""
    return {
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "remedy": error.remedy,
    }
