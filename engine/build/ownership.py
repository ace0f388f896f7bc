"""Who owns what a step makes: `user[:group]`, looked up in the stage's own passwd and group."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from engine.build.copying import Owner
from engine.containers.users import MAX_FILE, Accounts, parse_group, parse_passwd, resolve_user
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from engine.dockerfile.parser import Line
    from engine.layers.stack import Stack

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def find_owner(text: str, stack: Stack, *, line: Line) -> Owner:
    """
    Return the owner that *text* means in *stack*; empty means root.

    A number without a group is its own group, a name without one has that of its account. Raises a
    `DockerfileError` at *line* for a name that the stage does not have.
    """
    user, colon, group = text.partition(":")
    if user.isdecimal() and not colon:
        group = user
    is_plain = user.isdecimal() and group.isdecimal()
    accounts = Accounts() if is_plain else read_stack_accounts(stack)
    try:
        identity = resolve_user(f"{user}:{group}" if group else user, accounts)
    except InvalidSetting as error:
        raise line.error(error.message, remedy=error.remedy) from error
    return Owner(identity.uid, identity.gid)


def read_stack_accounts(stack: Stack) -> Accounts:
    """Return what the image that *stack* shows says about its users and groups."""
    return Accounts(
        parse_passwd(_read_regular(stack, "etc/passwd")),
        parse_group(_read_regular(stack, "etc/group")),
    )


def _read_regular(stack: Stack, path: str) -> bytes:
    with stack.looked_at(os.fsencode(path)) as seen:
        if seen is None:
            return b""
        if not stat.S_ISREG(seen.status.st_mode) or seen.status.st_size > MAX_FILE:
            raise InvalidSetting("user", f"/{path} in the image is not a regular file")
        with os.fdopen(os.open(seen.name, _FILE, dir_fd=seen.directory), "rb") as stream:
            return stream.read(MAX_FILE)
