"""Every address of the dashboard. Names are what templates and views use."""

from __future__ import annotations

from allauth.account import views as account
from django.urls import include, path

from dashboard.health import healthz
from dashboard.views.activity import activity
from dashboard.views.builds import build_detail, build_new, builds
from dashboard.views.bulk import containers_bulk
from dashboard.views.changes import container_changes, container_file, container_revert
from dashboard.views.cleanup import (
    cleanup,
    cleanup_copy,
    cleanup_networks,
    cleanup_plan,
    cleanup_run,
    cleanup_volumes,
    cleanup_weigh,
)
from dashboard.views.console import console_ticket
from dashboard.views.container_actions import (
    container_commit,
    container_keep,
    container_kill,
    container_pause,
    container_remove,
    container_rename,
    container_reset,
    container_restart,
    container_start,
    container_stop,
    container_trash,
    container_unpause,
    container_update,
)
from dashboard.views.containers import container_detail, containers
from dashboard.views.hosts import hosts
from dashboard.views.image_parts import (
    image_compare,
    image_dockerfile,
    image_files,
    image_layer_file,
    image_layer_files,
    image_lineage,
    image_tags,
)
from dashboard.views.image_travel import (
    image_copy,
    image_load,
    image_push,
    image_save,
    image_tag,
    image_to_host,
    image_upload,
    image_uploaded,
)
from dashboard.views.images import (
    image_detail,
    image_pull,
    image_remove,
    image_starter,
    image_trash,
    images,
)
from dashboard.views.inside import (
    container_health,
    container_loss,
    container_stats,
    container_top,
)
from dashboard.views.jobs import job_cancel, job_detail, jobs
from dashboard.views.launch import container_launch, container_paste
from dashboard.views.layers import layer_detail, layers
from dashboard.views.leases import container_lease
from dashboard.views.logs import last_lines, log_download, log_page, logs
from dashboard.views.networks import (
    network_connect,
    network_create,
    network_detail,
    network_disconnect,
    network_remove,
    networks,
)
from dashboard.views.notifications import (
    notification_open,
    notification_read,
    notifications,
    notifications_latest,
    notifications_read,
)
from dashboard.views.overview import overview
from dashboard.views.palette import palette
from dashboard.views.policies import (
    policies,
    policy_delete,
    policy_detail,
    policy_edit,
    policy_new,
    policy_rehearsal,
    policy_run,
    policy_switch,
)
from dashboard.views.questions import owner_ask, owner_question
from dashboard.views.registries import (
    registries,
    registry_add,
    registry_browse,
    registry_remove,
    registry_test,
)
from dashboard.views.setup import setup
from dashboard.views.streams import stream_ticket
from dashboard.views.suggestions import image_suggestions
from dashboard.views.team import team, team_change
from dashboard.views.trash import (
    trash,
    trash_empty,
    trash_limits,
    trash_restore,
    trash_restore_as,
    trash_undo,
)
from dashboard.views.volumes import (
    volume_create,
    volume_detail,
    volume_remove,
    volume_trash,
    volumes,
)
from dashboard.views.webhooks import (
    notification_mail,
    notification_test,
    webhook_change,
    webhooks,
)

# Of the sign-in library only what is offered: nobody signs up, and nothing sends mail.
account_routes = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", account.password_change, name="account_change_password"),
]

container_routes = [
    path("", containers, name="containers"),
    path("bulk/", containers_bulk, name="containers_bulk"),
    path("launch/", container_launch, name="container_launch"),
    path("launch/paste/", container_paste, name="container_paste"),
    path("launch/images/", image_suggestions, name="image_suggestions"),
    path("<str:host>/<str:container_id>/", container_detail, name="container_detail"),
    path("<str:host>/<str:container_id>/start/", container_start, name="container_start"),
    path("<str:host>/<str:container_id>/stop/", container_stop, name="container_stop"),
    path("<str:host>/<str:container_id>/restart/", container_restart, name="container_restart"),
    path("<str:host>/<str:container_id>/pause/", container_pause, name="container_pause"),
    path("<str:host>/<str:container_id>/unpause/", container_unpause, name="container_unpause"),
    path("<str:host>/<str:container_id>/rename/", container_rename, name="container_rename"),
    path("<str:host>/<str:container_id>/limits/", container_update, name="container_update"),
    path("<str:host>/<str:container_id>/commit/", container_commit, name="container_commit"),
    path("<str:host>/<str:container_id>/reset/", container_reset, name="container_reset"),
    path("<str:host>/<str:container_id>/lease/", container_lease, name="container_lease"),
    path("<str:host>/<str:container_id>/changes/", container_changes, name="container_changes"),
    path("<str:host>/<str:container_id>/revert/", container_revert, name="container_revert"),
    path("<str:host>/<str:container_id>/file/", container_file, name="container_file"),
    path("<str:host>/<str:container_id>/stats/", container_stats, name="container_stats"),
    path("<str:host>/<str:container_id>/top/", container_top, name="container_top"),
    path("<str:host>/<str:container_id>/health/", container_health, name="container_health"),
    path("<str:host>/<str:container_id>/loss/", container_loss, name="container_loss"),
    path("<str:host>/<str:container_id>/log-page/", log_page, name="log_page"),
    path("<str:host>/<str:container_id>/last-lines/", last_lines, name="last_lines"),
    path("<str:host>/<str:container_id>/log/", log_download, name="log_download"),
    path("<str:host>/<str:container_id>/console/", console_ticket, name="console_ticket"),
    path("<str:host>/<str:container_id>/kill/", container_kill, name="container_kill"),
    path("<str:host>/<str:container_id>/trash/", container_trash, name="container_trash"),
    path("<str:host>/<str:container_id>/keep/", container_keep, name="container_keep"),
    path("<str:host>/<str:container_id>/remove/", container_remove, name="container_remove"),
    path("<str:host>/<str:container_id>/ticket/", stream_ticket, name="stream_ticket"),
]

image_routes = [
    path("", images, name="images"),
    path("pull/", image_pull, name="image_pull"),
    path("starter/", image_starter, name="image_starter"),
    path("load/", image_load, name="image_load"),
    path("upload/<str:host>/<str:upload>/", image_upload, name="image_upload"),
    path("upload/<str:host>/<str:upload>/done/", image_uploaded, name="image_uploaded"),
    path("<str:host>/<str:image_id>/", image_detail, name="image_detail"),
    path("<str:host>/<str:image_id>/trash/", image_trash, name="image_trash"),
    path("<str:host>/<str:image_id>/remove/", image_remove, name="image_remove"),
    path("<str:host>/<str:image_id>/tag/", image_tag, name="image_tag"),
    path("<str:host>/<str:image_id>/push/", image_push, name="image_push"),
    path("<str:host>/<str:image_id>/copy/", image_copy, name="image_copy"),
    path("<str:host>/<str:image_id>/to-host/", image_to_host, name="image_to_host"),
    path("<str:host>/<str:image_id>/save/", image_save, name="image_save"),
    path("<str:host>/<str:image_id>/files/", image_files, name="image_files"),
    path(
        "<str:host>/<str:image_id>/files/<str:chain_id>/",
        image_layer_files,
        name="image_layer_files",
    ),
    path(
        "<str:host>/<str:image_id>/files/<str:chain_id>/file/",
        image_layer_file,
        name="image_layer_file",
    ),
    path("<str:host>/<str:image_id>/compare/", image_compare, name="image_compare"),
    path("<str:host>/<str:image_id>/family/", image_lineage, name="image_lineage"),
    path("<str:host>/<str:image_id>/dockerfile/", image_dockerfile, name="image_dockerfile"),
    path("<str:host>/<str:image_id>/tags/", image_tags, name="image_tags"),
]

layer_routes = [
    path("", layers, name="layers"),
    path("<str:host>/<str:chain_id>/", layer_detail, name="layer_detail"),
]

build_routes = [
    path("", builds, name="builds"),
    path("new/", build_new, name="build_new"),
    path("<uuid:job_id>/", build_detail, name="build_detail"),
]

volume_routes = [
    path("", volumes, name="volumes"),
    path("create/", volume_create, name="volume_create"),
    path("<str:host>/<str:name>/", volume_detail, name="volume_detail"),
    path("<str:host>/<str:name>/remove/", volume_remove, name="volume_remove"),
    path("<str:host>/<str:name>/trash/", volume_trash, name="volume_trash"),
]

network_routes = [
    path("", networks, name="networks"),
    path("create/", network_create, name="network_create"),
    path("<str:host>/<str:network_id>/", network_detail, name="network_detail"),
    path("<str:host>/<str:network_id>/remove/", network_remove, name="network_remove"),
    path("<str:host>/<str:network_id>/connect/", network_connect, name="network_connect"),
    path(
        "<str:host>/<str:network_id>/disconnect/<str:container_id>/",
        network_disconnect,
        name="network_disconnect",
    ),
]

registry_routes = [
    path("", registries, name="registries"),
    path("add/", registry_add, name="registry_add"),
    path("browse/", registry_browse, name="registry_browse"),
    path("<int:credential_id>/test/", registry_test, name="registry_test"),
    path("<int:credential_id>/remove/", registry_remove, name="registry_remove"),
]

cleanup_routes = [
    path("", cleanup, name="cleanup"),
    path("weigh/", cleanup_weigh, name="cleanup_weigh"),
    path("plan/", cleanup_plan, name="cleanup_plan"),
    path("run/", cleanup_run, name="cleanup_run"),
    path("<str:host>/<str:image_id>/copy/", cleanup_copy, name="cleanup_copy"),
    path("volumes/", cleanup_volumes, name="cleanup_volumes"),
    path("networks/", cleanup_networks, name="cleanup_networks"),
]

trash_routes = [
    path("", trash, name="trash"),
    path("restore/", trash_restore, name="trash_restore"),
    path("empty/", trash_empty, name="trash_empty"),
    path("undo/<uuid:job_id>/", trash_undo, name="trash_undo"),
    path("<str:host>/limits/", trash_limits, name="trash_limits"),
    path("<str:host>/<str:item>/restore/", trash_restore_as, name="trash_restore_as"),
]

policy_routes = [
    path("", policies, name="policies"),
    path("new/", policy_new, name="policy_new"),
    path("<int:policy_id>/", policy_detail, name="policy_detail"),
    path("<int:policy_id>/edit/", policy_edit, name="policy_edit"),
    path("<int:policy_id>/switch/", policy_switch, name="policy_switch"),
    path("<int:policy_id>/run/", policy_run, name="policy_run"),
    path("<int:policy_id>/delete/", policy_delete, name="policy_delete"),
    path("<int:policy_id>/rehearsal/", policy_rehearsal, name="policy_rehearsal"),
]

job_routes = [
    path("", jobs, name="jobs"),
    path("<uuid:job_id>/", job_detail, name="job_detail"),
    path("<uuid:job_id>/cancel/", job_cancel, name="job_cancel"),
]

notification_routes = [
    path("", notifications, name="notifications"),
    path("latest/", notifications_latest, name="notifications_latest"),
    path("read/", notifications_read, name="notifications_read"),
    path("test/", notification_test, name="notification_test"),
    path("mail/", notification_mail, name="notification_mail"),
    path("webhooks/", webhooks, name="webhooks"),
    path("webhooks/<int:webhook_id>/", webhook_change, name="webhook_change"),
    path("<int:notification_id>/open/", notification_open, name="notification_open"),
    path("<int:notification_id>/read/", notification_read, name="notification_read"),
]

urlpatterns = [
    path("", overview, name="overview"),
    path("containers/", include(container_routes)),
    path("logs/", logs, name="logs"),
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
    path("activity/", activity, name="activity"),
    path("notifications/", include(notification_routes)),
    path("owners/<str:host>/<str:kind>/<str:object_id>/ask/", owner_ask, name="owner_ask"),
    path("owners/questions/<int:question_id>/", owner_question, name="owner_question"),
    path("hosts/", hosts, name="hosts"),
    path("team/", team, name="team"),
    path("team/<int:account_id>/", team_change, name="team_change"),
    path("search/", palette, name="palette"),
    path("setup/", setup, name="setup"),
    path("healthz", healthz, name="healthz"),
    path("account/", include(account_routes)),
]
