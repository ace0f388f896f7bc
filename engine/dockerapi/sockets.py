"""The socket that clients find: made so that only who may can connect, and never taken over."""

from __future__ import annotations

import grp
import os
import socket
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InvalidSetting, SystemFailure, from_oserror

MODE = 0o660
GROUP = "shipshape"
BACKLOG = 1024
LONGEST = 107
PROBE_SECONDS = 2.0


def listen(path: Path) -> socket.socket:
    """
    Return a socket that listens at *path*, for root and the group `shipshape` if there is one.

    A socket that nobody listens at any more is replaced; raises `SystemFailure` if somebody does,
    or if something else is there.
    """
    if len(os.fsencode(path)) > LONGEST:
        raise SystemFailure(f"the path of the socket, {path}, is longer than {LONGEST} bytes")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear(path)
        return _bound(path)
    except OSError as error:
        raise from_oserror(error, f"listen at {path}") from error


def withdraw(path: Path) -> None:
    """Remove our socket, while we still listen: after that, somebody else's may be there."""
    path.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SystemFailure(f"{path} is there and is no socket")
    if _is_live(path):
        raise SystemFailure(
            f"somebody listens at {path} already",
            remedy="Stop that server, or choose another path.",
        )
    path.unlink(missing_ok=True)


def _is_live(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    _give_to_group(path)
    listener.listen(BACKLOG)
    listener.settimeout(0)
    return listener


def _give_to_group(path: Path) -> None:
    try:
        group = grp.getgrnam(GROUP).gr_gid
    except KeyError:
        group = -1
    if group >= 0 and os.geteuid() == 0:
        os.chown(path, -1, group)
    path.chmod(MODE)


@dataclass(frozen=True, slots=True)
class Tls:
    """An address for clients that show a certificate which *ca* signed, and for nobody else."""

    host: str
    port: int
    ca: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Return what a connection must fulfil; raise `InvalidSetting` for files that are none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_cert_chain(self.certificate, self.key)
            context.load_verify_locations(self.ca)
        except OSError as error:
            raise InvalidSetting("tls", f"a certificate or key cannot be read: {error}") from error
        return context


def parse_tls(
    address: str | None, ca: str | None, certificate: str | None, key: str | None
) -> Tls | None:
    """Return where to listen besides the socket, None if nowhere; never without certificates."""
    if not address:
        return None
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) < 1 << 16:
        raise InvalidSetting("tcp", f"{address!r} is no address", remedy="Write it as HOST:PORT.")
    if not (ca and certificate and key):
        raise InvalidSetting(
            "tcp",
            "whoever reaches the engine is root on this host, so it listens with TLS only",
            remedy="Give --tls-ca, --tls-cert and --tls-key.",
        )
    return Tls(host.strip("[]"), int(port), Path(ca), Path(certificate), Path(key))
