"""What the host's administration asks the engine about containers."""

from workers.host.stack import Stack


def count_running(stack: Stack) -> int | None:
    """Return how many containers run in the engine of *stack*; None if we may not look."""
    if not has_engine(stack):
        return 0
    # Only who asks about containers waits for the engine's imports.
    from engine.containers.state import ContainerState
    from engine.engine import Engine
    from engine.errors import EngineError
    from engine.system.paths import EnginePaths

    try:
        with Engine.open(EnginePaths(stack.root, stack.run)) as engine:
            states = [container.state for container in engine.containers.list()]
    except (OSError, EngineError):
        return None
    return states.count(ContainerState.RUNNING)


def has_engine(stack: Stack) -> bool:
    """Return whether *stack* has an engine, as far as we may look."""
    try:
        return (stack.root / "engine.db").exists()
    except PermissionError:
        return True
