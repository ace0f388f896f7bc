"""`./shipshape manage setup_token`: the way in for the first person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dashboard.services import create_setup_token

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Print a new one-time set-up token, or nothing at all once an account exists."""

    help = "Print a one-time token (with --url, a link) for making the first account."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--url`."""
        parser.add_argument("--url", action="store_true", help="print the whole link")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Print it on standard output and nowhere else."""
        token = create_setup_token()
        if token is None:
            self.stderr.write("An account exists already: sign in with it.")
            return
        link = f"{settings.SHIPSHAPE_URL.origin}/setup/?token={token}"
        self.stdout.write(link if options["url"] else token)
