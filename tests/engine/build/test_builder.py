"""Builds on real layers: what comes out, what is cached, what is left. Programs are made up."""

import threading
from contextlib import suppress

import pytest

from engine.build.builds import Builds
from engine.build.context import DirectoryContext
from engine.build.prune import CacheFilter
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
from engine.system.paths import EnginePaths
from tests.support.builds import opened_bench, tree_of
from tests.support.world import Sink

pytestmark = pytest.mark.root


class NoImages:
    """Has no image, and fails to pull any with *error*."""

    def __init__(self, error):
        self.error = error

    def find(self, text):
        return None

    def pull(self, reference, **options):
        raise self.error


@pytest.fixture
def bench(tmp_path):
    paths = EnginePaths(tmp_path / "root", tmp_path / "run")
    with opened_bench(paths, tmp_path / "context") as opened:
        yield opened


@pytest.fixture
def tree(bench):
    return lambda built: tree_of(bench.engine, built)


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


class TestCache:
    def test_a_second_build_does_nothing_and_gives_the_same_image(self, bench):
        bench.write({"a": "1"})
        text = "FROM scratch\nENV A=1\nCOPY a /\nRUN write /x 1\nWORKDIR /w"
        first = bench.build(text)
        ran = len(bench.runner.ran)

        assert {status for _, status in bench.steps(text)} == {"cached"}
        assert bench.build(text).image.id == first.image.id
        assert len(bench.runner.ran) == ran

    def test_what_follows_a_change_is_done_again(self, bench):
        bench.write({"a": "1"})
        text = "FROM scratch\nRUN write /x 1\nCOPY a /\nRUN write /y 1"
        bench.build(text)
        bench.write({"a": "2"})

        assert [status for _, status in bench.steps(text)] == ["cached", "done", "done"]

    def test_touched_files_are_still_cached(self, bench):
        import os

        bench.write({"a": "1"})
        bench.build("FROM scratch\nCOPY a /")
        os.utime(bench.context / "a", (1, 1))

        assert bench.steps("FROM scratch\nCOPY a /")[0][1] == "cached"

    def test_another_base_is_another_key(self, bench):
        bench.build("FROM scratch\nRUN write /b 1", tag="base")
        bench.build("FROM base\nRUN write /x 1")
        bench.build("FROM scratch\nRUN write /b 1\nENV CONFIG=changed", tag="base")

        assert bench.steps("FROM base\nRUN write /x 1")[-1][1] == "done"

    def test_without_cache_everything_is_done_and_is_the_cache_afterwards(self, bench):
        text = "FROM scratch\nRUN write /x 1"
        bench.build(text)

        assert bench.steps(text, use_cache=False)[0][1] == "done"
        assert bench.steps(text)[0][1] == "cached"

    def test_an_argument_counts_where_it_is_seen(self, bench):
        text = "FROM scratch\nRUN write /x 1\nARG A\nRUN write /y 1"
        bench.build(text, arguments={"A": "1"})

        statuses = [s for _, s in bench.steps(text, arguments={"A": "2"})]
        assert statuses == ["cached", "cached", "done"]

    def test_a_secret_does_not_count(self, bench):
        text = "FROM scratch\nRUN --mount=type=secret,id=s write /x 1"
        bench.build(text, secrets={"s": b"one"})

        assert bench.steps(text, secrets={"s": b"two"})[0][1] == "cached"

    def test_mounted_files_count(self, bench):
        bench.write({"a": "1"})
        text = "FROM scratch\nRUN --mount=target=/src see /src/a"

        assert bench.output(text) == "1"
        assert bench.output(text) == ""
        bench.write({"a": "2"})
        assert bench.output(text) == "2"

    def test_an_entry_whose_layer_is_gone_is_forgotten(self, bench):
        text = "FROM scratch\nRUN write /x 1"
        built = bench.build(text)
        bench.engine.images.remove(str(built.image.id), force=True)
        bench.engine._ground.snapshotter.remove(str(built.image.layers[0].chain_id))

        assert bench.steps(text)[0][1] == "done"

    def test_an_entry_whose_layer_is_gone_is_forgotten_before_a_copy(self, bench):
        bench.write({"a": "1"})
        text = "FROM scratch\nRUN write /x 1\nENV A=1\nCOPY a /"
        built = bench.build(text)
        bench.engine.images.remove(str(built.image.id), force=True)
        for layer in reversed(built.image.layers):
            bench.engine._ground.snapshotter.remove(str(layer.chain_id))

        assert [status for _, status in bench.steps(text)] == ["done", "cached", "done"]

    def test_a_lower_layer_that_is_gone_is_made_again(self, bench):
        text = "FROM scratch\nRUN write /x 1\nRUN write /y 1"
        built = bench.build(text)
        bench.engine.images.remove(str(built.image.id), force=True)
        for layer in reversed(built.image.layers):
            bench.engine._ground.snapshotter.remove(str(layer.chain_id))

        assert bench.build(text).image.layers[1].diff_id == built.image.layers[1].diff_id
        assert [status for _, status in bench.steps(text)] == ["cached", "cached"]

    def test_the_same_again_writes_down_nothing(self, bench):
        text = "FROM scratch\nENV A=1\nRUN write /x 1"
        first = bench.build(text, tag="app")
        told = bench.engine.events.last_sequence()

        again = bench.build(text, tag="app")

        assert (again.image.added_at, again.replaced) == (first.image.added_at, ())
        assert bench.engine.events.last_sequence() == told

    def test_a_config_that_the_disk_lost_is_there_after_the_next_build(self, bench):
        text = "FROM scratch\nRUN write /x 1"
        image = bench.build(text).image
        store = bench.engine._ground.content
        store.remove(image.id)

        assert bench.build(text).image.id == image.id
        assert store.read_blob(image.id, limit=1 << 20) == image.config_content

    def test_a_cached_step_opens_none_of_its_mounts(self, bench):
        text = "FROM scratch\nRUN --mount=type=secret,id=s,required "
        text += "--mount=type=cache,target=/c,sharing=locked write /x 1"
        bench.build(text, secrets={"s": b"sesame"})
        (cache,) = bench.builds.cache_places()

        with bench.engine._ground.locks.held(f"build-cache/{cache.name}"):
            assert bench.steps(text)[0][1] == "cached"

    def test_the_cache_keeps_layers_that_no_image_needs(self, bench):
        text = "FROM scratch\nRUN write /x 1"
        built = bench.build(text)
        removal = bench.engine.images.remove(str(built.image.id), force=True)
        bench.engine.reconcile()

        assert removal.deleted == (built.image.id,)
        assert bench.steps(text)[0][1] == "cached"

    def test_pruning_frees_exactly_what_it_says(self, bench):
        built = bench.build("FROM scratch\nRUN write /x 1")
        bench.engine.images.remove(str(built.image.id), force=True)
        size = built.image.layers[0].size

        pruned = bench.builds.prune_cache()

        assert (pruned.freed_bytes, len(pruned.steps)) == (size, 1)
        assert bench.builds.cache().steps == ()
        assert bench.engine._ground.snapshotter.find(str(built.image.layers[0].chain_id)) is None

    def test_pruning_leaves_layers_of_images(self, bench, tree):
        built = bench.build("FROM scratch\nRUN write /x 1")

        assert bench.builds.prune_cache().freed_bytes == 0
        assert tree(built) == {"x": "1"}

    @pytest.mark.parametrize(
        ("only", "is_gone"),
        [
            pytest.param(CacheFilter(type="regular"), True, id="its-type"),
            pytest.param(CacheFilter(type="exec.cachemount"), False, id="another-type"),
            pytest.param(CacheFilter(id="no-digit"), False, id="another-id"),
            pytest.param(CacheFilter(is_shared=True), True, id="an-image-has-it"),
            pytest.param(CacheFilter(is_shared=False), False, id="no-image-has-it"),
            pytest.param(CacheFilter(is_possible=False), False, id="nothing"),
        ],
    )
    def test_pruning_takes_only_what_is_meant(self, bench, only, is_gone):
        bench.build("FROM scratch\nRUN write /x 1")

        pruned = bench.builds.prune_cache(only=only)

        assert bool(pruned.steps) is is_gone
        assert bool(bench.builds.cache().steps) is not is_gone

    def test_two_builds_at_once_do_a_step_once(self, bench):
        gate = threading.Barrier(2, timeout=30)
        context = DirectoryContext(bench.context, b"FROM scratch\nRUN write /x 1")
        images = []

        def build():
            gate.wait()
            images.append(bench.builds.build(BuildRequest(), context).image.id)

        threads = [threading.Thread(target=build) for _ in range(2)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        assert len(set(images)) == 1
        assert len(bench.runner.ran) == 1

    def test_an_image_that_is_named_brings_its_steps_along(self, bench):
        bench.write({"a": "1"})
        text = "FROM scratch\nENV A=1\nCOPY a /\nRUN write /x 1\nRUN write /y 1"
        first = bench.build(text, tag="app")
        bench.builds.prune_cache()

        named = bench.steps(text, cache_from=(Reference.parse("app"),))

        assert [status for _, status in named] == ["cached"] * 4
        assert bench.build(text, cache_from=(Reference.parse("app"),)).image.id == first.image.id
        assert [s for _, s in bench.steps(text)] == ["done"] * 4

    def test_a_cache_that_cannot_be_had_is_told_and_no_error(self, bench):
        sink = Sink()
        bench.build(
            "FROM scratch\nRUN write /x 1",
            sink=sink,
            cache_from=(Reference.parse("127.0.0.1:1/none:1"),),
        )

        assert any("no cache from" in getattr(event, "text", "") for event in sink.events)


class TestReproducible:
    def test_an_epoch_makes_equal_images(self, bench):
        bench.write({"a": "1"})
        text = "FROM scratch\nCOPY a /d/\nWORKDIR /w\nENV A=1"
        first = bench.build(text, epoch=1_000_000_000, use_cache=False)
        second = bench.build(text, epoch=1_000_000_000, use_cache=False)

        assert first.image.id == second.image.id
        assert first.image.created_at.timestamp() == 1_000_000_000

    def test_it_may_come_as_a_build_argument(self):
        request = BuildRequest(arguments={"SOURCE_DATE_EPOCH": "5"})

        assert request.source_date_epoch == 5


class TestMounts:
    def test_a_secret_is_seen_and_leaves_nothing(self, bench, tree):
        built = bench.output(
            "FROM scratch\nRUN --mount=type=secret,id=key see /run/secrets/key",
            secrets={"key": b"sesame"},
        )

        assert built == "sesame"
        program = bench.runner.ran[-1]
        assert not program.binds[0].source.exists()

    def test_a_required_secret_that_is_missing_is_refused(self, bench):
        with pytest.raises(DockerfileError, match="secret 'key' was not given"):
            bench.build("FROM scratch\nRUN --mount=type=secret,id=key,required print x")

    def test_a_secret_can_be_a_variable(self, bench):
        bench.build(
            "FROM scratch\nRUN --mount=type=secret,id=k,env=KEY print x", secrets={"k": b"v"}
        )

        assert "KEY=v" in bench.runner.ran[-1].env

    def test_no_place_is_made_for_what_is_not_mounted(self, bench):
        seen = []
        bench.runner.before = lambda _: seen.extend(bench.engine.paths.builds.glob("*"))
        bench.build("FROM scratch\nRUN write /x 1")

        assert seen == []

    def test_a_cache_outlives_the_build(self, bench):
        def fill(program):
            (program.binds[0].source / "kept").write_text("x")

        bench.runner.before = fill
        bench.build("FROM scratch\nRUN --mount=type=cache,target=/c print 1")
        bench.runner.before = lambda _: None

        assert bench.output("FROM scratch\nRUN --mount=type=cache,target=/c see /c/kept") == "x"
        assert len(bench.builds.cache().directories) == 1
        bench.builds.prune_cache()
        assert bench.builds.cache().directories == ()

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            pytest.param("target=/c", "/c", id="target"),
            pytest.param("target=c/", "/w/c", id="below-the-workdir"),
            pytest.param("target=/c,id=pip", "/c with id pip", id="with-an-id"),
        ],
    )
    def test_a_cache_says_what_it_is_for(self, bench, options, named):
        bench.build(f"FROM scratch\nWORKDIR /w\nRUN --mount=type=cache,{options} print 1")
        bench.build(f"FROM scratch\nWORKDIR /w\nRUN --mount=type=cache,{options} print 2")

        (measured,), (place,) = bench.builds.cache().directories, bench.builds.cache_places()
        assert measured.description == f"cached mount {named} from exec /bin/sh -c print 2"
        assert place.description == measured.description
        assert measured.note.uses == 2

    def test_a_cache_that_was_removed_begins_anew(self, bench):
        text = "FROM scratch\nRUN --mount=type=cache,target=/c print"
        bench.build(f"{text} 1")
        bench.builds.remove_cache_mount(bench.builds.cache_places()[0].name)
        bench.build(f"{text} 2")

        assert bench.builds.cache_places()[0].note.uses == 1

    def test_a_cache_without_a_note_is_listed(self, bench):
        (bench.engine.paths.build_caches / "old").mkdir(parents=True)

        assert [each.description for each in bench.builds.cache_places()] == ["cached mount"]

    def test_files_of_a_stage_can_be_mounted(self, bench):
        text = (
            "FROM scratch AS one\nRUN write /d/f 1\n"
            "FROM scratch\nRUN --mount=from=one,source=/d,target=/m see /m/f"
        )

        assert bench.output(text) == "1"

    def test_what_was_made_for_mounting_is_no_part_of_the_layer(self, bench, tree):
        def stand(program):
            upper = bench.engine._ground.snapshotter.changes_directory(program.key)
            (upper / "a" / "b").mkdir(parents=True)

        bench.runner.before = stand
        built = bench.build("FROM scratch\nRUN --mount=type=tmpfs,target=/a/b write /x 1")

        assert tree(built) == {"x": "1"}

    def test_a_script_with_an_interpreter_is_a_file(self, bench):
        seen = []
        bench.runner.before = lambda p: seen.append(p.binds[0].source.read_text())
        with pytest.raises(KeyError):
            bench.build("FROM scratch\nRUN <<E\n#!/bin/x\nhello\nE")

        assert seen == ["#!/bin/x\nhello\n"]


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
