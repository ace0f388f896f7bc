"""Networks: the list, one of them, making and removing them, and who is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import selectors
from dashboard.arguments import Thing
from dashboard.forms import ConfirmForm, ConnectForm, NetworkForm
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import answer_job, missing_is_404, render_page
from dashboard.views.asking import answer_sent, render_form, sent
from dashboard.views.details import past_of, tab_of
from dashboard.views.filing import file_job
from dashboard.views.inspection import inspect_network
from dashboard.views.lists import chips_of, hosts_about, list_context, offline
from dashboard.views.others import explain_owner

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dashboard.models import Job

TABS = (("overview", "Overview"), ("inspect", "Inspect"), ("activity", "Activity"))


@require_safe
@require_role(Role.VIEWER)
def networks(request: SignedInRequest) -> HttpResponse:
    """List networks with their subnets and how many containers are connected."""
    chosen = selectors.NETWORKS.parse(request.GET.dict())
    hosts = hosts_about(chosen.host)
    totals = selectors.Totals.of(hosts)
    options = (
        ("", "All", totals.networks),
        ("own", "Made by people", None),
        ("used", "In use", None),
        ("unused", "Nobody connected", None),
    )
    context = list_context(
        request,
        "network",
        chosen,
        page=selectors.NETWORKS.page(chosen),
        totals=totals,
        offline=offline(hosts),
        chips=chips_of(request, "show", options),
    )
    return render_page(request, "networks/list", context)


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def network_detail(request: SignedInRequest, host: str, network_id: str) -> HttpResponse:
    """Show one network: its subnets, and who is connected under which address."""
    network = selectors.network_detail(host, network_id)
    context = {
        "network": network,
        "connections": selectors.connections(network),
        "way": selectors.way_of_network(network),
        "tabs": TABS,
        "tab": tab_of(request, TABS),
        "inspect": inspect_network(network),
        "offline": offline([network.host]),
        **past_of(network.host_id, "network", network.network_id),
    }
    return render_page(request, "networks/detail", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
def network_create(request: SignedInRequest) -> HttpResponse:
    """Ask what network to make, and have it made."""
    initial = {"host": request.GET.get("host", "")}
    form = NetworkForm(sent(request), hosts=selectors.hosts(), initial=initial)

    def file() -> Job:
        host = form.cleaned_data["host"]
        return file_job(request, JobName.CREATE_NETWORK, host, form.arguments())

    return answer_sent(request, form, file) or render_form(
        request, "dashboard/networks/_create.html", form, title="Create network"
    )


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def network_remove(request: SignedInRequest, host: str, network_id: str) -> HttpResponse:
    """Ask whether to remove a network, and have it removed."""
    network = selectors.network_detail(host, network_id)
    thing = Thing("network", network.network_id)
    if answer := explain_owner(request, network.owner, host=host, thing=thing):
        return answer
    form = ConfirmForm(sent(request), host=network.host_id, owner=network.owner, user=request.user)

    def file() -> Job:
        return file_job(request, JobName.REMOVE_NETWORK, host, {"network_id": network_id})

    return answer_sent(request, form, file) or render_form(
        request,
        "dashboard/networks/_remove.html",
        form,
        {"network": network, "connections": selectors.connections(network)},
        title=f"Remove {network.name}",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def network_connect(request: SignedInRequest, host: str, network_id: str) -> HttpResponse:
    """Ask which container to connect, and have it connected."""
    network = selectors.network_detail(host, network_id)
    initial = {"container_id": request.GET.get("container", "")}
    connectable = selectors.connectable(network)
    form = ConnectForm(sent(request), containers=connectable, initial=initial)

    def file() -> Job:
        told = {"network_id": network_id, **form.arguments()}
        return file_job(request, JobName.CONNECT_NETWORK, host, told)

    return answer_sent(request, form, file) or render_form(
        request,
        "dashboard/networks/_connect.html",
        form,
        {"network": network},
        title=f"Connect to {network.name}",
    )


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def network_disconnect(
    request: SignedInRequest, host: str, network_id: str, container_id: str
) -> HttpResponse:
    """Have a container taken from a network."""
    network = selectors.network_detail(host, network_id)
    container = selectors.container_detail(host, container_id)
    told = {"network_id": network.network_id, "container_id": container.container_id}
    return answer_job(request, file_job(request, JobName.DISCONNECT_NETWORK, host, told))
