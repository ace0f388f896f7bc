"""What is refused at the door is refused in docker's words, since clients match on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.dockerapi import Client

MTU = "com.docker.network.driver.mtu"
ICC = "com.docker.network.bridge.enable_icc"
HOST_IP = "com.docker.network.bridge.host_binding_ipv4"
PARSING = "failed to parse {} value: {}"


def pool(**config: Any) -> dict[str, Any]:
    return {"IPAM": {"Config": [config]}}


NETWORKS = [
    pytest.param({"Driver": "nope"}, 404, 'plugin "nope" not found', id="driver"),
    pytest.param({"IPAM": {"Driver": "nope"}}, 404, 'plugin "nope" not found', id="ipam-driver"),
    pytest.param(
        pool(Subnet="nope"), 400, "Invalid subnet nope : invalid CIDR address: nope", id="subnet"
    ),
    pytest.param(
        pool(Subnet="10.1.2.0"),
        400,
        "Invalid subnet 10.1.2.0 : invalid CIDR address: 10.1.2.0",
        id="subnet-without-length",
    ),
    pytest.param(
        {"IPAM": {"Config": [{"Subnet": "10.1.2.0/24"}, {"Subnet": "10.1.3.0/24"}]}},
        400,
        "bridge driver doesn't support multiple subnets",
        id="subnets",
    ),
    pytest.param(
        {"Options": {MTU: "big"}},
        400,
        PARSING.format(MTU, 'big (strconv.Atoi: parsing "big": invalid syntax)'),
        id="mtu",
    ),
    pytest.param(
        {"Options": {ICC: "maybe"}},
        400,
        PARSING.format(ICC, 'maybe (strconv.ParseBool: parsing "maybe": invalid syntax)'),
        id="flag",
    ),
    pytest.param(
        {"Options": {HOST_IP: "nope"}}, 400, PARSING.format(HOST_IP, "nope (nil ip)"), id="host-ip"
    ),
]
LOG = "failed to initialize logging driver: "
LOGS = [
    pytest.param(
        {"Type": "nope"},
        'error looking up logging plugin nope: plugin "nope" not found',
        id="driver",
    ),
    pytest.param({"Config": {"max-size": "x"}}, f"{LOG}invalid size: 'x'", id="size"),
    pytest.param({"Config": {"max-size": "-5"}}, f"{LOG}invalid size: '-5'", id="negative-size"),
    pytest.param(
        {"Config": {"max-file": "x"}},
        f'{LOG}strconv.Atoi: parsing "x": invalid syntax',
        id="files",
    ),
    pytest.param(
        {"Config": {"max-file": "-1"}}, f"{LOG}max-file cannot be less than 1", id="no-files"
    ),
    pytest.param(
        {"Config": {"compress": "x"}},
        f'{LOG}strconv.ParseBool: parsing "x": invalid syntax',
        id="compress",
    ),
    pytest.param(
        {"Config": {"max-buffer-size": "1m"}},
        "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
        id="buffer-of-a-blocking-log",
    ),
    pytest.param(
        {"Config": {"mode": "non-blocking", "max-buffer-size": "x"}},
        "error parsing option max-buffer-size: invalid size: 'x'",
        id="buffer",
    ),
    pytest.param(
        {"Config": {"nope": "x"}}, "unknown log opt 'nope' for json-file log driver", id="option"
    ),
]


@pytest.mark.parametrize(("body", "status", "words"), NETWORKS)
def test_a_network_that_none_can_be(
    api: Client, body: dict[str, Any], status: int, words: str
) -> None:
    answer = api.post("/networks/create", {"Name": "mine", **body})

    assert (answer.status, answer.message) == (status, words)


@pytest.mark.parametrize(("log", "words"), LOGS)
def test_a_log_that_none_can_be(api: Client, log: dict[str, Any], words: str) -> None:
    answer = api.post("/containers/create", {"Image": "x", "HostConfig": {"LogConfig": log}})

    assert (answer.status, answer.message) == (400, words)


def test_no_log_may_be_of_any_size(api: Client) -> None:
    log = {"Type": "none", "Config": {"max-size": "3"}}

    answer = api.post("/containers/create", {"Image": "x", "HostConfig": {"LogConfig": log}})

    assert answer.message == "No such image: x:latest"


def test_times_in_the_wrong_order(api: Client) -> None:
    answer = api.get("/events?since=200&until=100")

    words = "`since` time (200) cannot be after `until` time (100)"
    assert (answer.status, answer.message) == (400, words)


@pytest.mark.parametrize(
    ("network", "body", "words"),
    [
        pytest.param("host", {}, "No such container: x", id="container"),
        pytest.param("nope", {}, "No such container: x", id="container-first"),
        pytest.param("host", {"Force": True}, "endpoint x not found", id="by-force"),
        pytest.param("nope", {"Force": True}, "network nope not found", id="network-by-force"),
    ],
)
def test_who_is_not_here_cannot_leave(
    api: Client, network: str, body: dict[str, Any], words: str
) -> None:
    answer = api.post(f"/networks/{network}/disconnect", {"Container": "x", **body})

    assert (answer.status, answer.message) == (404, words)
