"""`python -m workers.beat`: asks for what is to be done regularly, until SIGTERM."""

from __future__ import annotations

from workers.app import app

SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"


def main() -> None:
    """Keep the team's schedule, which stands in the database."""
    app.Beat(scheduler=SCHEDULER, loglevel="INFO", pidfile=None, quiet=True).run()


if __name__ == "__main__":
    main()
