"""The image that a build makes, and builds that fail."""

import threading
from contextlib import suppress

import pytest

from engine.build.builds import Builds
from engine.build.context import DirectoryContext
from engine.build.request import BuildRequest
from engine.build.state import DEFAULT_PATH
from engine.errors import (
    DockerfileError,
    ImageNotFound,
    InvalidInput,
    InvalidSetting,
    RegistryUnreachable,
    StepFailed,
    UnknownStage,
)
from engine.oci.reference import Reference
from engine.progress import Cancellation, Cancelled

pytestmark = pytest.mark.root


class NoImages:
    """Has no image, and fails to pull any with *error*."""

    def __init__(self, error):
        self.error = error

    def find(self, text):
        return None

    def pull(self, reference, **options):
        raise self.error


class TestImage:
    def test_files_and_config_come_out(self, bench, tree):
        bench.write({"a": "1", "d/b": "2"})
        built = bench.build(
            "FROM scratch\nWORKDIR /w\nCOPY --exclude=Dockerfile . here/\nENV A=1\n"
            'RUN write /made x\nCMD ["/made"]',
            tag="app",
        )

        assert tree(built) == {
            "w/": "", "w/here/": "", "w/here/a": "1", "w/here/d/": "", "w/here/d/b": "2",
            "made": "x",
        }  # fmt: skip
        defaults = built.image.config.defaults
        assert (defaults.env, defaults.command, defaults.working_dir) == (
            (DEFAULT_PATH, "A=1"),
            ("/made",),
            "/w",
        )
        assert [str(tag.familiar) for tag in built.image.tags] == ["app:latest"]
        assert built.image.source == "build"
        assert built.image.added_by == "ana"

    def test_history_tells_every_instruction(self, bench):
        built = bench.build("FROM scratch\nWORKDIR /w\nENV A=1\nRUN write /x 1")

        told = [(e.created_by, e.is_empty_layer) for e in built.image.config.history]
        assert told == [
            ("WORKDIR /w", False),
            ("ENV A=1", True),
            ("RUN /bin/sh -c write /x 1", False),
        ]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("RUN --mount=type=tmpfs,target=/t --network=none print 1", None),
            ("run  print 1", None),
            ("RUN print \\\n  1", "RUN print   1"),
            ("RUN <<EOF\nprint 1\nEOF", "RUN <<EOF (print 1)"),
            ("RUN <<-'EOF'\n\tprint 1;\n\tprint 2\nEOF", "RUN <<-'EOF' (print 1;...)"),
            ("COPY <<EOF /a\n1\nEOF", "COPY <<EOF /a"),
            ("WORKDIR  x", None),
        ],
    )
    def test_steps_are_told_as_they_were_written(self, bench, text, told):
        assert bench.steps(f"FROM scratch\n{text}")[0][0] == (told or text)

    def test_history_leaves_out_how_a_program_was_run(self, bench):
        text = "FROM scratch\nRUN --mount=type=tmpfs,target=/t --network=none write /x 1"

        (entry,) = bench.build(text).image.config.history
        assert entry.created_by == "RUN /bin/sh -c write /x 1"

    def test_a_stage_stands_on_another(self, bench, tree):
        built = bench.build(
            "FROM scratch AS one\nRUN write /one 1\nENV A=1\n"
            "FROM one AS two\nRUN write /two 2\n"
            "FROM scratch\nCOPY --from=two /two /from-two\nCOPY --from=0 /one /"
        )

        assert tree(built) == {"from-two": "2", "one": "1"}
        assert built.image.config.defaults.env == (DEFAULT_PATH,)

    def test_an_image_is_a_base(self, bench, tree):
        base = bench.build("FROM scratch\nRUN write /base 1\nENV A=1\nONBUILD ENV B=2", tag="base")
        built = bench.build("FROM base\nRUN remove /base; write /x 1")

        assert tree(built) == {"x": "1"}
        assert built.image.config.defaults.env == (DEFAULT_PATH, "A=1", "B=2")
        assert built.image.config.defaults.on_build == ()
        assert built.image.layers[:1] == base.image.layers

    def test_a_base_without_a_step_is_the_image_itself(self, bench):
        base = bench.build("FROM scratch\nRUN write /base 1", tag="base")
        built = bench.build("FROM base", tag="other")

        assert built.image.id == base.image.id
        assert {tag.familiar for tag in built.image.tags} == {"base:latest", "other:latest"}

    def test_labels_of_the_request_are_the_images(self, bench):
        built = bench.build("FROM scratch\nLABEL a=1 b=1\nRUN write /x 1", labels={"b": "2"})

        assert built.image.config.defaults.labels == {"a": "1", "b": "2"}

    def test_only_the_target_and_what_it_needs_is_built(self, bench):
        text = "FROM scratch AS a\nRUN write /a 1\nFROM scratch AS b\nRUN fail 1\nFROM scratch"

        bench.build(text, target="a")

        assert [p.arguments[-1] for p in bench.runner.ran] == ["write /a 1"]

    def test_a_tag_that_moves_says_what_it_named(self, bench):
        first = bench.build("FROM scratch\nRUN write /x 1", tag="app")
        second = bench.build("FROM scratch\nRUN write /x 2", tag="app")

        assert second.replaced == ((Reference.parse("app"), first.image.id),)
        assert bench.engine.images.get(str(first.image.id)).is_dangling

    def test_unused_arguments_are_told(self, bench):
        built = bench.build("FROM scratch\nARG A\nRUN write /x 1", arguments={"A": "1", "B": "2"})

        assert built.warnings == ("One or more build-args [B] were not consumed",)

    def test_owners_are_looked_up_in_the_stage(self, bench):
        bench.write({"f": "x", "passwd": "ana:x:7:8::/:/bin/sh\n", "group": "team:x:9:\n"})
        built = bench.build(
            "FROM scratch\nCOPY passwd group /etc/\n"
            "COPY --chown=ana f /a\nCOPY --chown=ana:team f /b\nCOPY --chown=5 f /c\nCOPY f /d\n"
            "USER ana\nWORKDIR /home/x"
        )
        directories = bench.engine._ground.snapshotter.layer_directories(
            built.image.layers[-1].chain_id
        )
        owners = {}
        for directory in directories:
            for path in directory.rglob("*"):
                status = path.stat()
                owners[path.name] = (status.st_uid, status.st_gid)

        assert [owners[name] for name in "abcdx"] == [(7, 8), (7, 9), (5, 5), (0, 0), (7, 8)]

    def test_an_archive_is_unpacked_by_add_and_not_by_copy(self, bench, tree):
        import tarfile

        bench.write({"x/in": "side"})
        with tarfile.open(bench.context / "a.tar.xz", "w:xz") as archive:
            archive.add(bench.context / "x" / "in", "d/in")
        built = bench.build(
            "FROM scratch\nADD a.tar.xz /add/\nADD --unpack=false x/in /kept/\nADD x /plain/"
        )

        assert tree(built) == {
            "add/": "", "add/d/": "", "add/d/in": "side", "kept/": "", "kept/in": "side",
            "plain/": "", "plain/in": "side",
        }  # fmt: skip

    def test_a_url_is_fetched_and_checked(self, bench, tree):
        bench.downloads.files["https://host/dir/f.txt?x=1"] = b"content"
        digest = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
        built = bench.build(
            f"FROM scratch\nADD --checksum=sha256:{digest} https://host/dir/f.txt?x=1 /d/"
        )

        assert tree(built) == {"d/": "", "d/f.txt": "content"}
        with pytest.raises(DockerfileError, match="sha256"):
            bench.build(
                f"FROM scratch\nADD --checksum=sha256:{'0' * 64} https://host/dir/f.txt?x=1 /d/"
            )


class TestFailures:
    def test_a_program_that_fails_says_code_and_last_words(self, bench):
        with pytest.raises(StepFailed) as caught:
            bench.build("FROM scratch\nRUN print last words; fail 7", tag="app")

        assert (caught.value.exit_code, caught.value.tail, caught.value.line) == (
            7,
            "last words\n",
            2,
        )
        assert bench.engine.images.find("app") is None

    def test_the_state_before_the_step_stays_if_asked_for(self, bench):
        text = "FROM scratch\nRUN write /x 1\nENV A=1\nRUN write /never 1; fail 1"
        kept = []
        for _ in range(2):
            with pytest.raises(StepFailed) as caught:
                bench.build(text, tag="app", keep_failed=True)
            kept.append(caught.value.kept_image)
        image = bench.engine.images.get(kept[0])
        defaults = image.config.defaults

        assert kept[0] == kept[1]
        assert (image.tags, image.source, len(image.layers)) == ((), "build", 1)
        assert (defaults.env, defaults.labels["io.shipshape.failed-build"]) == (
            (DEFAULT_PATH, "A=1"),
            "true",
        )

    def test_a_base_is_its_own_state(self, bench):
        base = bench.build("FROM scratch\nRUN write /x 1", tag="base").image
        with pytest.raises(DockerfileError) as caught:
            bench.build("FROM base\nCOPY nothing /", keep_failed=True)

        assert caught.value.kept_image == str(base.id)

    @pytest.mark.parametrize("keeps", [True, False])
    def test_where_nothing_is_or_nobody_asked_nothing_is_kept(self, bench, keeps):
        before = "" if keeps else "RUN write /x 1\n"
        with pytest.raises(StepFailed) as caught:
            bench.build(f"FROM scratch\n{before}RUN fail 1", keep_failed=keeps)

        assert caught.value.kept_image == ""
        assert bench.engine.images.list() == []

    def test_steps_before_the_failure_are_cached(self, bench):
        with pytest.raises(StepFailed):
            bench.build("FROM scratch\nRUN write /x 1\nRUN fail 1")

        assert bench.steps("FROM scratch\nRUN write /x 1")[0][1] == "cached"

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("FROM scratch\nCOPY nothing /", DockerfileError),
            ("FROM scratch\nNOPE", DockerfileError),
            ("FROM scratch\nCOPY --chown=nobody-here Dockerfile /", DockerfileError),
        ],
    )
    def test_what_is_wrong_is_told_with_its_line(self, bench, text, kind):
        with pytest.raises(kind) as caught:
            bench.build(text)

        assert caught.value.line == 2

    def test_a_base_that_is_nowhere(self, bench):
        with pytest.raises((DockerfileError, RegistryUnreachable, ImageNotFound)):
            bench.build("FROM 127.0.0.1:1/none/such:1\nRUN write /x 1")

    @pytest.mark.parametrize(
        ("last", "told"),
        [
            ("FROM buildr", "Did you mean builder?"),
            ("FROM scratch\nCOPY --from=buildr /x /", "Did you mean builder?"),
            ("FROM scratch\nRUN --mount=from=buildr,target=/b see /b/x", "Did you mean builder?"),
        ],
    )
    @pytest.mark.parametrize("error", [RegistryUnreachable("127.0.0.1:1"), ImageNotFound("x")])
    def test_a_stage_that_was_meant_is_named(self, bench, last, told, error):
        text = f"FROM scratch AS builder\nRUN write /x 1\n{last}"
        bench.builds = Builds(bench.builds._parts, NoImages(error), bench.builds._pruner)
        with pytest.raises(DockerfileError) as caught:
            bench.build(text)

        assert (caught.value.line, caught.value.remedy) == (len(text.splitlines()), told)

    def test_what_is_like_no_stage_stays_a_registrys_failure(self, bench):
        error = RegistryUnreachable("127.0.0.1:1")
        bench.builds = Builds(bench.builds._parts, NoImages(error), bench.builds._pruner)
        with pytest.raises(RegistryUnreachable):
            bench.build("FROM golang AS golang-builder\nRUN write /x 1")

    def test_a_name_that_would_delete_something_is_refused(self, bench):
        bench.write({"d/.wh.bin": "", "d/a": "1"})
        with pytest.raises(DockerfileError, match=r"/d/.wh.bin cannot be in an image"):
            bench.build("FROM scratch\nCOPY d /d")
        bench.build("FROM scratch\nCOPY --exclude=.wh.* d /d")

    def test_a_target_that_is_none(self, bench):
        with pytest.raises(UnknownStage):
            bench.build("FROM scratch AS build\nRUN write /x 1", target="biuld")

    def test_a_dockerfile_that_is_missing(self, bench):
        with pytest.raises(InvalidInput, match="Cannot locate specified Dockerfile"):
            bench.build("FROM scratch", dockerfile="other")

    def test_squash_is_refused_by_name(self):
        with pytest.raises(InvalidSetting, match="squash"):
            BuildRequest(squash=True)

    def test_one_stage_that_fails_stops_the_others(self, bench):
        cancellation = Cancellation()
        seen = threading.Event()

        def wait(program):
            if "slow" in program.arguments[-1]:
                seen.wait(30)
            else:
                seen.set()

        bench.runner.before = wait
        with pytest.raises(StepFailed):
            bench.build(
                "FROM scratch AS a\nRUN print slow\nRUN print never\n"
                "FROM scratch AS b\nRUN fail 1\n"
                "FROM scratch\nCOPY --from=a / /\nCOPY --from=b / /"
            )
        assert not cancellation.is_cancelled

    def test_a_cancelled_build_moves_no_tag(self, bench):
        cancellation = Cancellation()
        bench.runner.before = lambda _: cancellation.cancel()
        (bench.context / "Dockerfile").write_text("FROM scratch\nRUN write /x 1")
        request = BuildRequest(tags=(Reference.parse("app"),))
        with pytest.raises(Cancelled):
            bench.builds.build(request, DirectoryContext(bench.context), cancellation=cancellation)
        assert bench.engine.images.find("app") is None

    @pytest.mark.parametrize("act", ["write /x 1", "fail 1"])
    def test_no_lock_of_a_build_is_left(self, bench, act):
        locks = bench.engine.paths.locks
        before = set(locks.iterdir())
        text = (
            f"FROM scratch AS a\nRUN write /f 1\nFROM scratch\nRUN --mount=from=a,target=/x {act}"
        )
        with suppress(StepFailed):
            bench.build(text)

        assert set(locks.iterdir()) == before

    def test_nothing_of_a_failed_build_is_left(self, bench):
        def left():
            run = bench.engine.paths.builds
            keys = [s.key for s in bench.engine._ground.snapshotter.iter_snapshots()]
            return [each for each in keys if each.startswith("build/")], list(run.glob("*"))

        with pytest.raises(StepFailed):
            bench.build(
                "FROM scratch AS a\nRUN write /f 1\n"
                "FROM scratch\nRUN --mount=from=a,target=/x,rw fail 1"
            )

        assert left() == ([], [])
