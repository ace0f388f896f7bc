"""The API over TCP: whoever has a certificate that our authority signed, and nobody else."""

from __future__ import annotations

import datetime
import re
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.system.clock import SYSTEM_CLOCK
from tests.support.docker_cli import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.root
Signer = tuple[x509.Name, ec.EllipticCurvePrivateKey]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write(place: Path, name: str, signer: Signer | None = None) -> Signer:
    """Write NAME.pem and NAME.key, signed by *signer* or by itself; return what can sign others."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, (issuer, by) = _name(name), signer or (_name(name), key)
    now = SYSTEM_CLOCK.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(by, hashes.SHA256())
    )
    (place / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (place / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return subject, key


@pytest.fixture
def certificates(short_path: Path) -> Path:
    authority = _write(short_path, "authority")
    _write(short_path, "server", authority)
    _write(short_path, "ana", authority)
    _write(short_path, "stranger", _write(short_path, "elsewhere"))
    return short_path


@pytest.fixture
def port(certificates: Path) -> Iterator[int]:
    files = {"--tls-ca": "authority.pem", "--tls-cert": "server.pem", "--tls-key": "server.key"}
    words = [word for flag, file in files.items() for word in (flag, str(certificates / file))]
    socket_path = certificates / "d.sock"
    with served(certificates, socket_path, "--tcp", "127.0.0.1:0", *words) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r":(\d+)\s*$", line)
        assert found, line
        yield int(found[1])


@contextmanager
def connected(place: Path, port: int, who: str | None) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context(cafile=str(place / "authority.pem"))
    if who is not None:
        context.load_cert_chain(place / f"{who}.pem", place / f"{who}.key")
    bare = socket.create_connection(("127.0.0.1", port), 10)
    with context.wrap_socket(bare, server_hostname="localhost") as wrapped:
        yield wrapped


def _ping(wrapped: ssl.SSLSocket) -> bytes:
    wrapped.sendall(b"GET /_ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return wrapped.recv(4096)


def test_a_certificate_of_our_authority_opens_the_door(certificates: Path, port: int) -> None:
    with connected(certificates, port, "ana") as wrapped:
        assert _ping(wrapped).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("who", [None, "stranger"])
def test_nobody_else_is_let_in(certificates: Path, port: int, who: str | None) -> None:
    try:
        with connected(certificates, port, who) as wrapped:
            answer = _ping(wrapped)
    except (ssl.SSLError, ConnectionError):
        answer = b""
    assert answer == b""


def test_plain_http_is_not_answered(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as bare:
        bare.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            answer = bare.recv(4096)
        except ConnectionResetError:
            answer = b""
    assert b"HTTP/1.1 200" not in answer
