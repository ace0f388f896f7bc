"""A prepared stack in directories of its own, with nothing running in it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from workers.host.ownership import ensure_directories, ensure_user
from workers.host.stack import Stack, render_environment


@dataclass(frozen=True)
class PreparedStack:
    stack: Stack
    environment: dict[str, str]


@pytest.fixture
def stack_directory(short_path: Path) -> PreparedStack:
    """The directories of a stack, with their owners; needs root."""
    short_path.chmod(0o755)
    stack = Stack(root=short_path / "root", run=short_path / "run", data=short_path / "data")
    user = ensure_user()
    ensure_directories(stack, uid=user.pw_uid, gid=user.pw_gid)
    return PreparedStack(stack, render_environment(stack, {}))
