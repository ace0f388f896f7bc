"""
What the dashboard knows, one module per noun.

Hosts, images, layers, tags, containers, volumes and networks are a *projection*: the workers write
them from what the engines report, and losing them costs nothing but a full sync. Jobs, terminals,
questions to owners, accounts, credentials and the audit trail are ours alone.
"""

from dashboard.models.account import Role, SetupToken, User
from dashboard.models.audit import AuditEntry, AuditOutcome
from dashboard.models.container import Container, ContainerState
from dashboard.models.credential import RegistryCredential
from dashboard.models.delivery import Delivery, DeliveryState, Webhook
from dashboard.models.host import Host
from dashboard.models.image import Image, ImageLayer, Layer, Tag
from dashboard.models.job import Job, JobLogLine, JobState
from dashboard.models.network import Network
from dashboard.models.notification import Notice, NoticeKind, Notification
from dashboard.models.policy import CleanupPolicy
from dashboard.models.question import Answer, OwnerQuestion
from dashboard.models.secret import JobSecret
from dashboard.models.terminal import Terminal, TerminalKind
from dashboard.models.volume import Volume

__all__ = [
    "Answer",
    "AuditEntry",
    "AuditOutcome",
    "CleanupPolicy",
    "Container",
    "ContainerState",
    "Delivery",
    "DeliveryState",
    "Host",
    "Image",
    "ImageLayer",
    "Job",
    "JobLogLine",
    "JobSecret",
    "JobState",
    "Layer",
    "Network",
    "Notice",
    "NoticeKind",
    "Notification",
    "OwnerQuestion",
    "RegistryCredential",
    "Role",
    "SetupToken",
    "Tag",
    "Terminal",
    "TerminalKind",
    "User",
    "Volume",
    "Webhook",
]
