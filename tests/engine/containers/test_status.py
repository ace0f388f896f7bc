from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.containers.health import Health, HealthStatus
from engine.containers.record import ContainerRecord
from engine.containers.state import ContainerState
from engine.containers.status import human_duration, status_words
from tests.support.containers import Yard

NOW = datetime(2026, 1, 1, tzinfo=UTC)
S = ContainerState


@pytest.fixture
def record(yard: Yard) -> ContainerRecord:
    return yard.containers.create(yard.settings())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (2 * 3600, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (14 * 86400, "2 weeks"),
        (60 * 86400, "2 months"),
        (3 * 365 * 86400, "3 years"),
    ],
)
def test_a_length_of_time_is_worded_as_docker_does(seconds: float, words: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "Created", id="created"),
        pytest.param({"state": S.RUNNING}, "Up 3 minutes", id="running"),
        pytest.param({"state": S.PAUSED}, "Up 3 minutes (Paused)", id="paused"),
        pytest.param(
            {"state": S.RUNNING, "health": Health()},
            "Up 3 minutes (health: starting)",
            id="health-starting",
        ),
        pytest.param(
            {"state": S.RUNNING, "health": Health(HealthStatus.HEALTHY)},
            "Up 3 minutes (healthy)",
            id="healthy",
        ),
        pytest.param(
            {"state": S.EXITED, "exit_code": 3}, "Exited (3) About a minute ago", id="exited"
        ),
        pytest.param(
            {"state": S.RESTARTING, "exit_code": 1},
            "Restarting (1) About a minute ago",
            id="restarting",
        ),
        pytest.param({"state": S.REMOVING}, "Removal In Progress", id="removing"),
        pytest.param({"state": S.DEAD}, "Dead", id="dead"),
    ],
)
def test_a_state_is_worded_as_docker_does(
    record: ContainerRecord, changes: dict[str, object], words: str
) -> None:
    times = {
        "started_at": NOW - timedelta(minutes=3),
        "finished_at": NOW - timedelta(seconds=61),
    }
    changed = replace(record, **(times if changes else {}), **changes)  # type: ignore[arg-type]

    assert status_words(changed, NOW) == words
