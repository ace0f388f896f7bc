"""The dashboard as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Its tables are named `dashboard_*`."""

    name = "dashboard"
