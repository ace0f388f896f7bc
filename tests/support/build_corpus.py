"""
Small Dockerfiles with their contexts, as text, and what building one comes to.

A file of the corpus is a row of cases:

    === name -- words of `docker build`
    its Dockerfile, which begins with FROM corpus/base where it has no FROM of its own
    --- path mode
    a file of its context; `--- path -> target` is a link, `--- path/` a directory,
    `--- path <tar.gz>` a small archive. Those of the case `*` belong to every case of the file.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import re
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.docker_cli import rootfs_tar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.support.docker_cli import DockerCli

BASES = {
    "corpus/files": """
        FROM corpus/base
        RUN echo ana:x:7:8::/home/ana:/bin/sh >>/etc/passwd; echo ana:x:8: >>/etc/group;\\
            echo staff:x:50: >>/etc/group; echo file >/file;\\
            mkdir -p /dir/sub /home /owned/in; echo a >/dir/a; echo b >/dir/b;\\
            echo c >/dir/sub/c; ln -s dir /link-to-dir; ln -s file /link-to-file;\\
            mkdir /hard; echo h >/hard/1; ln /hard/1 /hard/2; echo o >/owned/in/o;\\
            chown -R 7:50 /owned; chmod 711 /owned; chmod 1777 /tmp
    """,
    "corpus/configured": """
        FROM corpus/base
        ENV BASE=1 PATH=/bin
        LABEL base=1 own=0
        WORKDIR /base
        EXPOSE 1000
        VOLUME /base-volume
        USER 9
        STOPSIGNAL SIGINT
        HEALTHCHECK CMD true
        SHELL ["/bin/sh", "-ec"]
        ENTRYPOINT ["/base-entrypoint"]
        CMD ["base-cmd"]
    """,
    "corpus/onbuild": """
        FROM corpus/base
        ONBUILD ENV FROM_BASE=1
        ONBUILD RUN echo x >/made-on-build
        ONBUILD WORKDIR /of-base
    """,
}


@dataclass
class Case:
    """One Dockerfile with its context."""

    name: str
    words: tuple[str, ...] = ()
    is_crlf: bool = False
    lines: list[str] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        return f"corpus/{self.name}"

    @property
    def dockerfile(self) -> str:
        text = "\n".join(self.lines)
        if not re.search(r"^\s*from\b", text, re.IGNORECASE | re.MULTILINE):
            directives = [line for line in self.lines if re.match(r"# *escape *=", line)]
            rest = [line for line in self.lines if line not in directives]
            text = "\n".join([*directives, "FROM corpus/base", *rest])
        return text.replace("\n", "\r\n") if self.is_crlf else text

    def write(self, place: Path) -> Path:
        """Write the context to the new directory *place*."""
        place.mkdir(parents=True)
        place.chmod(0o755)
        (place / "Dockerfile").write_text(self.dockerfile, newline="")
        for head, lines in self.files.items():
            _write(place, head, lines)
        return place


def _write(place: Path, head: str, lines: list[str]) -> None:
    path, _, target = head.partition(" -> ")
    special = re.search(r" (<[\w.]+>|[0-7]{4})$", path)
    mode = special.group(1) if special else ("0755" if path.endswith("/") else "0644")
    path = path[: special.start()] if special else path
    file = place / path
    for parent in reversed(file.relative_to(place).parents[:-1]):
        (place / parent).mkdir(mode=0o755, exist_ok=True)
    if target:
        file.symlink_to(target)
        return
    if path.endswith("/"):
        file.mkdir()
    else:
        text = "".join(f"{line}\n" for line in lines).encode()
        file.write_bytes(_archive(mode[1:-1]) if mode.startswith("<") else text)
    file.chmod(0o644 if mode.startswith("<") else int(mode, 8))


def _archive(kind: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, mode, owner, content in (
            ("in/", 0o750, (7, 8), None),
            ("in/a", 0o640, (7, 8), b"archived"),
            ("top", 0o4755, (0, 0), b"top"),
        ):
            entry = tarfile.TarInfo(name)
            entry.mode, (entry.uid, entry.gid), entry.mtime = mode, owner, 1_000_000_000
            entry.type = tarfile.REGTYPE if content else tarfile.DIRTYPE
            entry.size = len(content or b"")
            tar.addfile(entry, io.BytesIO(content or b""))
        link = tarfile.TarInfo("in/link")
        link.type, link.linkname = tarfile.SYMTYPE, "a"
        tar.addfile(link)
        hard = tarfile.TarInfo("hard")
        hard.type, hard.linkname = tarfile.LNKTYPE, "in/a"
        hard.mode, hard.uid, hard.gid = 0o640, 7, 8
        tar.addfile(hard)
    content = stream.getvalue() if kind != "gz" else b"not a tar\n" * 200
    packers = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    return packers.get(kind.rpartition(".")[2], bytes)(content)


def read_corpus(file: Path) -> list[Case]:
    """Return the cases of one *file*; each is called by its group and its name."""
    shared: dict[str, list[str]] = {}
    cases: list[Case] = []
    lines: list[str] = []
    files: dict[str, list[str]] = {}
    for line in file.read_text().splitlines():
        if line.startswith("=== "):
            head, _, words = line[4:].partition(" -- ")
            name = head.removesuffix(" <crlf>")
            case = Case(f"{file.stem}/{name}", tuple(words.split()), is_crlf=head != name)
            case.files.update({} if name == "*" else shared)
            shared = case.files if name == "*" else shared
            lines, files = case.lines, case.files
            cases += [] if name == "*" else [case]
        elif line.startswith("--- "):
            lines = files[line[4:]] = []
        else:
            lines.append(line)
    return cases


def make_bases(cli: DockerCli) -> None:
    """Make the images that the cases stand on."""
    cli.ok("import", "-", "corpus/base", stdin=rootfs_tar())
    for name, text in BASES.items():
        cli.ok("build", "-q", "--network=none", "-t", name, "-", stdin=text.encode())


def build(cli: DockerCli, case: Case, context: Path) -> tuple[int, str]:
    """Build *case*; return the exit code and what was printed."""
    words = [word.replace("dir/Other", str(context / "dir/Other")) for word in case.words]
    done = cli.run("build", "--network=none", "-t", case.tag, *words, str(context), seconds=120)
    return done.code, done.out + done.err


# --- What came out ------------------------------------------------------------------------------

FIELDS = (
    *("Env", "Cmd", "Entrypoint", "WorkingDir", "User", "Labels", "Volumes", "ExposedPorts"),
    *("StopSignal", "Healthcheck", "OnBuild", "Shell"),
)


@dataclass(frozen=True)
class Outcome:
    """An image as far as two builders have to agree: its config, its history, its files."""

    config: dict[str, Any]
    history: list[bool]
    files: dict[str, tuple[Any, ...]]

    def differences(self, other: Outcome) -> Iterator[tuple[str, Any, Any]]:
        """Yield every aspect in which *other* differs: its name, and what is on both sides."""
        for name in FIELDS:
            if self.config[name] != other.config[name]:
                yield name, self.config[name], other.config[name]
        if self.history != other.history:
            yield "history", self.history, other.history
        for path in sorted({*self.files, *other.files}):
            if self.files.get(path) != other.files.get(path):
                yield f"/{path}", self.files.get(path), other.files.get(path)


def outcomes(cli: DockerCli, cases: Iterable[Case], archive: Path) -> dict[str, Outcome]:
    """Return what became of *cases*, which were built, by their names."""
    tags = {f"{case.tag}:latest": case.name for case in cases}
    cli.ok("save", "-o", str(archive), *tags)
    found: dict[str, Outcome] = {}
    with tarfile.open(archive) as saved:
        layers: dict[str, list[tuple[str, Any]]] = {}
        for entry in json.loads(_member(saved, "manifest.json")):
            config = json.loads(_member(saved, entry["Config"]))
            for name in entry["Layers"]:
                if name not in layers:
                    layers[name] = _entries(_member(saved, name))
            outcome = Outcome(
                {name: config["config"].get(name) or None for name in FIELDS},
                [bool(each.get("empty_layer")) for each in config["history"]],
                _merged(layers[name] for name in entry["Layers"]),
            )
            found |= {tags[tag]: outcome for tag in entry["RepoTags"] if tag in tags}
    return found


def _member(saved: tarfile.TarFile, name: str) -> bytes:
    stream = saved.extractfile(name)
    assert stream is not None, name
    return stream.read()


def _entries(layer: bytes) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        for each in tar:
            stream = tar.extractfile(each) if each.isreg() else None
            content = hashlib.sha256(stream.read()).hexdigest() if stream else ""
            xattrs = {k: v for k, v in each.pax_headers.items() if k.startswith("SCHILY.xattr")}
            link = each.linkname.lstrip("/") if each.islnk() else each.linkname
            device = (each.devmajor, each.devminor) if each.isdev() else None
            mode = 0 if each.issym() else each.mode & 0o7777
            facts = (mode, each.uid, each.gid, content, link, device, xattrs)
            found.append((each.name.removeprefix("./").strip("/"), (each.type, *facts)))
    return found


def _merged(layers: Iterable[list[tuple[str, Any]]]) -> dict[str, tuple[Any, ...]]:
    tree: dict[str, tuple[Any, ...]] = {}
    for entries in layers:
        for name, _ in entries:
            parent, _, last = name.rpartition("/")
            if last == ".wh..wh..opq":
                _drop(tree, f"{parent}/")
            elif last.startswith(".wh."):
                gone = f"{parent}/{last[4:]}".lstrip("/")
                tree.pop(gone, None)
                _drop(tree, f"{gone}/")
        for name, facts in entries:
            if name in {"", "."} or name.rpartition("/")[2].startswith(".wh."):
                continue
            if facts[0] == tarfile.LNKTYPE:
                facts = tree[facts[5]]
            elif facts[0] != tarfile.DIRTYPE:
                _drop(tree, f"{name}/")
            tree[name] = facts
    return tree


def _drop(tree: dict[str, tuple[Any, ...]], prefix: str) -> None:
    for path in [each for each in tree if each.startswith(prefix)]:
        del tree[path]
