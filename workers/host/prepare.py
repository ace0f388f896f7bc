"""What a stack needs before its processes start: directories, secrets, configurations, tables."""

import os
import pwd
from collections.abc import Mapping, Sequence
from pathlib import Path

from workers.host import database
from workers.host.checkout import CHECKOUT, PYTHON
from workers.host.console import say
from workers.host.keys import ensure_secrets, read_secret
from workers.host.launch import confined
from workers.host.ownership import ensure_directories, ensure_user, require_passable
from workers.host.processes import list_processes_of, render_supervisor_conf
from workers.host.programs import run_program
from workers.host.redis import render_redis_conf
from workers.host.stack import Stack, has_own_redis, render_environment, render_record


def prepare(stack: Stack, caller: Mapping[str, str]) -> dict[str, str]:
    """
    Make the directories, secrets, configurations and database of *stack*.

    Returns the environment of its processes. Repeating it changes nothing that exists.
    """
    require_passable(stack.data, what="The data directory")
    require_passable(stack.run, what="The run directory")
    require_passable(PYTHON.resolve(), what="The interpreter")
    user = ensure_user()
    ensure_directories(stack, uid=user.pw_uid, gid=user.pw_gid)
    ensure_secrets(stack.secrets, uid=user.pw_uid, gid=user.pw_gid)
    environment = render_environment(stack, caller)
    write_configurations(stack, environment, user)
    if stack.has_process("web"):
        migrate(stack, environment)
    return environment


def write_configurations(
    stack: Stack, environment: Mapping[str, str], user: pwd.struct_passwd
) -> None:
    """Write what the process manager and Redis read, and the record of what we started with."""
    conf = render_supervisor_conf(stack, list_processes_of(stack, environment))
    _write_private(stack.supervisor_conf, conf)
    _write_private(stack.record, render_record(stack))
    if has_own_redis(stack, environment):
        password = read_secret(stack.secrets, "redis-password")
        text = render_redis_conf(directory=stack.redis_directory, password=password)
        _write_private(stack.redis_directory / "redis.conf", text, user)


def migrate(stack: Stack, environment: Mapping[str, str]) -> None:
    """See to it that the dashboard's database has every table that this version needs."""
    if database.is_migrated(stack, environment):
        return
    say("migrating the database")
    run_manage(["migrate", "--no-input", "--verbosity", "0"], environment)
    database.write_stamp(stack, environment)


def run_manage(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run Django's manage.py with *words* as the unprivileged user and return what it wrote."""
    return run_program(
        confined(["python", "manage.py", *words]), environment=environment, directory=CHECKOUT
    )


def _write_private(path: Path, text: str, owner: pwd.struct_passwd | None = None) -> None:
    # The directory may be another's: nothing that stands in the file's place is followed.
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        if owner is not None:
            os.fchown(handle, owner.pw_uid, owner.pw_gid)
        file.write(text)
