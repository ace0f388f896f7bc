"""What the browser needs is copied by a list, whole or not at all."""

import json

import pytest

from workers.host import assets
from workers.host.assets import copy_vendored, ensure_assets, fingerprint
from workers.host.errors import HostError


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "static").mkdir()
    (tmp_path / "node_modules/htmx/dist").mkdir(parents=True)
    (tmp_path / "node_modules/htmx/dist/htmx.js").write_text("one")
    write_list(tmp_path, {"htmx/dist/htmx.js": "htmx.js"})
    (tmp_path / "package-lock.json").write_text("{}")
    return tmp_path


def write_list(checkout, vendor):
    (checkout / "package.json").write_text(json.dumps({"vendor": vendor}))


def test_exactly_the_listed_files_are_there_afterwards(checkout):
    vendor = checkout / "static/vendor"
    vendor.mkdir()
    (vendor / "old.js").touch()
    copy_vendored(checkout, vendor)
    assert [path.name for path in vendor.iterdir()] == ["htmx.js"]


def test_a_file_that_no_package_has_is_named_and_nothing_is_lost(checkout):
    vendor = checkout / "static/vendor"
    copy_vendored(checkout, vendor)
    write_list(checkout, {"htmx/dist/gone.js": "gone.js"})
    with pytest.raises(HostError, match=r"gone\.js"):
        copy_vendored(checkout, vendor)
    assert (vendor / "htmx.js").read_text() == "one"


def test_npm_runs_once_for_one_lock_file(checkout, monkeypatch):
    runs = []
    monkeypatch.setattr(assets, "_run_npm_ci", runs.append)
    ensure_assets(checkout)
    ensure_assets(checkout)
    assert runs == [checkout]
    (checkout / "package-lock.json").write_text('{"lockfileVersion": 3}')
    ensure_assets(checkout)
    assert runs == [checkout, checkout]


def test_the_list_of_files_counts_as_much_as_the_lock(checkout):
    before = fingerprint(checkout)
    write_list(checkout, {})
    assert fingerprint(checkout) != before


def test_without_node_on_the_machine_the_wheels_npm_is_run_by_its_node(monkeypatch):
    monkeypatch.setattr(assets, "find_program", lambda _: None)
    npm = assets.find_npm()
    assert npm is not None
    assert [word.rpartition("/")[2] for word in npm] == ["node", "npm-cli.js"]
