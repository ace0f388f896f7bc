"""
Posting a signed notice to an address that an admin wrote down.

What is posted is signed with the webhook's secret, together with the time, so that a receiver can
refuse what is old: `X-Shipshape-Signature` is `sha256=` and the HMAC of the timestamp, a dot and
the body. Redirects are not followed and nothing of an answer but its status is kept.

Only admins write addresses down, so these may lie in private networks and on this host. What no
webhook ever is (link-local addresses, where clouds hand out credentials, multicast and the like) is
refused, and the connection goes to the very address that was judged.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
from contextlib import closing, contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from urllib.parse import SplitResult

    from dashboard.models import Notice

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 15.0
PORTS = {"http": 80, "https": 443}
TRY_AGAIN = frozenset({408, 425, 429})
# So many addresses of one name are tried, so that nobody's name keeps a worker for long.
MOST_ADDRESSES = 3
# Where clouds hand out credentials at addresses that look like any private one.
METADATA = frozenset(map(ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200")))


class DeliveryFailed(Exception):
    """It did not arrive; *is_final* says that trying again is no use."""

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.is_final = is_final


def body_of(notice: Notice, *, origin: str) -> bytes:
    """Return what is posted of *notice*, the same at each attempt."""
    told = {
        "id": notice.pk,
        "event": notice.kind,
        "title": notice.title,
        "body": notice.body,
        "link": f"{origin}{notice.link}" if notice.link else "",
        "data": notice.data,
        "at": notice.created_at.isoformat(),
    }
    return json.dumps(told, sort_keys=True).encode()


def headers_of(body: bytes, *, secret: str, now: datetime) -> dict[str, str]:
    """Return what a receiver checks *body* by."""
    timestamp = str(int(now.timestamp()))
    signed = f"{timestamp}.".encode() + body
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Shipshape",
        "X-Shipshape-Timestamp": timestamp,
        "X-Shipshape-Signature": f"sha256={signature}",
    }


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Return the status with which the receiver took *body*; raise `DeliveryFailed`."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise DeliveryFailed("its address is not http or https", is_final=True)
    try:
        status = _exchange(parts, body, headers)
    except (OSError, http.client.HTTPException) as error:
        raise DeliveryFailed(_reason(error)) from error
    except UnicodeError as error:
        # A part of it is empty or too long, which no resolver is asked for.
        raise DeliveryFailed("its name cannot be one of a host", is_final=True) from error
    if 200 <= status < 300:
        return status
    raise DeliveryFailed(_refusal(status), is_final=_is_final(status))


def is_allowed(address: IPv4Address | IPv6Address) -> bool:
    """Whether a webhook may lie at *address*."""
    if isinstance(address, IPv6Address) and (inner := address.ipv4_mapped or address.sixtofour):
        return is_allowed(inner)
    is_odd = address.is_link_local or address.is_multicast or address.is_unspecified
    is_reserved = address.is_reserved and not address.is_loopback
    return not (is_odd or is_reserved or address in METADATA)


def _exchange(parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> int:
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
    with closing(connection), _connected(host, port, is_secure=parts.scheme == "https") as wire:
        connection.sock = wire
        with _cut_after(wire, WHOLE_SECONDS):
            connection.request("POST", path, body, {**headers, "Host": parts.netloc})
            status = connection.getresponse().status
    return status


def _connected(host: str, port: int, *, is_secure: bool) -> socket.socket:
    last: OSError = OSError("it has no address that a webhook may have")
    for address in islice(_addresses(host, port), MOST_ADDRESSES):
        try:
            wire = socket.create_connection((str(address), port), timeout=CONNECT_SECONDS)
        except OSError as error:
            last = error
            continue
        return _secured(wire, host) if is_secure else wire
    raise last


def _addresses(host: str, port: int) -> Iterator[IPv4Address | IPv6Address]:
    for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        address = ip_address(str(place[0]).partition("%")[0])
        if is_allowed(address):
            yield address


def _secured(wire: socket.socket, host: str) -> socket.socket:
    try:
        return ssl.create_default_context().wrap_socket(wire, server_hostname=host)
    except BaseException:
        wire.close()
        raise


@contextmanager
def _cut_after(wire: socket.socket, seconds: float) -> Iterator[None]:
    """End with `TimeoutError` what a slow receiver would draw out, byte by byte, for ever."""
    was_cut = threading.Event()
    timer = threading.Timer(seconds, _cut, (wire, was_cut))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
    if was_cut.is_set():
        raise TimeoutError


def _cut(wire: socket.socket, was_cut: threading.Event) -> None:
    was_cut.set()
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ssl.SSLError):
        return "its certificate is not to be trusted"
    if isinstance(error, socket.gaierror):
        return "its name is unknown"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, http.client.HTTPException):
        return "it does not speak HTTP, or hung up"
    return getattr(error, "strerror", None) or str(error) or "the connection broke"


def _refusal(status: int) -> str:
    if 300 <= status < 400:
        return f"it answered with a redirect ({status}), which is not followed"
    return f"it answered {status}"


def _is_final(status: int) -> bool:
    return status < 500 and status not in TRY_AGAIN
