"""Making and removing networks, and who is connected to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.jobs import JobName
from engine.errors import EngineError, NetworkNotFound
from engine.networks.settings import IpamPool, NetworkSettings
from engine.settings import Endpoint
from workers.inventory import Inventory
from workers.owners import sort_out
from workers.task import job_task
from workers.words import counted

if TYPE_CHECKING:
    from dashboard.arguments import (
        CleanUpNetworks,
        ConnectNetwork,
        CreateNetwork,
        DisconnectNetwork,
        RemoveNetwork,
    )
    from workers.work import Outcome, Work

JOB_LABEL = "io.shipshape.job"


@job_task(JobName.CREATE_NETWORK)
def create_network(work: Work[CreateNetwork]) -> Outcome:
    """Have the network there; it carries the job's ID, so that a second attempt finds it."""
    engine: Any = work.engine
    known = engine.networks.find(work.arguments.name)
    if known is None or known.settings.labels.get(JOB_LABEL) != str(work.job.pk):
        known = engine.networks.create(settings_of(work), owner=work.owner)
    Inventory(work.engine, work.job.host_id).project_networks()
    return {"message": f"{known.name} is there.", "network_id": known.id}


@job_task(JobName.REMOVE_NETWORK)
def remove_network(work: Work[RemoveNetwork]) -> Outcome:
    """Have the network gone."""
    engine: Any = work.engine
    try:
        engine.networks.remove(work.arguments.network_id)
    except NetworkNotFound:
        # Whoever ran this before may have been killed after the removal.
        if not work.is_takeover:
            raise
    finally:
        Inventory(work.engine, work.job.host_id).project_networks()
    return {"message": "Removed."}


@job_task(JobName.CONNECT_NETWORK)
def connect_network(work: Work[ConnectNetwork]) -> Outcome:
    """Have the container in the network."""
    engine: Any = work.engine
    told = work.arguments
    network = engine.networks.get(told.network_id)
    container = work.engine.containers.get(told.container_id)
    is_in = any(each.network == network.name for each in engine.networks.endpoints(container.id))
    if not (is_in and work.is_takeover):
        endpoint = Endpoint(
            network=network.name, aliases=told.aliases, ipv4=told.ipv4, ipv6=told.ipv6
        )
        engine.networks.connect(network.id, container.id, endpoint)
    show(work, container.id)
    return {"message": f"{container.name} is in {network.name}."}


@job_task(JobName.DISCONNECT_NETWORK)
def disconnect_network(work: Work[DisconnectNetwork]) -> Outcome:
    """Have the container out of the network."""
    engine: Any = work.engine
    network = engine.networks.get(work.arguments.network_id)
    container = work.engine.containers.get(work.arguments.container_id)
    engine.networks.disconnect(network.id, container.id, force=work.is_takeover)
    show(work, container.id)
    return {"message": f"{container.name} is not in {network.name} any more."}


@job_task(JobName.CLEAN_UP_NETWORKS)
def clean_up_networks(work: Work[CleanUpNetworks]) -> Outcome:
    """Have those of the networks gone in which nobody stands."""
    engine: Any = work.engine
    ids, skipped = sort_out(work, "network", work.arguments.ids)
    removed: list[str] = []
    for network_id in ids:
        work.cancellation.check()
        try:
            engine.networks.remove(network_id)
            removed.append(network_id)
        except NetworkNotFound:
            continue
        except EngineError as error:
            skipped.append({"id": network_id, "reason": error.message})
    Inventory(work.engine, work.job.host_id).project_networks()
    left = f" Left {len(skipped)} alone." if skipped else ""
    message = f"Removed {counted(len(removed), 'network')}.{left}"
    return {"message": message, "removed": removed, "skipped": skipped}


def settings_of(work: Work[CreateNetwork]) -> NetworkSettings:
    """Return the settings of the network that was asked for."""
    told = work.arguments
    pool = IpamPool(subnet=told.subnet, ip_range=told.ip_range, gateway=told.gateway)
    return NetworkSettings(
        name=told.name,
        internal=told.internal,
        enable_ipv6=told.ipv6,
        ipam=(pool,) if told.subnet else (),
        labels={**told.labels, JOB_LABEL: str(work.job.pk)},
    )


def show(work: Work[Any], container_id: str) -> None:
    """Show pages how the container is connected now."""
    inventory = Inventory(work.engine, work.job.host_id)
    inventory.project_networks()
    inventory.project_container(container_id)
