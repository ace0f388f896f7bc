"""System packages: only what is missing, and no service of theirs is started."""

import pytest

from workers.host import packages
from workers.host.errors import HostError
from workers.host.packages import (
    POLICY_TEXT,
    RUNTIME,
    TESTING,
    Package,
    ensure_packages,
    held_services,
    list_missing,
)


def test_only_what_is_missing_is_listed():
    wanted = [Package("here", "is here"), Package("gone", "is not")]
    assert list_missing(wanted, is_there=lambda p: p.name == "here") == [wanted[1]]


def test_where_everything_is_there_nothing_is_run(monkeypatch):
    monkeypatch.setattr(packages, "is_installed", lambda _: True)
    monkeypatch.setattr(packages, "run_program", lambda *_, **__: pytest.fail("ran something"))
    ensure_packages(RUNTIME)


def test_every_package_says_why():
    assert all(package.why for package in (*RUNTIME, *TESTING))


def test_without_root_the_command_to_type_is_named(monkeypatch):
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    with pytest.raises(HostError) as caught:
        ensure_packages([Package("no-such-package", "is for this test", program="no-such-program")])
    assert caught.value.remedy == "Run: sudo apt-get install no-such-package"


def test_services_are_held_while_packages_are_installed(tmp_path):
    policy = tmp_path / "policy-rc.d"
    with held_services(policy):
        assert policy.stat().st_mode & 0o111
        assert "exit 101" in policy.read_text()
    assert not policy.exists()


def test_services_are_let_go_even_if_the_installation_fails(tmp_path):
    policy = tmp_path / "policy-rc.d"
    with pytest.raises(RuntimeError), held_services(policy):
        raise RuntimeError
    assert not policy.exists()


def test_the_machines_own_policy_is_left_alone(tmp_path):
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    with held_services(policy):
        assert policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert policy.exists()


def test_a_policy_of_ours_left_by_a_killed_run_is_removed(tmp_path):
    policy = tmp_path / "policy-rc.d"
    policy.write_text(POLICY_TEXT)
    with held_services(policy):
        pass
    assert not policy.exists()
