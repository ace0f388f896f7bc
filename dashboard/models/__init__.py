"""
What the dashboard knows, one module per noun.

Hosts, images, layers, tags and containers are a *projection*: the workers write them from what the
engines report, and losing them costs nothing but a full sync. Jobs, accounts, credentials and the
audit trail are ours alone.
"""

from dashboard.models.account import Role, SetupToken, User
from dashboard.models.audit import AuditEntry, AuditOutcome
from dashboard.models.container import Container, ContainerState
from dashboard.models.credential import RegistryCredential
from dashboard.models.host import Host
from dashboard.models.image import Image, ImageLayer, Layer, Tag
from dashboard.models.job import Job, JobLogLine, JobState

__all__ = [
    "AuditEntry",
    "AuditOutcome",
    "Container",
    "ContainerState",
    "Host",
    "Image",
    "ImageLayer",
    "Job",
    "JobLogLine",
    "JobState",
    "Layer",
    "RegistryCredential",
    "Role",
    "SetupToken",
    "Tag",
    "User",
]
