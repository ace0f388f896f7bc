"""What a build takes from its cache, and that the same comes out again."""

import threading

import pytest

from engine.build.context import DirectoryContext
from engine.build.prune import CacheFilter
from engine.build.request import BuildRequest
from engine.oci.reference import Reference
from tests.support.world import Sink

pytestmark = pytest.mark.root


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

    def test_a_lower_layer_that_is_gone_is_made_again(self, bench, tree):
        text = "FROM scratch\nRUN write /x 1\nRUN write /y 1"
        built = bench.build(text)
        bench.engine.images.remove(str(built.image.id), force=True)
        for layer in reversed(built.image.layers):
            bench.engine._ground.snapshotter.remove(str(layer.chain_id))

        again = bench.build(text)

        assert tree(again) == {"x": "1", "y": "1"}
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

    def test_pruning_to_a_size_begins_at_the_top(self, bench):
        text = "FROM scratch\nRUN write /a 1\nENV A=1\nRUN write /b 1\nRUN write /c 1"
        built = bench.build(text)
        bench.engine.images.remove(str(built.image.id), force=True)
        lowest, *above = built.image.layers

        pruned = bench.builds.prune_cache(keep_bytes=lowest.size)

        assert pruned.freed_bytes == sum(layer.size for layer in above)
        kept = bench.engine._ground.snapshotter.iter_snapshots()
        assert [each.key for each in kept] == [str(lowest.chain_id)]
        assert bench.steps(text)[0][1] == "cached"

    def test_what_was_forgotten_below_comes_free_with_what_stood_on_it(self, bench):
        built = bench.build("FROM scratch\nRUN write /a 1\nRUN write /b 1")
        bench.engine.images.remove(str(built.image.id), force=True)
        (lower,) = [each.key for each in bench.builds.cache_steps() if not each.parent]

        first = bench.builds.prune_cache(only=CacheFilter(id=lower))
        second = bench.builds.prune_cache()

        assert (first.freed_bytes, first.steps) == (0, (lower,))
        assert second.freed_bytes == sum(layer.size for layer in built.image.layers)
        assert not list(bench.engine._ground.snapshotter.iter_snapshots())

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
