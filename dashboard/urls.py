"""Every address of the dashboard. Names are what templates and views use."""

from __future__ import annotations

from allauth.account import views as account
from django.urls import include, path

from dashboard.health import healthz
from dashboard.views.activity import activity
from dashboard.views.cleanup import cleanup, cleanup_containers, cleanup_images
from dashboard.views.containers import (
    container_detail,
    container_kill,
    container_remove,
    container_start,
    container_stop,
    containers,
)
from dashboard.views.hosts import hosts
from dashboard.views.images import image_detail, image_pull, image_remove, image_starter, images
from dashboard.views.jobs import job_cancel, job_detail, jobs
from dashboard.views.launch import container_launch
from dashboard.views.overview import overview
from dashboard.views.palette import palette
from dashboard.views.setup import setup
from dashboard.views.streams import stream_ticket
from dashboard.views.team import team, team_change

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
    path("launch/", container_launch, name="container_launch"),
    path("<str:host>/<str:container_id>/", container_detail, name="container_detail"),
    path("<str:host>/<str:container_id>/start/", container_start, name="container_start"),
    path("<str:host>/<str:container_id>/stop/", container_stop, name="container_stop"),
    path("<str:host>/<str:container_id>/kill/", container_kill, name="container_kill"),
    path("<str:host>/<str:container_id>/remove/", container_remove, name="container_remove"),
    path("<str:host>/<str:container_id>/ticket/", stream_ticket, name="stream_ticket"),
]

image_routes = [
    path("", images, name="images"),
    path("pull/", image_pull, name="image_pull"),
    path("starter/", image_starter, name="image_starter"),
    path("<str:host>/<str:image_id>/", image_detail, name="image_detail"),
    path("<str:host>/<str:image_id>/remove/", image_remove, name="image_remove"),
]

cleanup_routes = [
    path("", cleanup, name="cleanup"),
    path("images/", cleanup_images, name="cleanup_images"),
    path("containers/", cleanup_containers, name="cleanup_containers"),
]

job_routes = [
    path("", jobs, name="jobs"),
    path("<uuid:job_id>/", job_detail, name="job_detail"),
    path("<uuid:job_id>/cancel/", job_cancel, name="job_cancel"),
]

urlpatterns = [
    path("", overview, name="overview"),
    path("containers/", include(container_routes)),
    path("images/", include(image_routes)),
    path("clean-up/", include(cleanup_routes)),
    path("jobs/", include(job_routes)),
    path("activity/", activity, name="activity"),
    path("hosts/", hosts, name="hosts"),
    path("team/", team, name="team"),
    path("team/<int:account_id>/", team_change, name="team_change"),
    path("search/", palette, name="palette"),
    path("setup/", setup, name="setup"),
    path("healthz", healthz, name="healthz"),
    path("account/", include(account_routes)),
]
