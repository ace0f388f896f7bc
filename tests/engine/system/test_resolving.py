import os

import pytest

from engine.system.resolving import open_in_root, path_in_root


@pytest.fixture
def root(tmp_path):
    inside = tmp_path / "root"
    (inside / "etc").mkdir(parents=True)
    (inside / "etc" / "passwd").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    (inside / "absolute").symlink_to("/etc/passwd")
    (inside / "climbing").symlink_to("../../../secret")
    (inside / "etc" / "up").symlink_to("../..")
    (inside / "loop").symlink_to("loop")
    (inside / "lib").symlink_to("etc")
    descriptor = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def content(root, path):
    with os.fdopen(open_in_root(root, path, os.O_RDONLY)) as stream:
        return stream.read()


@pytest.mark.parametrize(
    "path",
    [
        b"etc/passwd",
        b"/etc/passwd",
        b"absolute",
        b"lib/passwd",
        b"../../etc/passwd",
        b"etc/up/lib/passwd",
    ],
)
def test_everything_is_seen_from_the_root(root, path):
    assert content(root, path) == "inside"
    assert path_in_root(root, path) == b"etc/passwd"


@pytest.mark.parametrize("path", [b"climbing", b"etc/up/secret", b"nothing", b"etc/passwd/x"])
def test_what_lies_outside_is_not_there(root, path):
    with pytest.raises(OSError, match=r"No such file|Not a directory"):
        open_in_root(root, path, os.O_RDONLY)


def test_links_that_never_end_are_an_error(root):
    with pytest.raises(OSError, match="Too many levels"):
        open_in_root(root, b"loop", os.O_RDONLY)


def test_the_last_link_can_be_left_alone(root):
    with pytest.raises(OSError, match="Too many levels"):
        open_in_root(root, b"absolute", os.O_RDONLY | os.O_NOFOLLOW)


def test_the_root_itself_has_an_empty_path(root):
    assert path_in_root(root, b"/") == path_in_root(root, b"etc/..") == b""
