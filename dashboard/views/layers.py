"""Layers: the ledger as a picture and as a table, and who holds one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_safe

from dashboard import selectors
from dashboard.layer_map import layer_map
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import missing_is_404, render_page, render_question
from dashboard.views.lists import chips_of, hosts_about, list_context, offline

if TYPE_CHECKING:
    from django.http import HttpResponse

TILES = 240
SHOWN = (
    ("", "All", None),
    ("shared", "Held by several images", None),
    ("single", "Held by one image", None),
    ("cache", "Only in the build cache", None),
)


@require_safe
@require_role(Role.VIEWER)
def layers(request: SignedInRequest) -> HttpResponse:
    """Draw the layers that are meant, by bytes and holders, and list them."""
    chosen = selectors.LAYERS.parse(request.GET.dict())
    sums = selectors.layer_sums(chosen)
    page = selectors.LAYERS.page(chosen)
    rows = selectors.shown_layers(page)
    context = list_context(
        request,
        "layer",
        chosen,
        map=layer_map(selectors.largest_layers(chosen, limit=TILES), sums),
        page=page,
        rows=rows,
        count=sum(each.count for each in sums),
        bytes=sum(each.bytes for each in sums),
        offline=offline(hosts_about(chosen.host)),
        chips=chips_of(request, "show", SHOWN),
    )
    return render_page(request, "layers/list", context)


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def layer_detail(request: SignedInRequest, host: str, chain_id: str) -> HttpResponse:
    """Show who holds one layer."""
    found = selectors.layer_detail(host, chain_id)
    return render_question(
        request,
        "dashboard/layers/_detail.html",
        {"found": found, "layer": found.shown.layer, "way": selectors.way_of_layer(found)},
        title="Layer",
    )
