"""The networks of a host, and who is connected to them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from dashboard.models import Network
from tests.support.mess.makers import hex_id

if TYPE_CHECKING:
    from dashboard.models import Host


def make_networks(host: Host) -> None:
    """Make the networks of *host*, whose running containers are there."""
    now = timezone.now()
    connected = list(host.containers.filter(state="running").order_by("name"))
    for number, name in enumerate(("bridge", "host", "none", "backend", "lab")):
        is_own = name in {"backend", "lab"}
        inside = connected if name == "backend" else connected[:1] if name == "bridge" else []
        subnet = f"172.{18 + number}.0"
        endpoints = [
            {
                "container": each.container_id,
                "ipv4": f"{subnet}.{place + 2}",
                "ipv6": "",
                "mac": f"02:42:ac:12:00:{place + 2:02x}",
                "aliases": [each.name.partition("-")[0]],
            }
            for place, each in enumerate(inside)
        ]
        Network.objects.create(
            host=host,
            network_id=hex_id("network", host.name, name),
            name=name,
            driver="null" if name == "none" else name if name == "host" else "bridge",
            is_internal=name == "lab",
            subnets=[]
            if name in {"host", "none"}
            else [{"subnet": f"{subnet}.0/16", "gateway": f"{subnet}.1"}],
            labels={"team": "ships"} if name == "backend" else {},
            owner="ada" if is_own else "",
            created_at=now - timedelta(days=40 - number),
            endpoints=endpoints,
            endpoint_count=len(endpoints),
        )
    for place, each in enumerate(connected):
        each.networks = [{"network": "backend", "ipv4": f"172.21.0.{place + 2}", "aliases": []}]
        each.ports = [{"host_ip": "0.0.0.0", "host_port": 8080 + place, "container_port": 80}]
        each.health = "healthy" if place else "unhealthy"
        each.save()
