"""What runs on each host: Celery tasks over the engine, and the agent that reports."""
