import pytest

from engine.containers.bundle import Bundle
from engine.containers.state import ContainerState
from engine.errors import AmbiguousID, ContainerNotFound, ImageNotFound, InvalidSetting, NameTaken
from engine.settings import ContainerSettings, Endpoint
from tests.support.containers import IMAGE, Yard


class TestCreate:
    def test_a_new_container_is_created_and_at_rest(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings("/bin/sh", name="web"), owner="ana")

        assert record.state is ContainerState.CREATED
        assert (record.name, record.owner, record.image_reference) == ("web", "ana", IMAGE)
        assert record.command == ("/bin/sh",)
        assert record.pid == 0
        assert yard.containers.get("web") == record
        assert yard.actions() == ["create"]
        assert yard.leftovers(records=1) == []

    def test_without_a_name_one_is_made_up(self, yard: Yard) -> None:
        first = yard.containers.create(yard.settings())
        second = yard.containers.create(yard.settings())

        assert first.name != second.name
        assert "_" in first.name

    def test_a_taken_name_is_refused_and_nothing_is_left(self, yard: Yard) -> None:
        holder = yard.containers.create(yard.settings(name="web"))

        with pytest.raises(NameTaken) as caught:
            yard.containers.create(yard.settings(name="web"))

        assert caught.value.holder == holder.id
        assert yard.leftovers(records=1) == []

    def test_a_name_taken_at_the_last_moment_leaves_nothing_either(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make = yard.means.bundles.make

        def make_late(bundle: Bundle) -> None:
            monkeypatch.undo()
            yard.containers.create(yard.settings(name="web"))
            make(bundle)

        monkeypatch.setattr(yard.means.bundles, "make", make_late)
        with pytest.raises(NameTaken):
            yard.containers.create(yard.settings(name="web"))

        assert yard.leftovers(records=1) == []

    def test_more_processors_than_there_are_cannot_be_had(self, yard: Yard) -> None:
        with pytest.raises(InvalidSetting, match="only 2 CPUs available"):
            yard.containers.create(yard.settings(nano_cpus=2_000_000_001))

    def test_a_link_to_what_does_not_exist_is_refused(self, yard: Yard) -> None:
        with pytest.raises(InvalidSetting, match="could not get container for nope"):
            yard.containers.create(
                yard.settings(network="bridge", endpoints=(Endpoint("bridge", links=("nope:x",)),))
            )

        assert yard.leftovers() == []

    def test_an_unknown_image_is_refused(self, yard: Yard) -> None:
        with pytest.raises(ImageNotFound):
            yard.containers.create(ContainerSettings(image="nowhere"))

        assert yard.leftovers() == []

    def test_an_image_that_goes_meanwhile_leaves_nothing(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make = yard.means.bundles.make

        def make_late(bundle: Bundle) -> None:
            yard.images.remove(IMAGE)
            make(bundle)

        monkeypatch.setattr(yard.means.bundles, "make", make_late)
        with pytest.raises(ImageNotFound):
            yard.containers.create(yard.settings())

        assert yard.leftovers() == []

    def test_nothing_to_run_is_refused_before_anything_is_made(self, yard: Yard) -> None:
        with pytest.raises(InvalidSetting, match="No command"):
            yard.containers.create(
                yard.settings(entrypoint=("",)).from_json({"image": IMAGE, "entrypoint": []})
            )

        assert yard.leftovers() == []

    def test_the_image_knows_its_holders_and_its_last_use(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings(name="web"))

        assert yard.containers.holders(record.image_id) == ("web",)
        assert yard.images.used == [record.image_id]


class TestReferences:
    def test_a_container_is_meant_by_id_prefix_or_name(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings(name="web"))

        for ref in (record.id, record.id[:4], "web"):
            assert yard.containers.get(ref).id == record.id

    def test_a_name_wins_over_the_beginning_of_an_id(self, yard: Yard) -> None:
        first = yard.containers.create(yard.settings())
        second = yard.containers.create(yard.settings(name=first.id[:6]))

        assert yard.containers.get(first.id[:6]).id == second.id

    def test_a_prefix_of_several_is_refused(self, yard: Yard) -> None:
        ids = [yard.containers.create(yard.settings()).id for _ in range(17)]
        prefix = next(each[0] for each in ids if sum(i[0] == each[0] for i in ids) > 1)

        with pytest.raises(AmbiguousID):
            yard.containers.get(prefix)

    @pytest.mark.parametrize("ref", ["", "nobody", "zz", "' OR 1=1", "%"])
    def test_what_names_nothing_is_not_found(self, yard: Yard, ref: str) -> None:
        yard.containers.create(yard.settings())

        with pytest.raises(ContainerNotFound):
            yard.containers.get(ref)
        assert yard.containers.find(ref) is None
