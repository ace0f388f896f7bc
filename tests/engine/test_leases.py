from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.leases import SCHEMA, Leases
from engine.system.database import Database
from engine.system.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "engine.db", [SCHEMA])
    yield database
    database.close()


@pytest.fixture
def leases(database: Database, tmp_path: Path) -> Leases:
    (tmp_path / "locks").mkdir()
    return Leases(database, Locks(tmp_path / "locks"))


def leased(leases: Leases, database: Database) -> set[str]:
    with database.write() as transaction:
        return set(leases.leased(transaction))


def test_what_is_leased_is_seen_until_the_lease_ends(leases: Leases, database: Database) -> None:
    with leases.held() as lease:
        lease.add("blob:a", "blob:b")
        lease.add("snapshot:c")

        assert leased(leases, database) == {"blob:a", "blob:b", "snapshot:c"}

    assert leased(leases, database) == set()


def test_a_lease_ends_with_an_error_too(leases: Leases, database: Database) -> None:
    def fail() -> None:
        with leases.held() as lease:
            lease.add("blob:a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert leased(leases, database) == set()


def test_what_two_lease_stays_until_both_have_ended(leases: Leases, database: Database) -> None:
    with leases.held() as one:
        one.add("blob:a")
        with leases.held() as other:
            other.add("blob:a")
        assert leased(leases, database) == {"blob:a"}

    assert leased(leases, database) == set()


def test_leasing_the_same_twice_is_fine(leases: Leases, database: Database) -> None:
    with leases.held() as lease:
        lease.add("blob:a")
        lease.add("blob:a")

        assert leased(leases, database) == {"blob:a"}


KILLED_HOLDER = """
import os, signal, sys
from pathlib import Path
from engine.leases import SCHEMA, Leases
from engine.system.database import Database
from engine.system.locks import Locks
place = Path(sys.argv[1])
with Leases(Database(place / "engine.db", [SCHEMA]), Locks(place / "locks")).held() as lease:
    lease.add("blob:of-the-dead")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_leases_of_a_killed_process_count_for_nothing(
    leases: Leases, database: Database, tmp_path: Path
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_HOLDER, tmp_path],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )

    assert killed.returncode == -signal.SIGKILL
    assert database.rows("SELECT * FROM leases")
    assert leased(leases, database) == set()
    assert database.rows("SELECT * FROM leases") == []


def test_no_lock_file_is_left(leases: Leases, tmp_path: Path) -> None:
    with leases.held():
        pass

    assert list((tmp_path / "locks").iterdir()) == []
