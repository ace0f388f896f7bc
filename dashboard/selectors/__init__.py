"""
What pages read: each function a fixed number of queries, whatever the number of rows.

`get_*` raise a `NotFound`, `find_*` return None, lists come as a `Page` of model instances with all
that a row shows loaded along. Counts and sums come from `Host`, where they are maintained.
"""

from dashboard.selectors.activity import ACTIVITY, activity_about
from dashboard.selectors.builds import (
    BUILDS,
    BuildRow,
    BuildStage,
    Took,
    build_detail,
    build_output,
    build_rows,
    find_build_row,
    stages_of,
    steps_id,
)
from dashboard.selectors.containers import (
    CONTAINERS,
    container_detail,
    container_names,
    containers_named,
    find_container_row,
    loggable,
    mounts_of,
    networks_of,
    with_volumes,
)
from dashboard.selectors.hosts import Overview, Totals, find_host, get_host, hosts, overview
from dashboard.selectors.images import (
    IMAGES,
    ImageDetail,
    find_image_row,
    image_detail,
    image_names,
    image_stories,
    other_hosts_with,
)
from dashboard.selectors.jobs import (
    JOBS,
    active_jobs,
    find_job_row,
    job_detail,
    job_log,
    jobs_about,
    recent_jobs,
)
from dashboard.selectors.layers import (
    LAYERS,
    largest_layers,
    layer_detail,
    layer_sums,
    shown_layers,
)
from dashboard.selectors.lists import Chosen, Listing
from dashboard.selectors.networks import (
    NETWORKS,
    Connection,
    connectable,
    connections,
    find_network_row,
    network_detail,
    network_names,
)
from dashboard.selectors.notifications import (
    NOTIFICATIONS,
    find_notification,
    get_notification,
    latest_notifications,
    notifications,
    unread_count,
)
from dashboard.selectors.pages import PAGE_SIZE, Page
from dashboard.selectors.people import (
    credentials,
    find_credential,
    get_credential,
    get_person,
    people,
)
from dashboard.selectors.policies import PolicyRow, get_policy, policies, policy_runs
from dashboard.selectors.transfers import TransferTarget, transfer_targets
from dashboard.selectors.volumes import (
    VOLUMES,
    find_volume_row,
    volume_detail,
    volume_names,
    volume_users,
)
from dashboard.selectors.ways import way_of_image, way_of_layer, way_of_network, way_of_volume
from dashboard.selectors.webhooks import WebhookRow, get_webhook, webhooks

__all__ = [
    "ACTIVITY",
    "BUILDS",
    "CONTAINERS",
    "IMAGES",
    "JOBS",
    "LAYERS",
    "NETWORKS",
    "NOTIFICATIONS",
    "PAGE_SIZE",
    "VOLUMES",
    "BuildRow",
    "BuildStage",
    "Chosen",
    "Connection",
    "ImageDetail",
    "Listing",
    "Overview",
    "Page",
    "PolicyRow",
    "Took",
    "Totals",
    "TransferTarget",
    "WebhookRow",
    "active_jobs",
    "activity_about",
    "build_detail",
    "build_output",
    "build_rows",
    "connectable",
    "connections",
    "container_detail",
    "container_names",
    "containers_named",
    "credentials",
    "find_build_row",
    "find_container_row",
    "find_credential",
    "find_host",
    "find_image_row",
    "find_job_row",
    "find_network_row",
    "find_notification",
    "find_volume_row",
    "get_credential",
    "get_host",
    "get_notification",
    "get_person",
    "get_policy",
    "get_webhook",
    "hosts",
    "image_detail",
    "image_names",
    "image_stories",
    "job_detail",
    "job_log",
    "jobs_about",
    "largest_layers",
    "latest_notifications",
    "layer_detail",
    "layer_sums",
    "loggable",
    "mounts_of",
    "network_detail",
    "network_names",
    "networks_of",
    "notifications",
    "other_hosts_with",
    "overview",
    "people",
    "policies",
    "policy_runs",
    "recent_jobs",
    "shown_layers",
    "stages_of",
    "steps_id",
    "transfer_targets",
    "unread_count",
    "volume_detail",
    "volume_names",
    "volume_users",
    "way_of_image",
    "way_of_layer",
    "way_of_network",
    "way_of_volume",
    "webhooks",
    "with_volumes",
]
