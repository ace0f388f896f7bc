"""People, what they may do, and how the first of them comes in."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower


class Role(models.TextChoices):
    """What a person may do; each role may do all that the ones before it may."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    MAINTAINER = "maintainer", "Maintainer"
    ADMIN = "admin", "Admin"

    def includes(self, other: Role) -> bool:
        """Whether who has this role may do what *other* may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class User(AbstractUser):
    """A person of the team. Deactivated, never deleted: the audit trail names them."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    wants_mail = models.BooleanField(default=True)

    class Meta:
        """Names are unique whatever their case, so nobody can pose as `Ana`."""

        ordering = ("username",)
        constraints = (
            models.UniqueConstraint(
                Lower("username"),
                name="user_name_unique_whatever_case",
                violation_error_message="That name is taken.",
            ),
        )

    def __str__(self) -> str:
        return self.username

    def has_role(self, role: Role) -> bool:
        """Whether this account is active and may do what *role* may."""
        return self.is_active and Role(self.role).includes(role)


class SetupToken(models.Model):
    """
    The right to make the first account, as printed by `./shipshape up`.

    Only its digest is kept. It works once, and never again after any account was made with it or
    with another one.
    """

    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"set-up token of {self.created_at:%Y-%m-%d %H:%M}"
