"""
The engine from the shell: `python -m engine VERB`, for a look at a root and for trying things.

It is a thin hand on the façade: every verb is one call and one table. Errors are printed with their
remedy and end with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.build import command as build_command
from engine.cleanup import command as cleanup_command
from engine.containers.record import IfRunning
from engine.engine import Engine
from engine.errors import EngineError, InvalidSetting
from engine.oci.reference import DEFAULT_REGISTRY
from engine.progress import LayerProgress, LayerStatus, Message
from engine.settings import ContainerSettings
from engine.system.paths import DEFAULT_ROOT, DEFAULT_RUN, EnginePaths
from engine.system.runner import conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.containers.logs import LogLine
    from engine.progress import ProgressEvent

Row = Sequence[object]
OWNER = "shell"


class ShellProgress:
    """Writes what happens to standard error, a line for each step and none for each chunk."""

    def emit(self, event: ProgressEvent) -> None:
        """Write *event* if it is a message, or the end of a layer's way."""
        if isinstance(event, Message):
            _say(event.text)
        elif isinstance(event, LayerProgress) and event.status in {
            LayerStatus.COMPLETE,
            LayerStatus.EXISTS,
            LayerStatus.THERE,
            LayerStatus.MOUNTED,
            LayerStatus.PUSHED,
        }:
            _say(f"{event.id}: {event.status} {event.detail}".rstrip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb that *arguments* name and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        places = EnginePaths(options.root, options.run)
        with Engine.open(places, plain_http=_plain_http_registries()) as engine:
            rows = options.act(engine, options)
            for row in rows or ():
                sys.stdout.write("\t".join(str(cell) for cell in row) + "\n")
    except EngineError as error:
        _say(f"error: {error.message}")
        if error.remedy:
            _say(error.remedy)
        return 1
    code: int = options.code
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shipshape engine", description="The engine, alone.")
    parser.add_argument("--root", type=Path, default=_place("SHIPSHAPE_ROOT", DEFAULT_ROOT))
    parser.add_argument("--run", type=Path, default=_place("SHIPSHAPE_RUN", DEFAULT_RUN))
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, (act, help_text, words) in VERBS.items():
        verb = verbs.add_parser(name, help=help_text)
        for place in ("--root", "--run"):
            verb.add_argument(place, type=Path, default=argparse.SUPPRESS)
        verb.set_defaults(act=act, code=0)
        if act in DECLARED:
            DECLARED[act](verb)
        for word in words:
            if word.endswith("?"):
                verb.add_argument(word.rstrip("?"), action="store_true")
            elif word.startswith("--"):
                verb.add_argument(word)
            else:
                verb.add_argument(word.rstrip("*"), nargs="*" if word.endswith("*") else None)
    return parser


def _place(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default)


def _plain_http_registries() -> frozenset[str]:
    names = os.environ.get("SHIPSHAPE_PLAIN_HTTP_REGISTRIES", "").split(",")
    return frozenset(name.strip() for name in names if name.strip())


def _pull(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    pulled = engine.images.pull(options.reference, progress=ShellProgress(), owner=OWNER)
    return [(pulled.image.id, pulled.digest, pulled.fetched_bytes)]


def _pull_all(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    name, progress = options.repository, ShellProgress()
    for pulled in engine.images.pull_all(name, progress=progress, owner=OWNER):
        yield pulled.image.id, pulled.digest, pulled.fetched_bytes


def _push(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    pushed = engine.images.push(options.reference, progress=ShellProgress(), owner=OWNER)
    return [(pushed.image.id, pushed.digest, pushed.sent_bytes)]


def _copy(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    copied = engine.images.copy(options.source, options.target, progress=ShellProgress())
    return [(copied.target.familiar, copied.digest, copied.sent_bytes)]


def _sync(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    words = shlex.split(options.to or "")
    if not words:
        raise InvalidSetting(
            "--to", "is missing", remedy="--to 'ssh HOST shipshape engine receive'"
        )
    with conversation(words, passing=("SSH_AUTH_SOCK", "HOME", "PATH")) as (reader, writer):
        synced = engine.images.send(options.reference, reader, writer, progress=ShellProgress())
    return [(synced.image_id, synced.digest, synced.sent_bytes)]


def _receive(engine: Engine, _: argparse.Namespace) -> None:
    # Standard output belongs to the other host.
    engine.images.receive(
        sys.stdin.buffer, sys.stdout.buffer, progress=ShellProgress(), owner=OWNER
    )


def _tags(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    return [(each,) for each in engine.registries.list_tags(options.repository)]


def _search(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    registry = options.registry or DEFAULT_REGISTRY
    found = engine.registries.search(options.term, registry=registry)
    return [(each.name, each.stars, each.description) for each in found]


def _starter(engine: Engine, _: argparse.Namespace) -> Iterable[Row]:
    return [(engine.images.make_starter(owner=OWNER).id,)]


def _images(engine: Engine, _: argparse.Namespace) -> Iterable[Row]:
    for image in engine.images.list():
        names = [tag.familiar for tag in image.tags] or ["<none>:<none>"]
        yield from ((name, image.id.short, image.size) for name in names)


def _run(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    command = tuple(options.command) or None
    settings = ContainerSettings(image=options.image, command=command)
    container = engine.containers.create(settings, owner=OWNER)
    engine.containers.start(container.id)
    return [(container.id, container.name)]


def _list_containers(engine: Engine, _: argparse.Namespace) -> Iterable[Row]:
    for each in engine.containers.list():
        code = "" if each.exit_code is None else each.exit_code
        yield each.short_id, each.name, each.image_reference, each.state, code


def _logs(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    for line in _log_of(engine, options.container):
        yield (line.content.decode(errors="replace"),)


def _log_of(engine: Engine, name: str) -> Iterable[LogLine]:
    """Return what *name* printed, also when it was removed lately."""
    if engine.containers.find(name):
        return engine.containers.logs(name)
    return engine.containers.departed_logs(name)


def _stop(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    return [(engine.containers.stop(options.container).name,)]


def _remove(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    return [(engine.containers.remove(options.container, if_running=IfRunning.REFUSE),)]


def _remove_image(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    removal = engine.images.remove(options.image, owner=OWNER)
    yield from (("Untagged:", name.familiar) for name in removal.untagged)
    yield from (("Deleted:", digest) for digest in removal.deleted)
    yield "Freed:", removal.freed_bytes


def _disk(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    account = engine.account() if options.measure else None
    usage = account.usage if account else engine.disk()
    yield "layers", usage.layers
    yield "archives", usage.archives
    yield "documents", usage.documents
    yield "writable layers", usage.writable_layers
    yield "volumes", usage.volumes
    yield "build cache", usage.build_cache
    yield "logs", usage.logs
    yield "trash", usage.trash
    yield "nobody's", usage.unused
    yield "total", usage.total
    yield "adding up virtual sizes would say", usage.virtual
    if account:
        yield from account.places.items()
        yield "the file system says", account.measured
        yield "unexplained", account.unexplained, f"{account.difference:.2%}"
        options.code = 0 if account.adds_up else 1


def _events(engine: Engine, _: argparse.Namespace) -> Iterable[Row]:
    for event in engine.events.list_since(0):
        yield event.time.isoformat(), event.noun, event.action, event.subject[:12]


def _serve(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    # A web server is much to load for whoever only looks at a list.
    from engine.dockerapi.serve import serve
    from engine.dockerapi.sockets import parse_tls

    path = Path(options.socket or options.run / "docker.sock")
    serve(engine, path, parse_tls(options.tcp, options.tls_ca, options.tls_cert, options.tls_key))
    # Threads may still wait for containers, and nothing that matters is lost with them.
    os._exit(0)


def _save(engine: Engine, options: argparse.Namespace) -> None:
    with Path(options.file).open("wb") as out:
        engine.images.save(options.references, out)


def _load(engine: Engine, options: argparse.Namespace) -> None:
    with Path(options.file).open("rb") as stream:
        engine.images.load(stream, progress=ShellProgress(), owner=OWNER)


def _build(engine: Engine, options: argparse.Namespace) -> None:
    # Standard output may be where the image goes.
    built = build_command.build(engine.builds, engine.images, options, say=_say)
    _say(f"{built.image.id} {' '.join(tag.familiar for tag in built.tags)}".rstrip())


def _cleanup(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    return cleanup_command.cleanup(engine.cleanup, options, owner=OWNER)


def _trash(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    return cleanup_command.trash(engine.cleanup, options, owner=OWNER)


def _check(engine: Engine, options: argparse.Namespace) -> Iterable[Row]:
    report = engine.check(repair=options.repair, progress=ShellProgress())
    for each in report.findings:
        yield each.damage, each.subject, each.detail, each.outcome
    _say(
        f"Looked at {report.blobs} blobs, {report.layers} layers, {report.images} images,"
        f" {report.containers} containers and {report.volumes} volumes:"
        f" {len(report.findings)} damaged"
    )
    options.code = 0 if report.is_clean else 1


def _dismantle(engine: Engine, _: argparse.Namespace) -> None:
    engine.networks.dismantle()


def _reconcile(engine: Engine, _: argparse.Namespace) -> None:
    engine.reconcile()


VERBS: dict[str, tuple[Callable[..., Iterable[Row] | None], str, tuple[str, ...]]] = {
    "pull": (_pull, "bring an image from its registry", ("reference",)),
    "pull-all": (_pull_all, "bring every tag of a repository", ("repository",)),
    "push": (_push, "bring an image to its registry", ("reference",)),
    "copy": (_copy, "copy an image from registry to registry", ("source", "target")),
    "sync": (_sync, "give an image to another host", ("reference", "--to")),
    "receive": (_receive, "take an image that another host gives", ()),
    "tags": (_tags, "what tags a repository has at its registry", ("repository",)),
    "search": (_search, "what a registry has of that name", ("term", "--registry")),
    "starter": (_starter, "make the starter image", ()),
    "images": (_images, "what images are here", ()),
    "run": (_run, "launch a container", ("image", "command*")),
    "ps": (_list_containers, "what containers are here", ()),
    "logs": (_logs, "what a container wrote, also one that was removed lately", ("container",)),
    "stop": (_stop, "end a container", ("container",)),
    "rm": (_remove, "remove a container that does not run", ("container",)),
    "rmi": (_remove_image, "remove an image or one of its tags", ("image",)),
    "disk": (
        _disk,
        "what takes the disk, each byte once; 1 if the file system differs",
        ("--measure?",),
    ),
    "events": (_events, "what happened", ()),
    "serve": (
        _serve,
        "answer docker's clients",
        ("--socket", "--tcp", "--tls-ca", "--tls-cert", "--tls-key"),
    ),
    "save": (_save, "write images to a file", ("file", "references*")),
    "load": (_load, "bring the images of a file", ("file",)),
    "build": (_build, "build an image from a Dockerfile", ()),
    "check": (_check, "hold the disk against the records; 1 if anything is wrong", ("--repair?",)),
    "cleanup": (_cleanup, "make plans of clean-ups, show them, carry them out", ()),
    "trash": (_trash, "what is in the trash, bringing it back, emptying", ()),
    "dismantle": (_dismantle, "take bridges and rules off the host; the records stay", ()),
    "reconcile": (_reconcile, "put right what a crash left", ()),
}


# What has words of its own to declare.
DECLARED: dict[Callable[..., Iterable[Row] | None], Callable[[argparse.ArgumentParser], None]] = {
    _build: build_command.declare,
    _cleanup: cleanup_command.declare_cleanup,
    _trash: cleanup_command.declare_trash,
}


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
