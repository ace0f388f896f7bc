"""What steps of a build have mounted."""

import pytest

from engine.errors import DockerfileError

pytestmark = pytest.mark.root


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
