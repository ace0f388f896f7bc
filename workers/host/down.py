"""`./shipshape down`: our processes end, containers go on."""

from collections.abc import Sequence

from workers.host.console import say
from workers.host.options import find_stack
from workers.host.supervision import Supervisor


def down(arguments: Sequence[str]) -> int:
    """Stop the product in the run directory that *arguments* name; that none runs is fine."""
    stack = find_stack("down", "Stop the product; containers go on.", arguments)
    supervisor = Supervisor(stack)
    if not supervisor.is_running():
        say(f"nothing runs in {stack.run}")
        return 0
    supervisor.stop()
    say("stopped; containers go on")
    return 0
