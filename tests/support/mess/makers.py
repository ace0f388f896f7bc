"""One row of each kind, as a team would have it."""

from __future__ import annotations

import hashlib
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
    Layer,
    Role,
    Tag,
    User,
)

MB = 10**6
GB = 10**9
PASSWORD = "correct horse battery staple"


def hex_id(*words: object) -> str:
    """Return 64 digits that these words always give."""
    return hashlib.sha256("/".join(map(str, words)).encode()).hexdigest()


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
