"""Every address of the dashboard. Names are what templates and views use."""

from __future__ import annotations

from allauth.account import views as account
from django.urls import include, path

from dashboard.health import healthz

# Of the sign-in library only what is offered: nobody signs up, and nothing sends mail.
account_routes = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", account.password_change, name="account_change_password"),
]

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("account/", include(account_routes)),
]
