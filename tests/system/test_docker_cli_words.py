"""
The `docker` command says the same of our engine as of a real dockerd: words, columns, exit codes.

Each scene is played to both, command by command. What differs from run to run is left out.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tests.support.docker_cli import IMAGE, spoken

if TYPE_CHECKING:
    from tests.support.docker_cli import DockerCli, Outcome

pytestmark = pytest.mark.root

SCENES = {
    "nothing-here": """
        ps
        ps -a
        ps -q
        inspect nope
        container inspect nope
        start nope
        stop nope
        kill nope
        rm nope
        rm -f nope
        logs nope
        top nope
        wait nope
        exec nope true
        attach nope
        rename nope other
        pause nope
        unpause nope
        port nope
        stats --no-stream nope
        diff nope
        export nope
        cp nope:/x -
        update -m 20m nope
        commit nope
        image inspect nope
        history nope
        rmi nope
        tag nope other
        save nope
        push nope
    """,
    "a-life": """
        create --name a1 IMAGE sh -c 'echo out; echo err >&2; exit 3'
        ps -a --filter name=a1
        ps -a --filter name=a1 --no-trunc
        ps -a --filter name=a1 --format '{{.Names}} {{.Image}} {{.Command}} {{.Status}} {{.State}}'
        create --name a1 IMAGE
        start -a a1
        ps -a --filter name=a1
        ps -aq --filter name=a1 --filter exited=3
        ps -aq --filter name=a1 --filter exited=4
        logs a1
        wait a1
        start a1
        wait a1
        rm a1
        rm a1
    """,
    "running": """
        run -d --name b1 IMAGE sleep 1000
        run -d --name b1 IMAGE sleep 1000
        ps --filter name=b1
        ps --filter name=b1 --format json
        rm b1
        start b1
        exec b1 echo inside
        exec b1 sh -c 'exit 5'
        exec -e A=1 -w /tmp b1 sh -c 'echo $A; pwd'
        exec -u 0:0 b1 id -u
        rename b1 b2
        ps --filter name=b2 --format '{{.Names}}'
        pause b2
        ps --filter name=b2
        exec b2 true
        pause b2
        unpause b2
        unpause b2
        kill -s KILL b2
        kill b2
        exec b2 true
        ps -a --filter name=b2
        restart -t 0 b2
        stop -t 0 b2
        stop b2
        rm b2
    """,
    "run": """
        run --rm IMAGE echo hello
        run --rm IMAGE sh -c 'exit 7'
        run --rm IMAGE nope
        run --rm IMAGE /etc/passwd
        run --rm -e A=b -w /tmp IMAGE sh -c 'echo $A $PWD'
        run --rm --hostname box IMAGE hostname
        run --rm --entrypoint /bin/echo IMAGE from entrypoint
        run --rm -m 1m IMAGE true
        run --rm --read-only IMAGE touch /x
        run --rm --name 'bad name' IMAGE
        run --rm -u nobody IMAGE true
        run --rm --stop-signal NOPE IMAGE true
        run --rm -w relative IMAGE true
    """,
    "filters": """
        ps --filter nope=1
        ps --filter status=nope
        ps --filter exited=x
        ps --filter before=nope
        ps -a --filter since=nope
        images --filter nope=1
        images --filter dangling=maybe
        images --filter before=nope
        volume ls --filter nope=1
        network ls --filter nope=1
        system df --format '{{.Type}}'
    """,
    "images": """
        tag IMAGE test/other:1
        images --format '{{.Repository}}:{{.Tag}}'
        images test/other
        images -q test/other
        images --filter reference=test/o*
        images --no-trunc test/other
        images --digests test/other
        image inspect test/other:1 --format '{{.RepoTags}} {{.Config.Cmd}} {{.Os}}'
        run -d --name c1 test/other:1 sleep 1000
        rmi test/other:1
        rmi IMAGE
        tag IMAGE test/again
        rm -f c1
        rmi test/again test/other:2
        tag IMAGE 'Bad/Name'
        tag IMAGE test/x@sha256:0000000000000000000000000000000000000000000000000000000000000000
        image ls --format '{{.Repository}}'
    """,
    "diff-and-sizes": """
        run --name d1 IMAGE sh -c 'echo new > /new; rm /etc/group; echo more >> /etc/passwd'
        diff d1
        rm d1
        container prune -f
        image prune -f
    """,
    "swarm": """
        swarm leave
        node ls
        service ls
        stack ls
        secret ls
        config ls
        plugin ls
    """,
}


def play(cli: DockerCli, line: str) -> Outcome:
    words = [word.replace("IMAGE", IMAGE) for word in shlex.split(line)]
    return cli.run(*words)


@pytest.mark.parametrize("scene", SCENES)
def test_every_command_says_what_docker_says(both: tuple[DockerCli, DockerCli], scene: str) -> None:
    ours, theirs = both
    differences = []
    for line in SCENES[scene].strip().splitlines():
        mine, other = play(ours, line.strip()), play(theirs, line.strip())
        if _comparable(line, mine) != _comparable(line, other):
            differences.append(
                f"docker {line.strip()}\n=== ours: {spoken(str(mine))}\n"
                f"=== docker: {spoken(str(other))}"
            )
    assert not differences, "\n\n".join(differences)


def _comparable(line: str, outcome: Outcome) -> object:
    text = spoken(str(outcome))
    # The order of changes is that of a walk, which is nobody's promise.
    return sorted(text.splitlines()) if line.strip().startswith("diff ") else text
