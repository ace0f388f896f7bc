"""Django middleware of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware

if TYPE_CHECKING:
    from django.http import HttpRequest


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
