"""The private Redis of one stack: broker, channel layer and nothing that must survive it."""

from pathlib import Path

CONF = """\
# Written by ./shipshape up; changes are overwritten.
port 0
unixsocket {directory}/redis.sock
unixsocketperm 700
dir {directory}
requirepass {password}
daemonize no
supervised no
protected-mode yes
databases 1

# A full memory must refuse a message rather than silently drop one.
maxmemory {maxmemory_mb}mb
maxmemory-policy noeviction

# Jobs are rows in the database: a message that is lost with Redis is sent again from its row, so
# nothing here is worth a write to disk.
save ""
appendonly no

# One small stack, not a shared cache: little to do at idle.
hz 5
activerehashing no
loglevel notice
"""

DEFAULT_MAXMEMORY_MB = 256


def render_redis_conf(
    *, directory: Path, password: str, maxmemory_mb: int = DEFAULT_MAXMEMORY_MB
) -> str:
    """Return the configuration of a Redis that listens on `redis.sock` in *directory* only."""
    return CONF.format(directory=directory, password=password, maxmemory_mb=maxmemory_mb)
