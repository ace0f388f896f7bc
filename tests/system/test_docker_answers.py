"""The same requests, answered by a real dockerd and by us: what differs in the JSON says why."""

from __future__ import annotations

import http.client
import json
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from engine.dockerapi.host_config import LISTS
from tests.support.docker_cli import IMAGE, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.docker_cli import DockerCli

pytestmark = pytest.mark.root

# Of that version the dockerd of Debian 12 is.
VERSION = "/v1.41"
SLEEP = {"Image": IMAGE, "Cmd": ["sleep", "1000"]}
_MAPS = ("LogConfig", "RestartPolicy", "StorageOpt", "Sysctls", "Tmpfs")
EMPTY_HOST: dict[str, Any] = {name: kind() for name, kind in LISTS.items()}
EMPTY_HOST |= {"Links": [], "Mounts": []} | {each: {} for each in _MAPS}
EMPTY = {"Env": [], "Labels": {}, "Volumes": {}, "ExposedPorts": {}, "Entrypoint": []}
FULL_HOST = {
    "Binds": ["ans-a:/a", "ans-r:/r:ro", "ans-n:/n:nocopy", "/etc:/e:ro"],
    "Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/m"}],
    "Dns": ["1.1.1.1"],
    "DnsSearch": ["example.org"],
    "ExtraHosts": ["a:1.2.3.4"],
    "CapAdd": ["NET_ADMIN"],
    "CapDrop": ["CHOWN"],
    "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}],
    "SecurityOpt": ["no-new-privileges"],
    "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
    "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2},
    "Tmpfs": {"/x": "size=1m"},
    "Sysctls": {"net.core.somaxconn": "9"},
    "Memory": 67108864,
    "NanoCpus": 500000000,
    "PidsLimit": 50,
    "Init": True,
    "ReadonlyRootfs": True,
    "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]},
}
FULL = {
    "Env": ["A=b"],
    "Labels": {"l": "m"},
    "Volumes": {"/v": {}},
    "ExposedPorts": {"80/tcp": {}},
    "StopSignal": "SIGINT",
    "StopTimeout": 3,
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 3600000000000},
}
TERMINAL = {
    **SLEEP,
    **dict.fromkeys(("OpenStdin", "StdinOnce", "Tty", "AttachStdin", "AttachStdout"), True),
    "HostConfig": {"AutoRemove": True, "NetworkMode": "none", "LogConfig": {"Type": "none"}},
}
UNLIMITED = {
    **SLEEP,
    "HostConfig": {
        "PidsLimit": -1,
        "Memory": 67108864,
        "MemorySwap": -1,
        "Binds": ["/etc:/s:rslave"],
    },
}
NULLS = {**SLEEP, **dict.fromkeys(EMPTY), "HostConfig": dict.fromkeys(EMPTY_HOST)}
RUN = "/containers/ans-run"

Request = tuple[str, str, Any]
CORPUS: list[Request] = [
    ("GET", "/_ping", None),
    ("GET", "/version", None),
    ("GET", "/info", None),
    ("GET", "/v1.24/info", None),
    ("GET", "/v1.24/networks/host", None),
    ("GET", "/containers/json", None),
    ("GET", "/volumes", None),
    ("GET", "/networks", None),
    ("GET", "/networks/host", None),
    *(
        request
        for name, body in (
            ("min", {"Image": IMAGE}),
            ("run", {**SLEEP, "HostConfig": {}}),
            ("nulls", NULLS),
            ("empties", {**SLEEP, **EMPTY, "HostConfig": EMPTY_HOST}),
            ("full", {**SLEEP, **FULL, "HostConfig": FULL_HOST}),
            ("unlimited", UNLIMITED),
            ("terminal", TERMINAL),
        )
        for request in (
            ("POST", f"/containers/create?name=ans-{name}", body),
            ("GET", f"/containers/ans-{name}/json", None),
        )
    ),
    ("POST", f"{RUN}/start", None),
    ("POST", "/containers/ans-full/start", None),
    ("GET", f"{RUN}/json", None),
    ("GET", "/containers/ans-full/json?size=1", None),
    ("GET", "/containers/json", None),
    ("GET", "/containers/json?all=1&size=1", None),
    ("GET", f"{RUN}/stats?stream=0&one-shot=1", None),
    ("GET", "/containers/ans-min/stats?stream=0", None),
    ("GET", f"/v1.24{RUN}/stats?stream=0&one-shot=1", None),
    ("GET", f"{RUN}/top", None),
    ("GET", "/containers/ans-min/top", None),
    ("GET", f"{RUN}/changes", None),
    ("GET", f"{RUN}/archive?path=/nope", None),
    # --- Commands in them -----------------------------------------------------------------------
    ("POST", f"{RUN}/exec", {"Cmd": ["sleep", "999"], "AttachStdout": True, "Env": ["A=b"]}),
    ("GET", "/exec/ID/json", None),
    ("GET", f"/v1.24{RUN}/json", None),
    ("POST", "/exec/ID/start", {"Detach": True}),
    ("POST", "/exec/ID/start", {"Detach": True}),
    ("POST", f"{RUN}/exec", {"Cmd": ["pwd"], "WorkingDir": "relative", "AttachStdout": True}),
    ("POST", "/exec/ID/start", {"Detach": True}),
    ("GET", "/exec/ID/json", None),
    ("POST", f"{RUN}/exec", {"Cmd": ["nope"]}),
    ("POST", "/exec/ID/start", {"Detach": True}),
    ("POST", f"{RUN}/exec", {"Cmd": []}),
    ("POST", f"{RUN}/exec", {}),
    ("POST", "/containers/ans-min/exec", {"Cmd": ["true"]}),
    ("POST", "/exec/nope/start", {}),
    ("GET", "/exec/nope/json", None),
    # --- Changes of them ------------------------------------------------------------------------
    ("POST", f"{RUN}/pause", None),
    ("POST", f"{RUN}/pause", None),
    ("GET", f"{RUN}/json", None),
    ("POST", f"{RUN}/unpause", None),
    ("POST", f"{RUN}/update", {"CpuShares": 512}),
    ("POST", f"{RUN}/rename?name=ans-full", None),
    ("POST", f"{RUN}/rename?name=ans-run", None),
    ("POST", f"{RUN}/kill?signal=NOPE", None),
    ("POST", "/containers/ans-min/kill", None),
    ("POST", "/containers/ans-min/stop", None),
    ("POST", f"{RUN}/start", None),
    ("DELETE", RUN, None),
    ("POST", "/commit?container=ans-run&repo=ans-made&comment=hi&author=me&pause=0", {}),
    ("GET", "/images/ans-made/json", None),
    ("GET", "/images/ans-made/history", None),
    ("DELETE", "/images/ans-made", None),
    ("POST", f"{RUN}/stop?t=0", None),
    ("POST", f"{RUN}/wait", None),
    ("GET", f"{RUN}/json", None),
    # --- Creations that are refused -------------------------------------------------------------
    ("POST", "/containers/create", {}),
    ("POST", "/containers/create", {"Image": "ans-nope"}),
    ("POST", "/containers/create?name=ans-min", {"Image": IMAGE}),
    ("POST", "/containers/create?name=-bad", {"Image": IMAGE}),
    ("POST", "/containers/create", {"Image": IMAGE, "Env": ["=x"]}),
    ("POST", "/containers/create", {"Image": IMAGE, "HostConfig": {"Memory": 1000}}),
    ("POST", "/containers/create", {"Image": IMAGE, "WorkingDir": "relative"}),
    ("POST", "/containers/create", {"Image": IMAGE, "StopSignal": "NOPE"}),
    ("POST", "/containers/create", {"Image": IMAGE, "HostConfig": {"Binds": ["x"]}}),
    ("POST", "/containers/create", {"Image": IMAGE, "HostConfig": {"Binds": ["/a:b"]}}),
    (
        "POST",
        "/containers/create",
        {"Image": IMAGE, "HostConfig": {"Mounts": [{"Type": "x", "Target": "/x"}]}},
    ),
    # --- Images ---------------------------------------------------------------------------------
    ("GET", "/images/json", None),
    ("GET", f"/images/{IMAGE}/json", None),
    ("GET", f"/images/{IMAGE}/history", None),
    ("POST", f"/images/{IMAGE}/tag?repo=ans-foo&tag=bar", None),
    ("DELETE", "/images/ans-foo:bar", None),
    ("DELETE", f"/images/{IMAGE}", None),
    ("GET", "/images/nope/json", None),
    ("DELETE", "/images/nope", None),
    ("GET", '/images/json?filters={"bogus":["x"]}', None),
    ("GET", "/images/json?filter=nope", None),
    ("GET", "/v1.40/images/json?filter=nope", None),
    # --- Volumes --------------------------------------------------------------------------------
    ("POST", "/volumes/create", {"Name": "ans-vol", "Labels": {"a": "b"}}),
    ("GET", "/volumes/ans-vol", None),
    ("POST", "/volumes/create", {"Name": "ans-vol2"}),
    ("POST", "/volumes/create", {"Name": "b@d/x"}),
    ("POST", "/volumes/create", {"Name": "ans-x", "DriverOpts": {"bogus": "1"}}),
    ("GET", "/volumes/nope", None),
    ("DELETE", "/volumes/ans-a", None),
    # --- Networks -------------------------------------------------------------------------------
    ("POST", "/networks/create", {"Name": "ans-net", "Labels": {"a": "b"}}),
    ("POST", "/networks/create", {"Name": "ans-net", "CheckDuplicate": True}),
    ("POST", f"{RUN}/start", None),
    ("POST", "/networks/ans-net/connect", {"Container": "ans-run"}),
    ("POST", "/networks/ans-net/connect", {"Container": "ans-run"}),
    ("GET", "/networks/ans-net", None),
    ("GET", f"{RUN}/json", None),
    ("DELETE", "/networks/ans-net", None),
    ("POST", "/networks/ans-net/disconnect", {"Container": "ans-run"}),
    ("DELETE", "/networks/ans-net", None),
    ("GET", "/networks/nope", None),
    ("DELETE", "/networks/bridge", None),
    # --- Errors in what is asked ----------------------------------------------------------------
    ("GET", "/nope", None),
    ("PUT", "/containers/json", None),
    ("GET", '/containers/json?filters={"bogus":["x"]}', None),
    ("GET", '/containers/json?filters={"status":["x"]}', None),
    ("GET", f"{RUN}/logs", None),
    ("GET", "/containers/nope/json", None),
    ("GET", "/containers/nope/logs?stdout=1", None),
    ("GET", "/swarm", None),
    # --- The end --------------------------------------------------------------------------------
    ("GET", "/system/df", None),
    ("DELETE", f"{RUN}?force=1&v=1", None),
    ("DELETE", "/containers/ans-full?force=1&v=1", None),
    ("POST", '/containers/prune?filters={"label":["l"]}', None),
    ("POST", '/volumes/prune?filters={"label":["a"]}', None),
    ("GET", "/containers/json?all=1", None),
]

# What differs, as `METHOD target path`, and why.
REASONS: dict[str, str] = {
    # --- Which engine it is ---------------------------------------------------------------------
    r"GET /version \.": "another engine, of another version",
    r"/info \.\.(\w*Version|\w+Commit\b|ID$|InitBinary|NGoroutines)": "as above",
    r"/info \.\.SecurityOptions": "newer dockerds call the profile so",
    r"/info \.\.(Driver|DriverStatus\S*|DockerRootDir|Runtimes\S*|Plugins\S*)$": "as above",
    r"\.GraphDriver\.|json(\?size=1)? \.\.Driver$": "layers are stacked in our own way",
    r"\.DockerVersion$": "another engine built it",
    r"\.(HostnamePath|HostsPath|ResolvConfPath|LogPath)$": "our own root, from the creation on",
    # --- What it can ----------------------------------------------------------------------------
    r"/info \.\.(CDISpecDirs|Containerd$)": "of newer versions",
    r"\.KernelMemory(TCP)?$": "gone since API 1.42",
    r"/info \.\.BridgeNfIp6?tables": "rules of nftables see bridges by themselves",
    r"/info \.\.LiveRestoreEnabled": "no process of ours is what containers depend on",
    r"GET /networks \.\[\d+\]\.(Options|IPAM)": "the default bridge needs no words",
    r"\.HostConfig\.MaskedPaths\[": "newer dockerds hide more, and so do we",
    r"\.HostConfig\.CgroupnsMode$": "each container sees its own control groups only",
    r"\.pids_stats\.limit$": "no limit is the largest number, since API 1.42",
    r"\.memory_stats\.stats\.": "all that the kernel tells",
    # --- Defaults that newer dockerds write out ---------------------------------------------------
    r"\.HostConfig\.NetworkMode$": "newer dockerds say which network is the default one",
    r"\.HostConfig\.RestartPolicy\.Name$": "newer dockerds say no for none",
    r"\.HostConfig\.Runtime$": "told always, not only where a HostConfig was sent",
    r"\.RepoDigests$|\.BuildCache$": "an empty list in newer dockerds",
    r"POST /containers/create \.status$": "500 became 400 in newer dockerds",
    r"\.Labels(\.com\.docker\.volume\.anonymous)?$": "newer dockerds mark anonymous volumes",
    # --- What is known, and when ----------------------------------------------------------------
    r"\.Networks\.\w+\.NetworkID$": "known from the creation on",
    r"\.SizeRw$": "what the writable layer occupies, directories too; docker leaves out 0",
    r"\.NetworkSettings\.SandboxID$": "that of one that has stopped is gone",
    r"made/json \.\.(Container|ContainerConfig\S*|Config\.(Image|Labels))$": "gone in newer ones",
    r"made/(json \.\.Parent|history \.\[1\])|\.ParentId$": "lineage is of layers",
}
UNTOLD = "<not there>"


@pytest.fixture(scope="module")
def answers(both: tuple[DockerCli, DockerCli]) -> Iterator[list[list[Answer]]]:
    yield [_played(cli.socket) for cli in both]
    for cli in both:
        cli.run("rm", "-fv", *cli.ok("ps", "-aq", "--filter", "name=ans-").split())
        cli.run("volume", "rm", "ans-a", "ans-r", "ans-n", "ans-vol", "ans-vol2")


Answer = tuple[int, Any]


def _played(path: Path) -> list[Answer]:
    answers: list[Answer] = []
    exec_id = ""
    for method, target, body in CORPUS:
        status, content = _ask(path, method, target.replace("ID", exec_id), body)
        if target.endswith("/exec") and status == 201:
            exec_id = content["Id"]
        answers.append((status, content))
    return answers


def _ask(path: Path, method: str, target: str, body: Any) -> Answer:
    connection = http.client.HTTPConnection("docker", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    connection.sock.connect(str(path))
    try:
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        version = "" if target.startswith("/v1.") else VERSION
        connection.request(method, version + quote(target, safe="/?&=:@"), content, headers)
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    is_json = response.headers.get_content_type() == "application/json"
    return response.status, json.loads(answer) if is_json and answer.strip() else answer.decode()


def differences(ours: list[Answer], theirs: list[Answer]) -> dict[str, str]:
    """Return what is not the same, by request and path."""
    found: dict[str, str] = {}
    for (method, target, _), mine, other in zip(CORPUS, ours, theirs, strict=True):
        left, right = ({"status": each[0], "": each[1]} for each in (mine, other))
        parts = _flat(left), _flat(right)
        for path in sorted(parts[0].keys() | parts[1].keys()):
            values = [each.get(path, UNTOLD) for each in parts]
            if values[0] != values[1]:
                found.setdefault(f"{method} {target} {path}", f"{values[0]!r} | {values[1]!r}")
    return found


# Of what these hold only the kind is compared.
VARYING = re.compile(
    r"\.(Created|Pid|Size|SizeRw|SizeRootFs|VirtualSize|LayersSize|SpaceReclaimed|SharedSize|"
    r"\w*usage|usage_in_\w+|pg\w+|total_pg\w+|[rt]x_\w+|Containers|IPAddress|MacAddress|"
    r"Source|Mountpoint|SandboxKey|inactive_\w+|SystemTime|NFd|value|PID|PPID|Subnet|Gateway|Processes|"
    r"IPv4Address|Hostname)\b"
)


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {
            found: each
            for key in value
            for found, each in _flat(value[key], f"{path}.{spoken(key)}").items()
        }
    if isinstance(value, list) and value and not path.endswith("_recursive"):
        return {
            found: each
            for number, part in enumerate(sorted(value, key=_order))
            for found, each in _flat(part, f"{path}[{number}]").items()
        }
    if VARYING.search(path) or (path.endswith("_recursive") and isinstance(value, list)):
        return {path: type(value).__name__}
    return {path: spoken(value) if isinstance(value, str) else value}


def _order(value: Any) -> str:
    """Return where in a list *value* stands, whatever order it came in."""
    if isinstance(value, dict):
        names = ("Destination", "Name", "Names", "Type")
        return spoken(str([value.get(each) for each in names]))
    return str(value)


def test_no_answer_differs_without_a_reason(answers: list[list[Answer]]) -> None:
    found = differences(*answers)
    unexplained = {
        place: values
        for place, values in found.items()
        if not any(re.search(each, place) for each in REASONS)
    }

    assert unexplained == {}


def test_no_reason_has_nothing_to_explain(answers: list[list[Answer]]) -> None:
    found = differences(*answers)

    assert [each for each in REASONS if not any(re.search(each, place) for place in found)] == []
