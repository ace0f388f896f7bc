"""What a host writes, on its way to a browser as one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PATIENCE_SECONDS = 60.0


def answer_download(
    read: Callable[..., Any], saving: str, *, name: str, content_type: str
) -> HttpResponse:
    """
    Return the download *saving* as a file called *name*.

    *read* asks the host for a piece; each comes when the browser has taken the one before.
    """
    response = StreamingHttpResponse(_pieces(read, saving), content_type=content_type)
    disposition = content_disposition_header(as_attachment=True, filename=name)
    response["Content-Disposition"] = disposition or "attachment"
    return cast("HttpResponse", response)


async def _pieces(read: Callable[..., Any], saving: str) -> AsyncIterator[bytes]:
    ask = sync_to_async(read, thread_sensitive=False)
    while True:
        # An error here breaks the download off: a browser must not take half for the whole.
        answer = await ask({"saving": saving}, patience=PATIENCE_SECONDS)
        if not answer["content"]:
            return
        yield answer["content"]
