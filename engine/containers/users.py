"""
Who a container runs as: `user[:group]` looked up in the image's own passwd and group.

Both files come from the image, so anything may be in them or in their place. The parsing here is
pure; `read_accounts` opens them inside the root, as bounded regular files, or refuses.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILE = 4 * 1024 * 1024
MAX_ID = 2**31 - 1
MAX_GROUPS = 1024
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Should something else be put in the file's place, opening it must not wait.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Account:
    """One line of passwd."""

    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """One line of group."""

    name: str
    gid: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accounts:
    """What an image says about its users and groups."""

    users: tuple[Account, ...] = ()
    groups: tuple[GroupEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """What the kernel is told about a user, and the home directory."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = field(default=())
    home: str = "/"


def resolve_user(text: str, accounts: Accounts) -> Identity:
    """
    Return who *text* is, written `user[:group]` by names or numbers; empty means root.

    A number needs no entry. A name that has none raises `InvalidSetting`. Without a group, the
    supplementary groups are those that list the user; with one there are none, as docker has it.
    """
    user, colon, group = text.partition(":")
    account = _find_account(user or "0", accounts)
    if not colon or not group:
        return Identity(account.uid, account.gid, _memberships(account, accounts), account.home)
    gid = _group_id(group, accounts)
    return Identity(account.uid, gid, (gid,), account.home)


def with_groups(identity: Identity, added: tuple[str, ...], accounts: Accounts) -> Identity:
    """Return *identity* as a member of the groups *added* too, each a name or a number."""
    more = tuple(_group_id(each, accounts, field_name="group_add") for each in added)
    groups = tuple(dict.fromkeys([*(identity.groups or (identity.gid,)), *more]))
    return replace(identity, groups=groups[:MAX_GROUPS])


def _find_account(user: str, accounts: Accounts) -> Account:
    number = _as_id(user)
    for each in accounts.users:
        if each.name == user or each.uid == number:
            return each
    if number is None:
        raise InvalidSetting(
            "user",
            f"unable to find user {user[:80]}: no matching entries in passwd file",
            remedy="Use a user of the image, or a number.",
        )
    return Account("", number, 0, "/")


def _group_id(group: str, accounts: Accounts, *, field_name: str = "user") -> int:
    number = _as_id(group)
    for each in accounts.groups:
        if each.name == group or each.gid == number:
            return each.gid
    if number is None:
        raise InvalidSetting(
            field_name,
            f"{'U' if field_name == 'group_add' else 'u'}nable to find group {group[:80]}: "
            "no matching entries in group file",
            remedy="Use a group of the image, or a number.",
        )
    return number


def _memberships(account: Account, accounts: Accounts) -> tuple[int, ...]:
    listed = [each.gid for each in accounts.groups if account.name and account.name in each.members]
    return tuple(dict.fromkeys([account.gid, *listed]))[:MAX_GROUPS]


def _as_id(text: str) -> int | None:
    if not text.isascii() or not text.isdecimal():
        return None
    number = int(text) if len(text) <= len(str(MAX_ID)) else MAX_ID + 1
    if number > MAX_ID:
        raise InvalidSetting("user", f"uids and gids must be in range 0-{MAX_ID}")
    return number


# --- Reading ------------------------------------------------------------------------------------


def parse_passwd(content: bytes) -> tuple[Account, ...]:
    """Return the accounts in a passwd file; lines that are none are passed over."""
    return tuple(
        Account(fields[0], int(fields[2]), int(fields[3]), fields[5] or "/")
        for fields in _lines(content)
        if len(fields) >= 6 and _is_id(fields[2]) and _is_id(fields[3])
    )


def parse_group(content: bytes) -> tuple[GroupEntry, ...]:
    """Return the groups in a group file; lines that are none are passed over."""
    return tuple(
        GroupEntry(fields[0], int(fields[2]), _members(fields))
        for fields in _lines(content)
        if len(fields) >= 3 and _is_id(fields[2])
    )


def _members(fields: list[str]) -> tuple[str, ...]:
    return tuple(filter(None, fields[3].split(","))) if fields[3:] else ()


def _lines(content: bytes) -> Iterator[list[str]]:
    for line in content.decode(errors="replace").splitlines():
        if line.strip() and not line.startswith("#"):
            yield [part.strip() for part in line.split(":")]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= MAX_ID


def read_accounts(root: Path) -> Accounts:
    """
    Return the accounts of the image that is mounted at *root*.

    Files that are missing say nothing. One that is a link, a FIFO, a device or larger than 4 MiB
    raises `InvalidSetting`: nothing outside *root* is ever opened, and nothing is waited for.
    """
    try:
        directory = os.open(root / "etc", _DIRECTORY)
    except FileNotFoundError:
        return Accounts()
    except OSError as error:
        raise InvalidSetting("user", "/etc in the image is not a directory") from error
    try:
        return Accounts(
            parse_passwd(_read_regular(directory, "passwd")),
            parse_group(_read_regular(directory, "group")),
        )
    finally:
        os.close(directory)


def _read_regular(directory: int, name: str) -> bytes:
    try:
        # Opening a device may do something, so look before.
        if not stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            raise InvalidSetting("user", f"/etc/{name} in the image is not a regular file")
        descriptor = os.open(name, _FILE, dir_fd=directory)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise InvalidSetting("user", f"/etc/{name} in the image cannot be read") from error
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise InvalidSetting("user", f"/etc/{name} in the image is larger than 4 MiB")
    return content
