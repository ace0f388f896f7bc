"""What the agent asks about a terminal's row and its container before it opens one."""

from dataclasses import dataclass

import pytest

from dashboard import services
from dashboard.errors import ReachesHost
from dashboard.models import AuditEntry, Container, TerminalKind
from engine.settings import ContainerSettings
from workers.agent.terminals import EngineTerminals

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Record:
    settings: ContainerSettings


@dataclass
class Containers:
    """Containers of which one is there, and which must not be spoken to."""

    settings: ContainerSettings

    def get(self, ref: str) -> Record:
        return Record(self.settings)


@dataclass
class Engine:
    containers: Containers


def test_an_operator_gets_no_terminal_in_what_reaches_into_the_host(host, otto):
    # What the page knows of the container may be old, or a lie.
    row = Container.objects.create(host=host, container_id="c" * 64, name="web", state="running")
    terminal = services.request_terminal(
        container=row, kind=TerminalKind.EXEC, command=["sh"], user=otto
    )
    settings = ContainerSettings(image="busybox", privileged=True)
    terminals = EngineTerminals(Engine(Containers(settings)), host.name)

    with pytest.raises(ReachesHost):
        terminals.open(str(terminal.pk), rows=24, columns=80)

    assert AuditEntry.objects.get(action="containers.terminal").outcome == "failed"
