import os
from pathlib import Path

import pytest

from engine.containers.users import (
    Accounts,
    Identity,
    parse_group,
    parse_passwd,
    read_accounts,
    resolve_user,
)
from engine.errors import InvalidSetting

PASSWD = b"""\
root:x:0:0:root:/root:/bin/sh
# a comment

ana:x:1000:1000::/home/ana:/bin/sh
nohome:x:1001:1001:::
broken line
bad:x:abc:1:::
huge:x:99999999999:1:::
"""
GROUP = b"root:x:0:\nana:x:1000:\nstaff:x:50:ana,bob\naudio:x:29:ana\nodd:x\n"
ACCOUNTS = Accounts(parse_passwd(PASSWD), parse_group(GROUP))


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        pytest.param("", Identity(0, 0, (0,), "/root"), id="nobody-named-means-root"),
        pytest.param("root", Identity(0, 0, (0,), "/root"), id="root"),
        pytest.param("ana", Identity(1000, 1000, (1000, 50, 29), "/home/ana"), id="by-name"),
        pytest.param("1000", Identity(1000, 1000, (1000, 50, 29), "/home/ana"), id="by-number"),
        pytest.param("ana:staff", Identity(1000, 50, (50,), "/home/ana"), id="with-group"),
        pytest.param("ana:7", Identity(1000, 7, (7,), "/home/ana"), id="with-group-number"),
        pytest.param("ana:", Identity(1000, 1000, (1000, 50, 29), "/home/ana"), id="empty-group"),
        pytest.param("4321", Identity(4321, 0, (0,), "/"), id="number-without-entry"),
        pytest.param("4321:8", Identity(4321, 8, (8,), "/"), id="numbers-without-entries"),
        pytest.param("nohome", Identity(1001, 1001, (1001,), "/"), id="no-home"),
    ],
)
def test_a_user_is_looked_up_as_docker_does(text: str, identity: Identity) -> None:
    assert resolve_user(text, ACCOUNTS) == identity


@pytest.mark.parametrize("text", ["bob", "bad", "huge", "ana:nogroup", "-1", "2147483648", "٣"])
def test_whom_the_image_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        resolve_user(text, ACCOUNTS)

    assert caught.value.field == "user"


def test_an_image_without_accounts_has_root(tmp_path: Path) -> None:
    assert resolve_user("", read_accounts(tmp_path)) == Identity(0, 0, (0,), "/")


def test_accounts_are_read_from_the_image(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_bytes(PASSWD)
    (tmp_path / "etc/group").write_bytes(GROUP)

    assert read_accounts(tmp_path) == ACCOUNTS


@pytest.mark.parametrize("name", ["passwd", "group"])
def test_a_fifo_in_the_place_of_accounts_is_refused_and_not_waited_for(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "etc").mkdir()
    os.mkfifo(tmp_path / "etc" / name)

    with pytest.raises(InvalidSetting, match="not a regular file"):
        read_accounts(tmp_path)


def test_a_link_in_the_place_of_accounts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").symlink_to("/etc/passwd")

    with pytest.raises(InvalidSetting, match="not a regular file"):
        read_accounts(tmp_path)


def test_a_linked_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "etc").symlink_to("/etc")

    with pytest.raises(InvalidSetting, match="not a directory"):
        read_accounts(tmp_path)


def test_endless_accounts_are_refused(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    with (tmp_path / "etc/passwd").open("wb") as stream:
        stream.truncate(4 * 1024 * 1024 + 1)

    with pytest.raises(InvalidSetting, match="larger than"):
        read_accounts(tmp_path)
