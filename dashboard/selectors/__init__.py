"""
What pages read: each function a fixed number of queries, whatever the number of rows.

`get_*` raise a `NotFound`, `find_*` return None, lists come as a `Page` of model instances with all
that a row shows loaded along. Counts and sums come from `Host`, where they are maintained.
"""

from dashboard.selectors.activity import ActivityFilter, activity, activity_about, activity_query
from dashboard.selectors.containers import (
    ContainerFilter,
    container_detail,
    container_names,
    containers,
    containers_query,
    find_container_row,
    stopped_containers,
)
from dashboard.selectors.hosts import Overview, Totals, find_host, get_host, hosts, overview
from dashboard.selectors.images import (
    ImageDetail,
    ImageFilter,
    dangling_images,
    find_image_row,
    image_detail,
    image_names,
    images,
    images_query,
)
from dashboard.selectors.jobs import (
    JobFilter,
    active_jobs,
    find_job_row,
    job_detail,
    job_log,
    jobs,
    jobs_about,
    jobs_query,
    recent_jobs,
)
from dashboard.selectors.pages import PAGE_SIZE, BuildUp, Page
from dashboard.selectors.people import credentials, get_person, people

__all__ = [
    "PAGE_SIZE",
    "ActivityFilter",
    "BuildUp",
    "ContainerFilter",
    "ImageDetail",
    "ImageFilter",
    "JobFilter",
    "Overview",
    "Page",
    "Totals",
    "active_jobs",
    "activity",
    "activity_about",
    "activity_query",
    "container_detail",
    "container_names",
    "containers",
    "containers_query",
    "credentials",
    "dangling_images",
    "find_container_row",
    "find_host",
    "find_image_row",
    "find_job_row",
    "get_host",
    "get_person",
    "hosts",
    "image_detail",
    "image_names",
    "images",
    "images_query",
    "job_detail",
    "job_log",
    "jobs",
    "jobs_about",
    "jobs_query",
    "overview",
    "people",
    "recent_jobs",
    "stopped_containers",
]
