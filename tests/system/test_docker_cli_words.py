"""
The `docker` command says the same of our engine as of a real dockerd: words, columns, exit codes.

Each scene is played to both, command by command. What differs from run to run is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.docker_scenes import differences

if TYPE_CHECKING:
    from tests.support.docker_cli import DockerCli

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
    "of-another-platform": """
        create --pull never --platform linux/arm64 IMAGE
        create --pull never --platform linux/amd64 --name p1 IMAGE
        rm p1
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
    "what-the-image-says": """
        create --name m0 IMAGE
        commit -c 'ENV A=b C=d' -c 'LABEL x=y own=no' -c 'EXPOSE 80' -c 'VOLUME /data' m0 test/says
        commit -c 'WORKDIR /work' -c 'USER 1:1' m0 test/more
        rm m0
        create --name m1 --label own=yes -e A=own -p 81:81 test/says sleep 5
        inspect m1 --format '{{.Config.Env}} {{.Config.Labels}} {{.Config.ExposedPorts}}'
        inspect m1 --format '{{.Config.Volumes}} {{.Config.Cmd}} {{json .Config.Entrypoint}}'
        ps -a --filter label=x --format '{{.Names}} {{.Labels}}'
        ps -a --filter label=own=no --format '{{.Names}}'
        create --name m2 --entrypoint '' test/more true
        inspect m2 --format '{{.Config.WorkingDir}} {{.Config.User}}'
        inspect m2 --format '{{json .Config.Entrypoint}} {{.Config.Cmd}} {{.Config.Healthcheck}}'
        create --name m3 --health-cmd true test/says
        commit m3 test/checked
        image inspect test/checked --format '{{.Config.Healthcheck.Test}} {{.Config.Env}}'
        commit m2 test/bare
        image inspect test/bare --format '{{json .Config.Entrypoint}} {{.Config.Cmd}}'
        rm m2 m3
        ps -aq --filter exited=0
        container prune -f --filter label=x
        rmi test/checked
        rmi test/bare
        rmi test/more
        volume prune -f
    """,
    "filters": """
        ps -a --filter health=nope
        ps -a --filter id=
        ps -a --filter name=nothing --filter health=none
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
    "networks": """
        network ls
        network create n1
        network create n1
        network create --subnet 10.215.0.0/24 --gateway 10.215.0.9 --label a=b n2
        network ls --filter label=a=b
        network ls --filter driver=bridge --format '{{.Name}} {{.Driver}} {{.Scope}}'
        network ls -q --filter name=nothing
        network inspect nope
        network inspect n2 --format '{{json .IPAM.Config}} {{.Labels}} {{.Internal}}'
        run -d --name e1 --network n2 --ip 10.215.0.20 IMAGE sleep 1000
        inspect e1 --format '{{(index .NetworkSettings.Networks "n2").IPAddress}}'
        ps --filter network=n2 --format '{{.Names}} {{.Networks}}'
        network rm n2
        network connect n1 e1
        network connect n1 e1
        network connect nope e1
        network disconnect n1 e1
        network disconnect n1 e1
        rm -f e1
        network rm n1 n2
        network rm n1
        network rm bridge
        network prune -f
        run --rm --network nope IMAGE true
        run --rm --network host IMAGE true
        run --rm --network none IMAGE true
    """,
    "network-refusals": """
        network create default
        network create --subnet 10.216.0.0/24 m1
        network create --subnet 10.216.0.0/25 m2
        run --rm --network m1 --ip 10.99.0.5 IMAGE true
        run --rm --network m1 --ip 10.216.0.1 IMAGE true
        run --rm --ip 10.216.0.5 IMAGE true
        run --rm --network none --ip 10.216.0.5 IMAGE true
        run --rm --network host --ip 10.216.0.5 IMAGE true
        run -d --name g1 --network m1 IMAGE sleep 1000
        network connect host g1
        network connect none g1
        network disconnect m1 g1
        inspect g1 --format '{{len .NetworkSettings.Networks}}'
        network connect m1 g1
        inspect g1 --format '{{len .NetworkSettings.Networks}}'
        rm -f g1
        network rm m1
        network inspect bridge --format '{{len .Options}}'
        network inspect bridge --format '{{index .Options "com.docker.network.driver.mtu"}}'
        create --name g2 --network host IMAGE true
        create --name g3 --network none IMAGE true
        inspect g2 g3 --format '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}'
        run --rm -v v9:/w:ro,rw IMAGE true
        run --rm --log-opt mode=bad IMAGE true
    """,
    "volumes": """
        volume ls
        volume create v1
        volume create --label a=b v2
        volume create 'bad/name'
        volume ls
        volume ls -q --filter label=a
        volume ls -q --filter dangling=true
        volume inspect v2 --format '{{.Name}} {{.Driver}} {{.Labels}} {{.Scope}} {{.Options}}'
        run -d --name f1 -v v1:/data IMAGE sleep 1000
        ps --filter volume=v1 --format '{{.Names}} {{.Mounts}}'
        inspect f1 --format '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.RW}}{{end}}'
        run --rm -v v1:/data IMAGE sh -c 'echo kept > /data/file'
        run --rm -v v1:/data:ro IMAGE cat /data/file
        run --rm -v v1:/data:ro IMAGE touch /data/other
        run --rm --mount type=volume,src=v1,dst=/there IMAGE cat /there/file
        run --rm --mount type=bind,src=/nope/nothing,dst=/there IMAGE true
        run --rm -v relative/path:/x IMAGE true
        run --rm --tmpfs /t IMAGE sh -c 'echo x > /t/file; cat /t/file'
        volume rm v1
        rm -f f1
        volume rm v1 v2
        volume rm v1
        volume rm -f v1
        volume prune -f
    """,
    "more": """
        run -d --name g1 -p 127.0.0.1:18080:80 --label seen IMAGE sleep 1000
        port g1
        port g1 80
        port g1 81
        ps --filter publish=18080 --format '{{.Names}} {{.Ports}}'
        ps --filter expose=80 --format '{{.Names}}'
        ps --filter label=seen --format '{{.Names}}'
        ps --filter status=running --format '{{.Names}}'
        ps -n 1 --format '{{.Names}}'
        ps -l --format '{{.Names}} {{.LocalVolumes}}'
        inspect g1 --format '{{.State.Status}} {{.HostConfig.PortBindings}} {{.Config.Labels}}'
        inspect --type image g1
        inspect g1 --format '{{.Nope}}'
        update --restart always g1
        inspect g1 --format '{{.HostConfig.RestartPolicy.Name}}'
        update -m 1m g1
        cp g1:/etc/passwd -q
        cp g1:/nope /tmp/x
        cp /etc/hostname g1:/nope/deep/er
        commit g1 test/committed
        history test/committed --format '{{.CreatedBy}} {{.Comment}}'
        rmi test/committed
        rm -f g1
        system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'
        info --format '{{.OSType}} {{.Swarm.LocalNodeState}} {{.LoggingDriver}}'
        version --format '{{.Server.Os}} {{.Server.Arch}}'
        system prune -f
    """,
    "finer-points": """
        run --rm IMAGE ls -a /
        run --name e0 IMAGE true
        diff e0
        ps -as --filter name=e0 --format '{{.Size}}'
        commit e0 test/e0
        rm e0
        run -d --name b1 IMAGE sleep 1000
        run --rm --link b1:alias IMAGE sh -c 'head -n 8 /etc/hosts | tail -n 2 | cut -f 2'
        run --rm --memory 64m --memory-swap 32m IMAGE true
        run --rm --network container:b1 -p 80:80 IMAGE true
        run --rm --network container:b1 --dns 1.2.3.4 IMAGE true
        run --rm --network container:b1 --add-host a:1.2.3.4 IMAGE true
        run --rm --network container:b1 --expose 80 IMAGE true
        run --rm --network host -p 80:80 IMAGE true
        run --rm --tmpfs /x:size=bad IMAGE true
        run --rm -v x:/data:bad IMAGE true
        run --rm --mount type=tmpfs,src=/x,dst=/x IMAGE true
        volume create a
        volume create --opt bad=1 uu
        network create bridge
        network create --driver overlay n
        network create --scope swarm n
        network create --config-from nope n
        system prune -f --filter label=keepme
        builder prune -f --filter label=x
        image prune -f --filter until=bad
        rename b1 'b@d'
        exec -u nope b1 true
        exec -w /nope b1 true
        exec -w relative b1 true
        exec -d -w relative b1 true
        exec --detach-keys bad b1 true
        rm -f b1
        run --name b3 --log-opt labels=x,z --label x=y --log-opt env=A -e 'A=1 2' IMAGE echo hi
        logs --details b3
        rm b3
        run --name b4 IMAGE echo hi
        logs --details b4
        rm b4
        rmi test/e0
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


@pytest.mark.parametrize("scene", SCENES)
def test_every_command_says_what_docker_says(both: tuple[DockerCli, DockerCli], scene: str) -> None:
    assert differences(both, SCENES[scene]) == ""
