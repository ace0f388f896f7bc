"""Whose word about where a request comes from the web process takes."""

from __future__ import annotations

from runpy import run_module

import pytest


@pytest.mark.parametrize(
    ("variables", "trusted"),
    [
        pytest.param({}, "", id="nobody-stands-before-us"),
        pytest.param({"SHIPSHAPE_URL": "http://127.0.0.1:8080"}, "", id="plain-http"),
        pytest.param(
            {"SHIPSHAPE_URL": "https://ships.example"}, "127.0.0.1,::1", id="a-proxy-on-this-host"
        ),
        pytest.param({"FORWARDED_ALLOW_IPS": "10.0.0.7"}, "10.0.0.7", id="told-which-proxy"),
    ],
)
def test_only_a_proxy_says_for_whom_it_asks(monkeypatch, variables, trusted) -> None:
    for name in ("SHIPSHAPE_URL", "FORWARDED_ALLOW_IPS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert run_module("workers.host.gunicorn")["forwarded_allow_ips"] == trusted
