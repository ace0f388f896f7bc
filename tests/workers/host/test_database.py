"""Django is asked to migrate only when something is other than the last migration left it."""

import sqlite3
from contextlib import closing

import pytest

from workers.host import database
from workers.host.database import find_sqlite, is_migrated, write_stamp
from workers.host.stack import Stack


@pytest.fixture
def stack(tmp_path):
    stack = Stack(root=tmp_path / "root", run=tmp_path / "run", data=tmp_path / "data")
    for path in (stack.root, stack.data):
        path.mkdir()
    apply(stack, "0001_initial")
    return stack


def apply(stack, name):
    with closing(sqlite3.connect(stack.data / "db.sqlite3")) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS django_migrations (app, name)")
        connection.execute("INSERT INTO django_migrations VALUES ('dashboard', ?)", [name])


def test_a_database_that_we_never_migrated_is_not_known_to_be(stack):
    assert not is_migrated(stack, {})


def test_a_migrated_database_is_known_to_be(stack):
    write_stamp(stack, {})
    assert is_migrated(stack, {})


def test_an_older_database_put_back_is_noticed(stack):
    apply(stack, "0002_more")
    write_stamp(stack, {})
    (stack.data / "db.sqlite3").unlink()
    apply(stack, "0001_initial")
    assert not is_migrated(stack, {})


def test_a_removed_database_is_noticed(stack):
    write_stamp(stack, {})
    (stack.data / "db.sqlite3").unlink()
    assert not is_migrated(stack, {})


def test_a_new_migration_in_the_checkout_is_noticed(stack, tmp_path):
    checkout = tmp_path / "checkout"
    (checkout / "dashboard/migrations").mkdir(parents=True)
    (checkout / "requirements.lock").touch()
    before = database.fingerprint(stack.data / "db.sqlite3", checkout)
    (checkout / "dashboard/migrations/0002_more.py").touch()
    assert database.fingerprint(stack.data / "db.sqlite3", checkout) != before


def test_a_file_that_is_no_database_has_no_migrations(tmp_path):
    (tmp_path / "db").write_text("not a database, but long enough to be looked at as one")
    assert database.list_applied(tmp_path / "db") == []


@pytest.mark.parametrize(
    ("url", "path"),
    [
        pytest.param("", "/d/db.sqlite3", id="default"),
        pytest.param("sqlite:////srv/x.sqlite3", "/srv/x.sqlite3", id="sqlite"),
        pytest.param("postgres://u@h/db", None, id="server"),
    ],
)
def test_only_sqlite_is_a_file(url, path, tmp_path):
    stack = Stack(root=tmp_path, run=tmp_path, data=tmp_path)
    expected = path and path.replace("/d/", f"{tmp_path}/")
    found = find_sqlite(stack, {"DATABASE_URL": url})
    assert (found and str(found)) == expected
