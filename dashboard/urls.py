"""Every address of the dashboard. Names are what templates and views use."""

from __future__ import annotations

from typing import TypeAlias

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path

from dashboard.health import healthz
from dashboard.views import (
    activity,
    builds,
    bulk,
    changes,
    cleanup,
    cleanup_plans,
    console,
    container_actions,
    containers,
    hosts,
    image_parts,
    image_travel,
    images,
    inside,
    jobs,
    launch,
    layers,
    leases,
    logs,
    networks,
    notifications,
    overview,
    palette,
    policies,
    questions,
    registries,
    removed,
    setup,
    streams,
    suggestions,
    team,
    trash,
    volumes,
    webhooks,
)

Routes: TypeAlias = list[URLPattern | URLResolver]

# Of the sign-in library only what is offered: nobody signs up, and nothing sends mail.
account_routes: Routes = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", account.password_change, name="account_change_password"),
]

one_container: Routes = [
    path("", containers.container_detail, name="container_detail"),
    path("start/", container_actions.container_start, name="container_start"),
    path("stop/", container_actions.container_stop, name="container_stop"),
    path("restart/", container_actions.container_restart, name="container_restart"),
    path("pause/", container_actions.container_pause, name="container_pause"),
    path("unpause/", container_actions.container_unpause, name="container_unpause"),
    path("rename/", container_actions.container_rename, name="container_rename"),
    path("limits/", container_actions.container_update, name="container_update"),
    path("commit/", container_actions.container_commit, name="container_commit"),
    path("reset/", container_actions.container_reset, name="container_reset"),
    path("lease/", leases.container_lease, name="container_lease"),
    path("changes/", changes.container_changes, name="container_changes"),
    path("revert/", changes.container_revert, name="container_revert"),
    path("file/", changes.container_file, name="container_file"),
    path("stats/", inside.container_stats, name="container_stats"),
    path("top/", inside.container_top, name="container_top"),
    path("health/", inside.container_health, name="container_health"),
    path("loss/", inside.container_loss, name="container_loss"),
    path("log-page/", logs.log_page, name="log_page"),
    path("last-lines/", logs.last_lines, name="last_lines"),
    path("log/", logs.log_download, name="log_download"),
    path("console/", console.console_ticket, name="console_ticket"),
    path("kill/", container_actions.container_kill, name="container_kill"),
    path("trash/", container_actions.container_trash, name="container_trash"),
    path("keep/", container_actions.container_keep, name="container_keep"),
    path("remove/", container_actions.container_remove, name="container_remove"),
    path("ticket/", streams.stream_ticket, name="stream_ticket"),
]

container_routes: Routes = [
    path("", containers.containers, name="containers"),
    path("bulk/", bulk.containers_bulk, name="containers_bulk"),
    path("removed/", removed.container_removed, name="container_removed"),
    path("launch/", launch.container_launch, name="container_launch"),
    path("launch/paste/", launch.container_paste, name="container_paste"),
    path("launch/images/", suggestions.image_suggestions, name="image_suggestions"),
    path("<str:host>/<str:container_id>/", include(one_container)),
]

one_image: Routes = [
    path("", images.image_detail, name="image_detail"),
    path("trash/", images.image_trash, name="image_trash"),
    path("remove/", images.image_remove, name="image_remove"),
    path("tag/", image_travel.image_tag, name="image_tag"),
    path("push/", image_travel.image_push, name="image_push"),
    path("copy/", image_travel.image_copy, name="image_copy"),
    path("to-host/", image_travel.image_to_host, name="image_to_host"),
    path("save/", image_travel.image_save, name="image_save"),
    path("files/", image_parts.image_files, name="image_files"),
    path("files/<str:chain_id>/", image_parts.image_layer_files, name="image_layer_files"),
    path("files/<str:chain_id>/file/", image_parts.image_layer_file, name="image_layer_file"),
    path("compare/", image_parts.image_compare, name="image_compare"),
    path("family/", image_parts.image_lineage, name="image_lineage"),
    path("dockerfile/", image_parts.image_dockerfile, name="image_dockerfile"),
    path("tags/", image_parts.image_tags, name="image_tags"),
]

image_routes: Routes = [
    path("", images.images, name="images"),
    path("pull/", images.image_pull, name="image_pull"),
    path("starter/", images.image_starter, name="image_starter"),
    path("load/", image_travel.image_load, name="image_load"),
    path("upload/<str:host>/<str:upload>/", image_travel.image_upload, name="image_upload"),
    path(
        "upload/<str:host>/<str:upload>/done/", image_travel.image_uploaded, name="image_uploaded"
    ),
    path("<str:host>/<str:image_id>/", include(one_image)),
]

layer_routes: Routes = [
    path("", layers.layers, name="layers"),
    path("<str:host>/<str:chain_id>/", layers.layer_detail, name="layer_detail"),
]

build_routes: Routes = [
    path("", builds.builds, name="builds"),
    path("new/", builds.build_new, name="build_new"),
    path("<uuid:job_id>/", builds.build_detail, name="build_detail"),
]

one_volume: Routes = [
    path("", volumes.volume_detail, name="volume_detail"),
    path("remove/", volumes.volume_remove, name="volume_remove"),
    path("trash/", volumes.volume_trash, name="volume_trash"),
]

volume_routes: Routes = [
    path("", volumes.volumes, name="volumes"),
    path("create/", volumes.volume_create, name="volume_create"),
    path("<str:host>/<str:name>/", include(one_volume)),
]

one_network: Routes = [
    path("", networks.network_detail, name="network_detail"),
    path("remove/", networks.network_remove, name="network_remove"),
    path("connect/", networks.network_connect, name="network_connect"),
    path("disconnect/<str:container_id>/", networks.network_disconnect, name="network_disconnect"),
]

network_routes: Routes = [
    path("", networks.networks, name="networks"),
    path("create/", networks.network_create, name="network_create"),
    path("<str:host>/<str:network_id>/", include(one_network)),
]

registry_routes: Routes = [
    path("", registries.registries, name="registries"),
    path("add/", registries.registry_add, name="registry_add"),
    path("browse/", registries.registry_browse, name="registry_browse"),
    path("<int:credential_id>/test/", registries.registry_test, name="registry_test"),
    path("<int:credential_id>/remove/", registries.registry_remove, name="registry_remove"),
]

cleanup_routes: Routes = [
    path("", cleanup.cleanup, name="cleanup"),
    path("weigh/", cleanup.cleanup_weigh, name="cleanup_weigh"),
    path("plan/", cleanup_plans.cleanup_plan, name="cleanup_plan"),
    path("run/", cleanup_plans.cleanup_run, name="cleanup_run"),
    path("<str:host>/<str:image_id>/copy/", cleanup.cleanup_copy, name="cleanup_copy"),
    path("volumes/", cleanup.cleanup_volumes, name="cleanup_volumes"),
    path("networks/", cleanup.cleanup_networks, name="cleanup_networks"),
]

trash_routes: Routes = [
    path("", trash.trash, name="trash"),
    path("restore/", trash.trash_restore, name="trash_restore"),
    path("empty/", trash.trash_empty, name="trash_empty"),
    path("undo/<uuid:job_id>/", trash.trash_undo, name="trash_undo"),
    path("<str:host>/limits/", trash.trash_limits, name="trash_limits"),
    path("<str:host>/<str:item>/restore/", trash.trash_restore_as, name="trash_restore_as"),
]

one_policy: Routes = [
    path("", policies.policy_detail, name="policy_detail"),
    path("edit/", policies.policy_edit, name="policy_edit"),
    path("switch/", policies.policy_switch, name="policy_switch"),
    path("run/", policies.policy_run, name="policy_run"),
    path("delete/", policies.policy_delete, name="policy_delete"),
    path("rehearsal/", policies.policy_rehearsal, name="policy_rehearsal"),
]

policy_routes: Routes = [
    path("", policies.policies, name="policies"),
    path("new/", policies.policy_new, name="policy_new"),
    path("<int:policy_id>/", include(one_policy)),
]

job_routes: Routes = [
    path("", jobs.jobs, name="jobs"),
    path("<uuid:job_id>/", jobs.job_detail, name="job_detail"),
    path("<uuid:job_id>/cancel/", jobs.job_cancel, name="job_cancel"),
]

notification_routes: Routes = [
    path("", notifications.notifications, name="notifications"),
    path("latest/", notifications.notifications_latest, name="notifications_latest"),
    path("read/", notifications.notifications_read, name="notifications_read"),
    path("test/", webhooks.notification_test, name="notification_test"),
    path("mail/", webhooks.notification_mail, name="notification_mail"),
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/<int:webhook_id>/", webhooks.webhook_change, name="webhook_change"),
    path("<int:notification_id>/open/", notifications.notification_open, name="notification_open"),
    path("<int:notification_id>/read/", notifications.notification_read, name="notification_read"),
]

urlpatterns: Routes = [
    path("", overview.overview, name="overview"),
    path("containers/", include(container_routes)),
    path("logs/", logs.logs, name="logs"),
    path("images/", include(image_routes)),
    path("layers/", include(layer_routes)),
    path("builds/", include(build_routes)),
    path("volumes/", include(volume_routes)),
    path("networks/", include(network_routes)),
    path("registries/", include(registry_routes)),
    path("clean-up/policies/", include(policy_routes)),
    path("clean-up/", include(cleanup_routes)),
    path("trash/", include(trash_routes)),
    path("jobs/", include(job_routes)),
    path("activity/", activity.activity, name="activity"),
    path("notifications/", include(notification_routes)),
    path(
        "owners/<str:host>/<str:kind>/<str:object_id>/ask/", questions.owner_ask, name="owner_ask"
    ),
    path("owners/questions/<int:question_id>/", questions.owner_question, name="owner_question"),
    path("hosts/", hosts.hosts, name="hosts"),
    path("team/", team.team, name="team"),
    path("team/<int:account_id>/", team.team_change, name="team_change"),
    path("search/", palette.palette, name="palette"),
    path("setup/", setup.setup, name="setup"),
    path("healthz", healthz, name="healthz"),
    path("account/", include(account_routes)),
]
