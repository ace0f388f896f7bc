"""Passwords of registries, encrypted at rest."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class RegistryCredential(models.Model):
    """
    A user name and a password for one registry, shared by the team.

    The password is stored encrypted under `SHIPSHAPE_FIELD_KEY` and is read only by
    `services.credentials.reveal_credential`, in a worker. Jobs carry this row's id.
    `is_accepted` is what the registry said of it at `checked_at`.
    """

    registry = models.CharField(max_length=255)
    username = models.CharField(max_length=255)
    encrypted_password = models.TextField(editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    checked_at = models.DateTimeField(null=True, blank=True)
    is_accepted = models.BooleanField(null=True, blank=True)
    check_message = models.TextField(blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """One password per user name and registry."""

        ordering = ("registry", "username")
        constraints = (
            models.UniqueConstraint(fields=("registry", "username"), name="credential_once"),
        )

    def __str__(self) -> str:
        return f"{self.username} at {self.registry}"
