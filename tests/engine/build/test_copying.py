# ruff: noqa: E501  (a row of the table reads best as one)
"""What COPY means, on real directories."""

import io
import os
import tarfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.build.copying import CopyRules, Owner, copied_files, digest_of, iter_items
from engine.build.destination import resolve_destination
from engine.build.ignore import parse_ignore_file
from engine.build.plan import plan_stage
from engine.build.scope import Scope
from engine.build.selection import select
from engine.build.stages import cut_into_stages
from engine.build.tartree import TarTree, read_tar
from engine.build.tree import FileTree
from engine.dockerfile.modes import ModeChange
from engine.dockerfile.parser import parse
from engine.dockerfile.reading import read_instructions
from engine.errors import DockerfileError, InvalidInput, UnsafePath
from engine.images.spool import Spool
from engine.layers.entries import Kind
from engine.layers.limits import DEFAULT_LIMITS
from engine.layers.stack import Stack
from engine.layers.tarstream import TarReader
from engine.layers.tarwriter import render_tar
from engine.oci.config import ProcessDefaults
from engine.progress import NEVER


@pytest.fixture
def context(tmp_path):
    root = tmp_path / "context"
    for path, content in {
        "a.txt": "a",
        "b.txt": "bb",
        "d/one": "1",
        "d/e/two": "2",
        "src/go/x.go": "x",
        "src/go/y.go": "y",
        "src/c/z.c": "z",
        "with space": "s",
        "a[1].txt": "br",
    }.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    (root / "link").symlink_to("a.txt")
    (root / "dirlink").symlink_to("d")
    (root / "out").symlink_to("/etc/passwd")
    (root / "climb").symlink_to("../../secret")
    (root / "d" / "inner").symlink_to("../a.txt")
    (root / "empty").mkdir()
    return root


@pytest.fixture
def image(tmp_path):
    root = tmp_path / "image"
    (root / "usr" / "lib").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc" / "file").write_text("there")
    (root / "lib").symlink_to("usr/lib")
    (root / "up").symlink_to("../../usr")
    (root / "loop").symlink_to("loop")
    return root


def step_of(text):
    instructions = read_instructions(parse(f"FROM a\n{text}".encode()))
    stages = cut_into_stages(instructions, {}, escape="\\")
    plan = plan_stage(stages.stages[0], stages, base=ProcessDefaults(), scope=Scope(), escape="\\")
    return plan.steps[-1]


FORM = {}


@contextmanager
def directory_files(context, patterns):
    with FileTree(context, patterns) as tree:
        yield tree


@contextmanager
def tar_files(context, patterns):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(context, ".")
    stream.seek(0)
    with Spool(context.parent) as spool:
        contents = read_tar(stream.read, spool, limits=DEFAULT_LIMITS, cancellation=NEVER)
        yield TarTree(contents, patterns)


@pytest.fixture(params=[directory_files, tar_files], ids=["directory", "tar"], autouse=True)
def _form(request, monkeypatch):
    """Every copy is tried from a directory and from a tar of it."""
    monkeypatch.setitem(FORM, "opened", request.param)


def copied(text, context, image, *, rules=None, ignored=""):
    step = step_of(text)
    rules = rules or CopyRules(owner=Owner())
    patterns = parse_ignore_file(ignored.encode())
    with FORM["opened"](context, patterns) as tree, Stack([image]) as stack:
        destination = resolve_destination(stack, step.destination)
        files = copied_files(step, tree, select(step, tree, destination), destination, rules)
        tar = b"".join(render_tar(iter_items(files, tree)))
        return files, digest_of(files, tree), tar


def listing(tar):
    reader = TarReader(io.BytesIO(tar).read)
    found = {}
    for entry in reader:
        body = b"".join(map(bytes, reader.iter_body())).decode()
        link = {Kind.SYMLINK: " -> ", Kind.HARD_LINK: " = "}.get(entry.kind)
        name = entry.name.decode()
        found[name] = f"{link}{entry.link.decode()}" if link else body
    return found


def copy(text, context, image, **options):
    return listing(copied(text, context, image, **options)[2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY a.txt /", {"a.txt": "a"}),
        ("COPY a.txt /x", {"x": "a"}),
        ("COPY a.txt /x/", {"x/": "", "x/a.txt": "a"}),
        ("COPY a.txt /etc", {"etc/a.txt": "a"}),
        ("COPY a.txt /etc/file", {"etc/file": "a"}),
        ("COPY a.txt /p/q/r", {"p/": "", "p/q/": "", "p/q/r": "a"}),
        ("COPY a.txt b.txt /etc/", {"etc/a.txt": "a", "etc/b.txt": "bb"}),
        ("COPY *.txt /etc/", {"etc/a.txt": "a", "etc/a[1].txt": "br", "etc/b.txt": "bb"}),
        ("COPY ?.txt /etc/", {"etc/a.txt": "a", "etc/b.txt": "bb"}),
        ("COPY [b-z].txt /etc/", {"etc/b.txt": "bb"}),
        (r"COPY a[[]1].txt /x", {"x": "br"}),
        ("COPY src/*/x.go /x", {"x": "x"}),
        ("COPY d /x", {"x/": "", "x/e/": "", "x/inner": " -> ../a.txt", "x/one": "1", "x/e/two": "2"}),
        ("COPY d/ /etc", {"etc/e/": "", "etc/inner": " -> ../a.txt", "etc/one": "1", "etc/e/two": "2"}),
        ("COPY d/e/. /etc/", {"etc/two": "2"}),
        ("COPY empty /etc", {}),
        ("COPY empty /x", {"x/": ""}),
        ("COPY link /x", {"x": "a"}),
        ("COPY link /etc/", {"etc/link": "a"}),
        ("COPY dirlink/e /x", {"x/": "", "x/two": "2"}),
        ("COPY dirlink /x/", {"x/": "", "x/e/": "", "x/inner": " -> ../a.txt", "x/one": "1", "x/e/two": "2"}),
        ("COPY ../a.txt /", {"a.txt": "a"}),
        ("COPY /a.txt /", {"a.txt": "a"}),
        ("COPY ./a.txt /", {"a.txt": "a"}),
        ('COPY ["with space", "/x y"]', {"x y": "s"}),
        ("COPY a.txt /lib/", {"usr/lib/a.txt": "a"}),
        ("COPY a.txt /lib/new/", {"usr/lib/new/": "", "usr/lib/new/a.txt": "a"}),
        ("COPY a.txt /up/", {"usr/a.txt": "a"}),
        ("COPY a.txt /etc/../x", {"x": "a"}),
        ("COPY --parents src/go/x.go /t/", {"t/": "", "t/src/": "", "t/src/go/": "", "t/src/go/x.go": "x"}),
        ("COPY --parents src/./go/*.go /t/", {"t/": "", "t/go/": "", "t/go/x.go": "x", "t/go/y.go": "y"}),
        ("COPY --parents d/e /t/", {"t/": "", "t/d/": "", "t/d/e/": "", "t/d/e/two": "2"}),
        ("COPY --exclude=*.go src/go /etc", {}),
        ("COPY --exclude=e --exclude=inner d /etc", {"etc/one": "1"}),
        ("COPY --exclude=**/x.go src /etc", {"etc/c/": "", "etc/go/": "", "etc/c/z.c": "z", "etc/go/y.go": "y"}),
        ("COPY --exclude=b.txt *.txt /etc/", {"etc/a.txt": "a", "etc/a[1].txt": "br"}),
        ("COPY <<one /x\nhello\none", {"x": "hello\n"}),
        ("COPY <<one a.txt <<two /etc/\n1\none\n2\ntwo", {"etc/a.txt": "a", "etc/one": "1\n", "etc/two": "2\n"}),
        ("COPY d/one a.txt /etc/file/../", {"etc/one": "1", "etc/a.txt": "a"}),
    ],
)  # fmt: skip
def test_a_copy_brings(text, expected, context, image):
    assert copy(text, context, image) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("COPY nothing /", '"/nothing" was not found in the build context'),
        ("COPY https://host/f /", "source can't be a URL for COPY"),
        ("COPY *.nothing /", "was not found"),
        ("COPY d/nothing/x /", "was not found"),
        ("COPY a.txt/x /", "was not found"),
        ("COPY out /", "was not found"),
        ("COPY climb /", "was not found"),
        ("COPY *.txt /x", "must be a directory and end with a /"),
    ],
)
def test_a_copy_is_refused(text, message, context, image):
    with pytest.raises(DockerfileError, match=message):
        copy(text, context, image)


def test_what_is_ignored_is_not_there_and_the_error_says_why(context, image):
    with pytest.raises(DockerfileError) as caught:
        copy("COPY a.txt /", context, image, ignored="*.txt")

    assert caught.value.remedy == "It is excluded by the ignore file."


def test_what_is_ignored_is_left_out_of_directories(context, image):
    found = copy("COPY . /x", context, image, ignored="*\n!d\nd/e\n!d/e/two")

    assert found == {"x/": "", "x/d/": "", "x/d/e/": "", "x/d/inner": " -> ../a.txt",
                     "x/d/one": "1", "x/d/e/two": "2"} | {}  # fmt: skip


def test_links_that_never_end_are_refused(context, image):
    with pytest.raises(UnsafePath):
        copy("COPY a.txt /loop/", context, image)


def test_everything_belongs_to_root_unless_told(context, image):
    files, _, _ = copied("COPY a.txt /p/q", context, image)

    assert {(each.entry.uid, each.entry.gid) for each in files} == {(0, 0)}


def test_owner_and_mode_reach_files_and_made_directories(context, image):
    rules = CopyRules(owner=Owner(7, 8), mode=ModeChange(0o600))
    files, _, _ = copied("COPY d /p/q", context, image, rules=rules)

    assert {(each.entry.uid, each.entry.gid) for each in files} == {(7, 8)}
    modes = {each.entry.name: each.entry.mode for each in files}
    assert (modes[b"p"], modes[b"p/q"], modes[b"p/q/one"]) == (0o755, 0o600, 0o600)


def test_no_time_is_later_than_told(context, image):
    files, _, _ = copied("COPY d /x", context, image, rules=CopyRules(latest_ns=5))

    assert max(each.entry.mtime_ns for each in files) <= 5


def test_hard_links_stay_links(context, image):
    os.link(context / "d" / "one", context / "d" / "same")

    assert copy("COPY d /etc", context, image)["etc/same"] == " = etc/one"


def test_a_socket_is_refused(context, image):
    import socket

    if FORM["opened"] is tar_files:
        pytest.skip("a tar holds no sockets")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(context / "d" / "sock"))
        with pytest.raises(InvalidInput, match="socket"):
            copy("COPY d /x", context, image)


class TestDigest:
    def test_touching_changes_nothing(self, context, image):
        before = copied("COPY . /x", context, image)[1]
        for path in context.rglob("*"):
            os.utime(path, (1, 1), follow_symlinks=False)

        assert copied("COPY . /x", context, image)[1] == before

    @pytest.mark.parametrize(
        "change",
        [
            lambda c: (c / "d" / "one").write_text("3"),
            lambda c: (c / "d" / "one").chmod(0o755),
            lambda c: (c / "d").chmod(0o700),
            lambda c: (c / "d" / "one").rename(c / "d" / "renamed"),
            lambda c: (c / "d" / "one").unlink(),
            lambda c: (c / "d" / "new").mkdir(),
            lambda c: ((c / "d" / "inner").unlink(), (c / "d" / "inner").symlink_to("b")),
            lambda c: os.link(c / "d" / "one", c / "d" / "two"),
        ],
    )
    def test_any_other_change_changes_it(self, change, context, image):
        before = copied("COPY d /x", context, image)[1]
        change(context)

        assert copied("COPY d /x", context, image)[1] != before

    def test_what_is_not_copied_does_not_matter(self, context, image):
        before = copied("COPY d /x", context, image)[1]
        Path(context / "a.txt").write_text("changed")

        assert copied("COPY d /x", context, image)[1] == before


def test_the_same_files_give_the_same_tar(context, image):
    assert copied("COPY . /x", context, image)[2] == copied("COPY . /x", context, image)[2]


def test_a_file_that_is_replaced_while_it_is_copied_is_an_error(context):
    with FileTree(context) as tree:
        file = tree.resolve("a.txt")
        (context / "a.txt").unlink()
        (context / "a.txt").symlink_to("/etc/passwd")

        with pytest.raises(OSError, match="Too many levels"), tree.opened(file):
            pass
