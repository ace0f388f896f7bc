import json
from typing import Any

import pytest

from engine.errors import InvalidSetting
from engine.networks.settings import IpamPool, NetworkSettings


def test_they_survive_json() -> None:
    settings = NetworkSettings(
        "mine",
        internal=True,
        enable_ipv6=True,
        ipam=(IpamPool("10.1.0.0/16", "10.1.4.0/24", "10.1.0.9", {"host": "10.1.0.8"}),),
        options={"com.docker.network.driver.mtu": "1400"},
        labels={"team": "a"},
    )

    assert NetworkSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert settings.mtu == 1400


@pytest.mark.parametrize(
    ("field", "more"),
    [
        pytest.param("name", {"name": "no spaces"}, id="name"),
        pytest.param("driver", {"driver": "overlay"}, id="driver"),
        pytest.param("ipam_driver", {"ipam_driver": "dhcp"}, id="ipam-driver"),
        pytest.param(
            "com.docker.network.driver.mtu",
            {"options": {"com.docker.network.driver.mtu": "9"}},
            id="mtu-too-small",
        ),
        pytest.param(
            "com.docker.network.bridge.name",
            {"options": {"com.docker.network.bridge.name": "longer-than-fifteen"}},
            id="bridge-name-too-long",
        ),
        pytest.param(
            "com.docker.network.bridge.enable_icc",
            {"options": {"com.docker.network.bridge.enable_icc": "perhaps"}},
            id="no-flag",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_field(field: str, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting) as refused:
        NetworkSettings(**{"name": "mine", **more})

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "more"),
    [
        pytest.param("subnet", {"gateway": "10.1.0.1"}, id="gateway-without-subnet"),
        pytest.param("subnet", {"subnet": "10.1.0.0/40"}, id="no-subnet"),
        pytest.param("gateway", {"subnet": "10.1.0.0/16", "gateway": "10.2.0.1"}, id="outside"),
        pytest.param("ip_range", {"subnet": "10.1.0.0/16", "ip_range": "10.0.0.0/8"}, id="wider"),
        pytest.param(
            "aux_addresses",
            {"subnet": "10.1.0.0/16", "aux_addresses": {"a": "fd00::1"}},
            id="other-version",
        ),
        pytest.param("subnet", {"subnet": "fd00::%}\nflush ruleset\n#/64"}, id="rules-for-a-zone"),
        pytest.param("gateway", {"subnet": "fd00::/64", "gateway": "fd00::1%x"}, id="zone"),
    ],
)
def test_a_pool_holds_together(field: str, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting) as refused:
        IpamPool(**more)

    assert refused.value.field == field
