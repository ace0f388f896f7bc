"""Secrets are made once and shown to nobody."""

import os
import stat

import pytest
from cryptography.fernet import Fernet

from workers.host.errors import HostError
from workers.host.keys import SECRETS, ensure_secrets, list_exposed, read_secret

ME = {"uid": os.getuid(), "gid": os.getgid()}


def test_every_secret_is_made_readable_by_its_owner_only(tmp_path):
    assert ensure_secrets(tmp_path, **ME) == list(SECRETS)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in SECRETS}
    assert modes == {0o600}
    assert {path.name for path in tmp_path.iterdir()} == set(SECRETS)


def test_the_second_call_changes_nothing(tmp_path):
    ensure_secrets(tmp_path, **ME)
    before = {name: read_secret(tmp_path, name) for name in SECRETS}
    assert ensure_secrets(tmp_path, **ME) == []
    assert {name: read_secret(tmp_path, name) for name in SECRETS} == before


def test_no_two_stacks_share_a_secret(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        ensure_secrets(tmp_path / name, **ME)
    assert all(read_secret(tmp_path / "a", s) != read_secret(tmp_path / "b", s) for s in SECRETS)


def test_the_field_key_encrypts(tmp_path):
    ensure_secrets(tmp_path, **ME)
    box = Fernet(read_secret(tmp_path, "field-key").encode())
    assert box.decrypt(box.encrypt(b"x")) == b"x"


def test_a_link_in_a_secrets_place_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    inside = tmp_path / "secrets"
    inside.mkdir()
    (inside / "secret-key").symlink_to(outside)
    assert "secret-key" not in ensure_secrets(inside, **ME)
    assert not outside.exists()


def test_a_link_in_the_directorys_place_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OSError, match="link"):
        ensure_secrets(tmp_path / "link", **ME)


@pytest.mark.parametrize("text", ["", "\n", "two words", "two\nlines"])
def test_a_secret_must_be_one_word(tmp_path, text):
    (tmp_path / "redis-password").write_text(text)
    with pytest.raises(HostError, match="one word"):
        read_secret(tmp_path, "redis-password")


def test_a_missing_secret_is_named(tmp_path):
    with pytest.raises(HostError, match="redis-password"):
        read_secret(tmp_path, "redis-password")


def test_secrets_that_others_may_read_are_found(tmp_path):
    ensure_secrets(tmp_path, **ME)
    assert list_exposed(tmp_path) == []
    (tmp_path / "field-key").chmod(0o640)
    assert list_exposed(tmp_path) == [tmp_path / "field-key"]
