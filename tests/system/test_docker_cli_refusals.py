"""
What cannot be done is refused by our engine as by a real dockerd: words, and exit codes.

Scenes as in `test_docker_cli_words`. Some of it docker refuses at the start, we at the creation; by
`run --rm` both leave nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.docker_cli import IMAGE
from tests.support.docker_scenes import differences

if TYPE_CHECKING:
    from tests.support.docker_cli import DockerCli

pytestmark = pytest.mark.root

SCENES = {
    "networks": """
        network create -d nope r1
        network create -d a/b:c r1
        network create --ipam-driver nope r1
        network create --subnet nope r1
        network create --subnet 10.1.2.3.4/24 r1
        network create --subnet 10.1.2.0/33 r1
        network create --subnet 10.1.2.0 r1
        network create --subnet 10.55.2.0/24 --gateway nope r1
        network create --subnet 10.55.2.0/24 --gateway 10.9.9.9 r1
        network create --subnet 10.55.2.0/24 --ip-range 10.9.9.0/24 r1
        network create --gateway 10.1.1.1 r1
        network create -o com.docker.network.driver.mtu=nope r1
        network create -o com.docker.network.bridge.enable_icc=maybe r1
        network create -o com.docker.network.bridge.host_binding_ipv4=nope r1
        network create --subnet 10.77.0.0/24 --subnet 10.78.0.0/24 r1
        network create -d host r1
        network create -d null r1
        run --rm --network nope IMAGE true
    """,
    "leaving-networks": """
        network disconnect bridge nope
        network disconnect -f bridge nope
        network disconnect nope nope
        network disconnect -f nope nope
        create --name l1 IMAGE sleep 1000
        network disconnect none l1
        network disconnect -f none l1
        network disconnect nope l1
        network disconnect bridge l1
        network disconnect bridge l1
        start l1
        network disconnect bridge l1
        network disconnect -f bridge l1
        network disconnect nope l1
        network disconnect -f nope l1
        rm -f l1
    """,
    "entering-networks": """
        network create r2
        create --name n1 --network r2 --network-alias al IMAGE sleep 1000
        network connect r2 n1
        inspect n1 --format '{{json .NetworkSettings.Networks.r2.Aliases}}'
        network connect --alias al r2 n1
        network connect r2 nope
        network connect nope nope
        start n1
        network connect r2 n1
        network inspect r2 --format '{{json .IPAM.Options}}'
        network inspect bridge --format '{{json .IPAM.Options}}'
        rm -f n1
        network rm r2
        network create --ipam-opt a=b r2
        network inspect r2 --format '{{json .IPAM.Options}}'
        network rm r2
    """,
    "logs": """
        run --rm --log-driver nope IMAGE true
        run --rm --log-opt max-size=nope IMAGE true
        run --rm --log-opt max-size=-5 IMAGE true
        run --rm --log-opt max-file=nope IMAGE true
        run --rm --log-opt max-file=0 IMAGE true
        run --rm --log-opt bogus=5 IMAGE true
        run --rm --log-opt max-buffer-size=3 IMAGE true
        run --rm --log-opt mode=non-blocking --log-opt max-buffer-size=x IMAGE true
        run --rm --log-opt compress=maybe IMAGE true
        run --name g1 --log-driver none --log-opt max-size=3 IMAGE true
        logs g1
        rm g1
    """,
    "devices-and-mounts": """
        create --name d1 --device /dev/nothing IMAGE true
        start d1
        rm d1
        run --rm --device /dev/nothing IMAGE true
        run --rm --device /etc/passwd IMAGE true
        run --rm --device /dev/null:/dev/x:bad IMAGE true
        run --rm -v /etc:/t:rslave IMAGE true
        run --rm -v /etc:/t:rshared IMAGE true
        run --rm -v /etc:/t:shared,rslave IMAGE true
        run --rm --mount type=bind,src=/etc,dst=/t,bind-propagation=rslave IMAGE true
        run --rm -v /proc:/t:slave IMAGE true
    """,
    "limits": """
        run --rm --ulimit nofile=200:100 IMAGE true
        run --rm --ulimit nope=200 IMAGE true
        run --rm --ulimit nofile=nope IMAGE true
    """,
    "wrong-options": """
        create --restart bogus IMAGE
        create --restart on-failure:-1 IMAGE
        run --rm --cpuset-cpus 0- IMAGE true
        run --rm --cpu-period 1 IMAGE true
        run --rm --cpu-shares 1 IMAGE true
        run --rm --oom-score-adj 2000 IMAGE true
        run --rm --pids-limit -5 IMAGE true
        run --rm --security-opt bogus=x IMAGE true
        run --rm --security-opt no-new-privileges:maybe IMAGE true
        run --rm --group-add bogus IMAGE true
        run --rm -u 1:bogus IMAGE true
        run --rm --ip bogus IMAGE true
        run --rm --isolation bogus IMAGE true
        run --rm --device-read-bps /dev/nope:1mb IMAGE true
        run --rm -v /etc/passwd:/bin IMAGE true
        run --rm -v /etc:/etc/passwd IMAGE true
        run --rm --tmpfs /x:bogus IMAGE true
        run --rm --mount type=bind,dst=/etc IMAGE true
        volume create -o type=bogus o1
        volume create -o device=/nope o1
    """,
    "joining-who-does-not-run": """
        create --name j1 IMAGE true
        run --rm --ipc bogus IMAGE true
        run --rm --ipc container:j1 IMAGE true
        run --rm --pid container:j1 IMAGE true
        run --rm --network container:j1 IMAGE true
        run --rm --network container: IMAGE true
        run --rm --network container:nope IMAGE true
        rm j1
    """,
    "wrong-words-about-who-runs": """
        run -d --name w1 IMAGE sleep 1000
        kill -s 99 w1
        kill -s BOGUS w1
        rm -l nope
        rm -l w1
        stop -t 0 w1
        rm -l w1
        start w1
        pause w1
        start w1
        stop -t 0 w1
        start w1
        top w1 -bogus
        top w1 -o bogus
        ps --filter publish=bogus
        update --restart bogus w1
        update --cpuset-cpus bogus w1
        update --pids-limit -5 w1
        commit -c 'RUN x' w1
        commit -c 'BOGUS x' w1
        ps -a --filter name=w1 --format '{{.Names}}'
        rm -f w1
    """,
    "the-place-of-what-is-mounted": """
        run --name m1 IMAGE sh -c 'wc -l < /etc/mtab > /dev/null; ls /etc'
        diff m1
        commit m1 test/m1
        history test/m1 --format '{{.Size}}'
        rm m1
        rmi test/m1
    """,
}


@pytest.mark.parametrize("scene", SCENES)
def test_what_cannot_be_done_is_refused_alike(
    both: tuple[DockerCli, DockerCli], scene: str
) -> None:
    assert differences(both, SCENES[scene]) == ""


def test_a_volume_of_what_is_not_there_names_it(both: tuple[DockerCli, DockerCli]) -> None:
    codes = []
    for cli in both:
        options = ("-o", "type=none", "-o", "o=bind", "-o", "device=/nope")
        cli.ok("volume", "create", *options, "nowhere")
        outcome = cli.run("run", "--rm", "-v", "nowhere:/x", IMAGE, "true")
        cli.ok("volume", "rm", "nowhere")
        codes.append(outcome.code)
        # Docker tells the flags of the mount too.
        assert "failed to mount local volume: mount /nope:/" in outcome.err
        assert "no such file or directory" in outcome.err

    assert codes == [127, 127]
