import stat
from pathlib import Path

import pytest

from engine.containers.bundle import Bundle, Bundles, host_resolver
from engine.errors import EngineError
from engine.mount import Mount
from engine.networks.files import HOSTS
from engine.system.mounter import LinuxMounter
from engine.system.paths import EnginePaths

ID = "a" * 64


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    paths = EnginePaths(tmp_path / "root", tmp_path / "run")
    paths.ensure()
    return Bundles(paths)


@pytest.fixture
def bundle(bundles: Bundles) -> Bundle:
    located = bundles.locate(ID)
    bundles.make(located)
    bundles.make_run(located)
    return located


def test_nobody_else_can_look_in(bundle: Bundle) -> None:
    for directory in (bundle.directory, bundle.rootfs, bundle.run):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_container_is_known_by_either_directory(bundles: Bundles, bundle: Bundle) -> None:
    other = bundles.locate("b" * 64)
    bundles.make_run(other)

    assert bundles.list_ids() == {ID, other.id}


def test_what_is_shown_in_its_etc_can_be_read_by_any_user(bundles: Bundles, bundle: Bundle) -> None:
    bundles.write_files(bundle, hosts=HOSTS, hostname="here", resolver="nameserver 127.0.0.53\n")

    texts = {path: source.read_text() for path, source in bundle.etc.items()}
    assert texts == {
        "/etc/hosts": HOSTS,
        "/etc/hostname": "here\n",
        "/etc/resolv.conf": "nameserver 127.0.0.53\n",
    }
    assert {stat.S_IMODE(source.stat().st_mode) for source in bundle.etc.values()} == {0o644}


def test_a_spec_is_written_anew_at_each_start(bundles: Bundles, bundle: Bundle) -> None:
    bundles.write_spec(bundle, {"long": "x" * 1000})
    bundles.write_spec(bundle, {"a": 1})

    assert bundle.spec.read_text() == '{"a": 1}'


def test_what_never_ran_is_one_empty_directory(bundles: Bundles) -> None:
    located = bundles.locate(ID)
    bundles.make(located)

    assert list(located.directory.iterdir()) == []
    assert bundles.running_ids() == set()


def test_all_of_it_goes_and_may_be_gone_already(bundles: Bundles, bundle: Bundle) -> None:
    (bundle.rootfs / "left").mkdir()

    for _ in range(2):
        bundles.remove_run(bundle)
        bundles.remove(bundle)

    assert bundles.list_ids() == set()


def test_a_file_in_the_way_is_an_error_of_ours(bundles: Bundles) -> None:
    located = bundles.locate(ID)
    located.directory.write_text("in the way")

    with pytest.raises(EngineError):
        bundles.make(located)


@pytest.mark.root
def test_what_is_mounted_there_does_not_go_with_it(bundles: Bundles, bundle: Bundle) -> None:
    mounter = LinuxMounter()
    with mounter.mounted([Mount("tmpfs", "tmpfs")], bundle.rootfs):
        (bundle.rootfs / "precious").touch()
        with pytest.raises(EngineError):
            bundles.remove(bundle)
        assert (bundle.rootfs / "precious").exists()


@pytest.mark.root
def test_a_directory_of_the_host_that_is_still_mounted_stays_as_it_is(
    bundles: Bundles, bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/precious").touch()
    (bundle.rootfs / "data").mkdir()
    host = Mount("bind", str(tmp_path / "host"), ("bind",))
    with LinuxMounter().mounted([host], bundle.rootfs / "data"):
        with pytest.raises(EngineError):
            bundles.remove(bundle)
        assert (tmp_path / "host/precious").exists()


def test_a_host_without_a_resolver_has_none_to_give(tmp_path: Path) -> None:
    assert host_resolver(tmp_path / "resolv.conf") == ""
