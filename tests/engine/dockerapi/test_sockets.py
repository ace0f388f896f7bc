from __future__ import annotations

import pytest

from engine.dockerapi.sockets import parse_tls
from engine.errors import InvalidSetting


def test_without_an_address_nothing_listens_but_the_socket() -> None:
    assert parse_tls(None, None, None, None) is None


def test_an_address_without_certificates_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="TLS only"):
        parse_tls("127.0.0.1:2376", "ca.pem", None, None)


@pytest.mark.parametrize("address", ["2376", "host:", "host:99999", "host:x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidSetting, match="no address"):
        parse_tls(address, "ca", "cert", "key")


def test_an_address_with_certificates_is_taken() -> None:
    tls = parse_tls("[::1]:2376", "ca", "cert", "key")

    assert tls is not None
    assert (tls.host, tls.port) == ("::1", 2376)
