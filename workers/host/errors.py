"""What can go wrong between the command line and a running product."""


class HostError(Exception):
    """
    The command cannot go on, and a person can do something about it.

    *problem* says what is wrong, *remedy* what to do, both in whole sentences.
    """

    def __init__(self, problem: str, *, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class ProgramFailed(HostError):
    """A program that we ran returned non-zero; *tail* holds the end of what it said."""

    def __init__(self, program: str, *, exit_code: int, tail: str, remedy: str = "") -> None:
        super().__init__(f"{program} failed with code {exit_code}:\n{tail}".rstrip(), remedy=remedy)
        self.program = program
        self.exit_code = exit_code
        self.tail = tail
