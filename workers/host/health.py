"""Asking the running parts whether they answer, with nothing but the standard library."""

import http.client
import socket
from pathlib import Path

PROBE_SECONDS = 3.0


def is_web_healthy(address: tuple[str, int]) -> bool:
    """Return whether the web process at *address* says that it is well."""
    connection = http.client.HTTPConnection(*address, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_redis_answering(path: Path, password: str) -> bool:
    """Return whether the Redis at the socket *path* takes *password* and answers."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PROBE_SECONDS)
            connection.connect(str(path))
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            return _read_answer(connection).endswith(b"+PONG\r\n")
    except OSError:
        return False


def is_port_taken(address: tuple[str, int]) -> bool:
    """Return whether something else listens at *address*, so that we could not."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: what is left of closed connections is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            return True
    return False


def _read_answer(connection: socket.socket) -> bytes:
    answer = b""
    while answer.count(b"\r\n") < 2 and not answer.startswith(b"-"):
        chunk = connection.recv(256)
        if not chunk:
            break
        answer += chunk
    return answer
