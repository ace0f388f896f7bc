import pytest

from engine.containers.monitor import failure_of
from engine.errors import CommandNotFound, RuntimeFailed

RUNC = 'runc create failed: unable to start container process: exec: "{}": {}'
LOGGED = 'time="2026-01-01T00:00:00Z" level=error msg="' + RUNC.replace('"', '\\"') + '"'


@pytest.mark.parametrize("form", [RUNC, LOGGED, RUNC + "\n", "earlier words\n" + LOGGED + "\n"])
@pytest.mark.parametrize(
    ("command", "reason", "code"),
    [
        ("nope", "executable file not found in $PATH", 127),
        ("/nope", "stat /nope: no such file or directory", 127),
        ("/etc/passwd", "permission denied", 126),
        ("/bin", "is a directory", 126),
    ],
)
def test_a_missing_command_is_told_from_one_that_cannot_be_executed(
    form: str, command: str, reason: str, code: int
) -> None:
    error = failure_of(form.format(command, reason))

    assert isinstance(error, CommandNotFound)
    assert (error.command, error.exit_code) == (command, code)
    assert error.field == "command"


def test_crun_says_it_in_other_words() -> None:
    error = failure_of("executable file `nope` not found in $PATH: No such file or directory")

    assert isinstance(error, CommandNotFound)
    assert (error.command, error.exit_code) == ("nope", 127)


@pytest.mark.parametrize("text", ["", "cgroup is not writable", 'exec: "x": some other reason'])
def test_any_other_failure_is_the_runtimes(text: str) -> None:
    error = failure_of(text)

    assert isinstance(error, RuntimeFailed)
    assert error.stderr == text
