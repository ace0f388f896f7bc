"""
A year of a team's work: containers running and stopped, untagged images, jobs of every kind.

Deterministic, so that two looks at it are alike. Sizes add up: layers are shared as real images
share them, and each image's sizes follow from its layers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from dashboard.models import (
    AuditEntry,
    Container,
    Host,
    Image,
    ImageLayer,
    Job,
    JobLogLine,
    Layer,
    Network,
    RegistryCredential,
    Role,
    Tag,
    User,
    Volume,
)
from dashboard.services import refresh_counts

MB = 10**6
GB = 10**9
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Mess:
    """What was made, by what tests ask for."""

    users: dict[str, User]
    hosts: dict[str, Host]


def hex_id(*words: object) -> str:
    """Return 64 digits that these words always give."""
    return hashlib.sha256("/".join(map(str, words)).encode()).hexdigest()


def make_mess() -> Mess:
    """Fill the database with two hosts, one of them offline, and what a team leaves on them."""
    users = {
        "ada": make_person("ada", Role.ADMIN),
        "mia": make_person("mia", Role.MAINTAINER),
        "otto": make_person("otto", Role.OPERATOR),
        "vera": make_person("vera", Role.VIEWER),
    }
    hosts = {
        "harbour": make_host("harbour"),
        "lighthouse": make_host("lighthouse", is_online=False),
    }
    for host in hosts.values():
        _make_images(host)
        _make_containers(host)
        _make_networks(host)
        _make_volumes(host)
        _make_disk(host)
    RegistryCredential.objects.create(
        registry="registry.example.org", username="robot", created_by=users["ada"]
    )
    _make_jobs(hosts["harbour"], users)
    return Mess(users, hosts)


def make_person(name: str, role: Role) -> User:
    """Return an account with the password `PASSWORD`."""
    return User.objects.create_user(name, f"{name}@example.org", PASSWORD, role=role)


def make_host(name: str, *, is_online: bool = True) -> Host:
    """Return a host with the facts that an agent reports."""
    now = timezone.now()
    return Host.objects.create(
        name=name,
        last_seen_at=now if is_online else now - timedelta(hours=5),
        cpu_percent=18.4 if is_online else None,
        memory_used=int(9.7 * 2**30),
        memory_total=24 * 2**30,
        facts={
            "os": "Debian GNU/Linux 12 (bookworm)",
            "kernel_version": "6.1.0-28-amd64",
            "runtime": "runc 1.1.5",
            "storage_driver": "overlay",
            "cgroup_layout": "v2 (unified)",
            "cpus": 8,
            "engine_version": "0.1.0",
        },
    )


def make_layers(host: Host, sizes: dict[str, int]) -> list[Layer]:
    """Return the layers of these names and bytes on *host*, the same ones each time."""
    wanted = [
        Layer(
            host=host,
            chain_id="sha256:" + hex_id("layer", name),
            diff_id="sha256:" + hex_id("diff", name),
            digest="sha256:" + hex_id("blob", name),
            media_type="application/vnd.oci.image.layer.v1.tar+gzip",
            size=size,
            compressed_size=size * 2 // 5,
        )
        for name, size in sizes.items()
    ]
    Layer.objects.bulk_create(wanted, ignore_conflicts=True)
    ids = [layer.chain_id for layer in wanted]
    known = {each.chain_id: each for each in Layer.objects.filter(host=host, chain_id__in=ids)}
    return [known[each] for each in ids]


def make_image(
    host: Host,
    name: str,
    layers: dict[str, int],
    *,
    tags: tuple[str, ...] = (),
    age: timedelta = timedelta(days=3),
    owner: str = "otto",
    story: str = "",
) -> Image:
    """Return an image of these layers (name to bytes, lowest first) with these canonical tags."""
    now = timezone.now()
    image = Image.objects.create(
        host=host,
        image_id="sha256:" + hex_id("image", host.name, name),
        manifest_digest="sha256:" + hex_id("manifest", name),
        config=_config(layers),
        history=_history(layers, now - age),
        created_at=now - age,
        added_at=now - age + timedelta(hours=2),
        added_by=owner,
        source=f"docker.io/library/{name}",
        is_dangling=not tags,
        story=story,
    )
    ImageLayer.objects.bulk_create(
        ImageLayer(image=image, layer=layer, position=position)
        for position, layer in enumerate(make_layers(host, layers))
    )
    for reference in tags:
        repository, _, tag = reference.rpartition(":")
        Tag.objects.create(
            host=host,
            image=image,
            reference=reference,
            repository=repository.removeprefix("docker.io/").removeprefix("library/"),
            tag=tag,
            since=image.added_at,
        )
    return image


def make_container(host: Host, name: str, image: Image | None, **values: Any) -> Container:
    """Return a running container, unless *values* say otherwise."""
    now = timezone.now()
    size = values.pop("size", 12_400)
    return Container.objects.create(
        **{
            "host": host,
            "container_id": hex_id("container", host.name, name),
            "name": name,
            "image": image,
            "image_digest": image.image_id if image else "",
            "image_reference": _reference(image),
            "command": "nginx -g 'daemon off;'",
            "state": "running",
            "pid": 4711,
            "created_at": now - timedelta(hours=26),
            "started_at": now - timedelta(hours=26),
            "owner": "otto",
            "settings": {"image": _reference(image), "env": ["TZ=UTC"]},
            "size": size,
            "virtual_size": (size or 0) + (image.size if image else 0),
            "size_measured_at": now - timedelta(seconds=40),
            **values,
        }
    )


def make_job(host: Host, user: User, title: str, *, ago: timedelta, **values: Any) -> Job:
    """Return a job that was asked for *ago*; succeeded unless *values* say otherwise."""
    asked = timezone.now() - ago
    job = Job.objects.create(
        **{
            "name": "containers.stop",
            "title": title,
            "host": host,
            "requested_by": user,
            "state": "succeeded",
            "dedupe_key": hex_id("job", title, ago),
            "started_at": asked,
            "finished_at": asked + timedelta(seconds=2.4),
            **values,
        }
    )
    Job.objects.filter(pk=job.pk).update(created_at=asked)
    job.created_at = asked
    entry = AuditEntry.objects.create(
        user=user,
        actor=user.username,
        address="10.20.0.7",
        action=job.name,
        host_name=host.name,
        object_kind=job.object_kind,
        object_id=job.object_id,
        summary=title,
        job=job,
        outcome="requested" if job.is_active else job.state,
    )
    AuditEntry.objects.filter(pk=entry.pk).update(at=asked)
    return job


def measure_images(host: Host) -> None:
    """Write the sizes that follow from the layers into the images of *host*."""
    holders: dict[int, int] = {}
    for layer_id in ImageLayer.objects.filter(image__host=host).values_list("layer_id", flat=True):
        holders[layer_id] = holders.get(layer_id, 0) + 1
    measured = list(Image.objects.filter(host=host).prefetch_related("layers", "containers"))
    for image in measured:
        layers = list(image.layers.all())
        image.size = sum(layer.size for layer in layers)
        image.shared_size = sum(layer.size for layer in layers if holders[layer.pk] > 1)
        image.unique_size = image.size - image.shared_size
        image.container_count = len(image.containers.all())
        image.last_used_at = image.added_at
    told = ("size", "shared_size", "unique_size", "container_count", "last_used_at")
    Image.objects.bulk_update(measured, told)


DEBIAN = {"debian": 117 * MB}
PYTHON = {**DEBIAN, "python": 54 * MB, "pip": 13 * MB}
NODE = {**DEBIAN, "node": 162 * MB}


def _make_images(host: Host) -> None:
    hub, own = "docker.io/library/", "registry.example.org/team/"
    make_image(
        host, "alpine", {"alpine": 8 * MB}, tags=(f"{hub}alpine:3.20", f"{hub}alpine:latest")
    )
    make_image(host, "debian", DEBIAN, tags=(f"{hub}debian:bookworm",), age=timedelta(days=40))
    make_image(host, "nginx", {**DEBIAN, "nginx": 71 * MB}, tags=(f"{hub}nginx:1.27",), owner="ada")
    make_image(host, "postgres", {**DEBIAN, "pg": 318 * MB}, tags=(f"{hub}postgres:16",))
    make_image(
        host,
        "web",
        {**PYTHON, "web-deps": 212 * MB, "web-187": 9 * MB},
        tags=(f"{own}web:latest", f"{own}web:187"),
        age=timedelta(hours=5),
    )
    make_image(host, "ui", {**NODE, "ui-44": 96 * MB}, tags=(f"{own}ui:44",), owner="ada")
    for build in range(173, 187):
        age = timedelta(days=187 - build, hours=3)
        story = f"was team/web:latest until build {build + 1} replaced it, otto"
        layers = {**PYTHON, "web-deps": 212 * MB, f"web-{build}": (9 + build % 4) * MB}
        make_image(host, f"web-{build}", layers, age=age, story=story)
    make_image(
        host,
        "ui-43",
        {**NODE, "ui-43": 94 * MB},
        age=timedelta(days=9),
        owner="ada",
        story="was team/ui:latest until build 44 replaced it, ada",
    )


def _make_containers(host: Host) -> None:
    image = {
        each.tags.first().tag if each.tags.first() else each.story[:9]: each
        for each in host.images.all()
    }
    web, pg, nginx, alpine = image["187"], image["16"], image["1.27"], image["3.20"]
    old = host.images.filter(is_dangling=True, added_by="ada").get()
    measure_images(host)
    for each in (web, pg, nginx, alpine, old):
        each.refresh_from_db()
    make_container(
        host, "web-1", web, memory_limit=512 * 2**20, size=1_840_000, command="gunicorn web:app"
    )
    make_container(
        host, "web-2", web, memory_limit=512 * 2**20, size=1_790_000, command="gunicorn web:app"
    )
    make_container(host, "orders-db", pg, size=64 * MB, command="postgres", owner="ada")
    make_container(host, "edge", nginx, size=8_200, owner="ada", tag_moved_on=True)
    make_container(
        host, "ui-preview", old, size=310_000, owner="ada", state="paused", tag_moved_on=True
    )
    _stopped(host, "load-test", alpine, hours=3, code=137, oom_killed=True, size=212 * MB)
    _stopped(host, "migrate-0042", web, hours=7, code=0, size=48_000)
    _stopped(host, "nightly-import", web, hours=31, code=1, size=930 * MB, owner="ada")
    _stopped(host, "quirky_hopper", alpine, hours=150, code=143, size=120_000)
    _stopped(
        host,
        "bad-entry",
        nginx,
        hours=400,
        code=127,
        error='exec: "nginxx": executable file not found in $PATH',
        size=0,
    )
    make_container(host, "spare", nginx, state="created", started_at=None, pid=None, size=0)
    measure_images(host)


def _stopped(
    host: Host, name: str, image: Image, *, hours: int, code: int, **values: Any
) -> Container:
    ended = timezone.now() - timedelta(hours=hours)
    started = ended - timedelta(minutes=7)
    return make_container(
        host,
        name,
        image,
        **{
            "state": "exited",
            "exit_code": code,
            "pid": None,
            "created_at": started,
            "started_at": started,
            "finished_at": ended,
            **values,
        },
    )


def _make_networks(host: Host) -> None:
    now = timezone.now()
    connected = list(host.containers.filter(state="running").order_by("name"))
    for number, name in enumerate(("bridge", "host", "none", "backend", "lab")):
        is_own = name in {"backend", "lab"}
        inside = connected if name == "backend" else connected[:1] if name == "bridge" else []
        subnet = f"172.{18 + number}.0"
        endpoints = [
            {
                "container": each.container_id,
                "ipv4": f"{subnet}.{place + 2}",
                "ipv6": "",
                "mac": f"02:42:ac:12:00:{place + 2:02x}",
                "aliases": [each.name.partition("-")[0]],
            }
            for place, each in enumerate(inside)
        ]
        Network.objects.create(
            host=host,
            network_id=hex_id("network", host.name, name),
            name=name,
            driver="null" if name == "none" else name if name == "host" else "bridge",
            is_internal=name == "lab",
            subnets=[]
            if name in {"host", "none"}
            else [{"subnet": f"{subnet}.0/16", "gateway": f"{subnet}.1"}],
            labels={"team": "ships"} if name == "backend" else {},
            owner="ada" if is_own else "",
            created_at=now - timedelta(days=40 - number),
            endpoints=endpoints,
            endpoint_count=len(endpoints),
        )
    for place, each in enumerate(connected):
        each.networks = [{"network": "backend", "ipv4": f"172.21.0.{place + 2}", "aliases": []}]
        each.ports = [{"host_ip": "0.0.0.0", "host_port": 8080 + place, "container_port": 80}]
        each.health = "healthy" if place else "unhealthy"
        each.save()


def _make_volumes(host: Host) -> None:
    now = timezone.now()
    users = list(host.containers.order_by("name")[:2])
    for name, size, holders in (
        ("orders-data", 1_840 * MB, users[:1]),
        ("web-cache", 96 * MB, users),
        ("old-uploads", 12 * GB, []),
        (hex_id("volume", host.name), 4 * MB, []),
    ):
        Volume.objects.create(
            host=host,
            name=name,
            mountpoint=f"/var/lib/shipshape/volumes/{name}/_data",
            labels={"team": "ships"} if holders else {},
            is_anonymous=len(name) == 64,
            owner="otto",
            created_at=now - timedelta(days=12),
            holders=[each.container_id for each in holders],
            holder_count=len(holders),
            size=size,
            size_measured_at=now - timedelta(minutes=3),
        )
    first = host.containers.get(name="web-1")
    first.settings = {
        **first.settings,
        "mounts": [
            {"kind": "volume", "source": "web-cache", "target": "/var/cache/web"},
            {"kind": "bind", "source": "/srv/web", "target": "/etc/web", "read_only": True},
            {"kind": "tmpfs", "target": "/run", "size": 64 * 2**20},
        ],
    }
    first.save()


def _make_disk(host: Host) -> None:
    refresh_counts(host.name)
    host.refresh_from_db()
    shared = sum(layer.size for layer in host.layers.all() if layer.image_layers.count() > 1)
    host.disk = {
        "total": 64 * GB,
        "free": int(41.2 * GB),
        "layers": host.layer_bytes,
        "layers_shared": shared,
        "writable": sum(each.size or 0 for each in host.containers.all()),
        "virtual_sum": host.virtual_bytes + sum(each.size for each in host.images.all()),
        "volumes": host.volume_bytes,
        "build_cache": 310 * MB,
        "archives": 220 * MB,
        "documents": 120_000,
        "trash": 640 * MB,
        "logs": 48 * MB,
        "unused": 12 * MB,
        "measured_at": (timezone.now() - timedelta(seconds=40)).isoformat(),
    }
    host.save(update_fields=["disk"])


def _make_jobs(host: Host, users: dict[str, User]) -> None:
    ada, otto = users["ada"], users["otto"]
    make_job(
        host,
        otto,
        "Pull python:3.12",
        ago=timedelta(seconds=9),
        name="images.pull",
        state="running",
        finished_at=None,
        progress=pull_progress(),
    )
    make_job(
        host,
        ada,
        "Launch cache from redis:7",
        ago=timedelta(seconds=4),
        name="containers.launch",
        state="queued",
        started_at=None,
        finished_at=None,
    )
    web = host.containers.get(name="web-1")
    make_job(
        host,
        otto,
        "Launch web-1 from team/web:187",
        ago=timedelta(hours=26),
        name="containers.launch",
        object_kind="container",
        object_id=web.container_id,
        outcome={"message": "web-1 is running.", "container_id": web.container_id},
    )
    failed = make_job(
        host,
        ada,
        "Pull registry.example.org/team/api:12",
        ago=timedelta(minutes=50),
        name="images.pull",
        state="failed",
        error={
            "kind": "denied",
            "code": "access-denied",
            "message": "The registry registry.example.org refused: team/api is not yours to pull",
            "remedy": "Save a password for that registry, or ask who runs it.",
            "retryable": False,
        },
    )
    for number, text in enumerate(
        (
            "Resolving team/api:12",
            "401 from the registry",
            "Asked for a token",
            "403 from the registry",
        ),
        1,
    ):
        JobLogLine.objects.create(job=failed, number=number, text=text)
    Job.objects.filter(pk=failed.pk).update(log_line_count=4)
    make_job(
        host,
        otto,
        "Clean up 9 untagged images",
        ago=timedelta(hours=2),
        name="cleanup.images",
        outcome={
            "message": "Removed 8 images; 1 stayed.",
            "freed_bytes": 1_912_000_000,
            "removed": 8,
            "skipped": [{"id": hex_id("kept"), "reason": "container ui-preview was made from it"}],
        },
    )
    make_job(
        host,
        otto,
        "Stop container 4f1d0c9be311",
        ago=timedelta(hours=3),
        outcome={"message": "load-test stopped."},
    )
    make_job(
        host,
        ada,
        "Pull postgres:16",
        ago=timedelta(days=2),
        name="images.pull",
        state="cancelled",
        outcome={"message": "Cancelled."},
    )


def pull_progress() -> dict[str, Any]:
    """Return the progress of a pull half way."""
    rows = [
        ("debian", "Already exists", 49 * MB, 49 * MB),
        ("python", "Pull complete", 64 * MB, 64 * MB),
        ("pip", "Extracting", 120 * MB, 211 * MB),
        ("wheel", "Downloading", 14 * MB, 25 * MB),
        ("config", "Waiting", 0, 0),
    ]
    return {
        "phase": "downloading",
        "current": 187 * MB,
        "total": 349 * MB,
        "unit": "bytes",
        "rows": [
            {
                "id": hex_id(name)[:12],
                "label": hex_id(name)[:12],
                "status": status,
                "current": current,
                "total": total,
            }
            for name, status, current, total in rows
        ],
    }


def _reference(image: Image | None) -> str:
    tag = image.tags.first() if image else None
    return tag.reference if tag else (image.short_id if image else "gone")


def _config(layers: dict[str, int]) -> dict[str, Any]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Cmd": ["sh"],
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
            "WorkingDir": "/srv",
        },
        "rootfs": {
            "type": "layers",
            "diff_ids": ["sha256:" + hex_id("diff", name) for name in layers],
        },
    }


def _history(layers: dict[str, int], created: datetime) -> list[dict[str, Any]]:
    words = {
        "debian": "/bin/sh -c #(nop) ADD file:1f0a8c in / ",
        "python": "RUN /bin/sh -c set -eux; apt-get update; apt-get install -y python3"
        " && rm -rf /var/lib/apt/lists/* # buildkit",
    }
    rows = [
        {
            "id": "<missing>",
            "created": created.isoformat(),
            "created_by": words.get(name, f"COPY {name} /srv # buildkit"),
            "comment": "",
            "size": size,
            "is_empty_layer": False,
        }
        for name, size in layers.items()
    ]
    command = {**rows[-1], "created_by": 'CMD ["sh"]', "size": 0, "is_empty_layer": True}
    return [command, *reversed(rows)]
