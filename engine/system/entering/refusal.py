"""Why a command cannot be run."""

KILLED = "its process was killed"
STOPPED = "cannot exec in a container that has stopped"


class Refused(Exception):
    """The command cannot be run; says why, in runc's words."""
