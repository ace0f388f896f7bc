"""The ledger that follows changes, held against the one that is made anew."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from engine.ledger import Survey, reclaim_of, usage_of
from engine.ledger.book import WRITABLE, Book
from engine.ledger.survey import TRASH, VOLUME, held_by
from tests.engine.ledger.test_survey import Container, Document, Image, Layer, Stored

HOLDERS = [
    f"{where}{kind}{number}" for where in ("", "trash:") for kind in "ic" for number in "012"
]
STEPS = ["step:s0", "step:s1"]
VOLUMES = [f"{where}volume:v{number}" for where in ("", "trash:") for number in "012"]


@dataclass
class World:
    """What there is, and a book that was told of every change to it."""

    images: list[Image]
    book: Book = field(default_factory=Book)
    place: dict[str, str] = field(default_factory=dict)
    users: dict[str, tuple[str, str]] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    volumes: dict[str, int] = field(default_factory=dict)
    trashed_volumes: dict[str, int] = field(default_factory=dict)

    def survey(self) -> Survey:
        def those(where: str) -> tuple[Image, ...]:
            return tuple(each for each in self.images if self.place.get(each.id) == where)

        def users(where: str) -> tuple[Container, ...]:
            return tuple(Container(key, of) for key, (at, of) in self.users.items() if at == where)

        return Survey(
            images=those("here"),
            trashed_images=those("trash"),
            containers=users("here"),
            trashed_containers=users("trash"),
            layers=tuple(
                Stored(key, key.rpartition("-")[0] or None, each.size)
                for key, each in self.layers.items()
            ),
            steps=self.steps,
            writable=dict.fromkeys(self.users, 10000),
            volumes=self.volumes,
            trashed_volumes=self.trashed_volumes,
        )

    def move_image(self, number: int, where: str) -> None:
        image = self.images[number % len(self.images)]
        before = self.place.get(image.id)
        if any(of == image.id for _, of in self.users.values()) or before == where:
            return
        self.store(image.layers)
        # As in a transaction, there is a moment at which it is in both places.
        if where != "gone":
            self.place[image.id] = where
            documents = {each.digest: each.size for each in image.documents}
            top = image.layers[-1].chain_id if image.layers else None
            self.book.put_image(image.id, top, documents, in_trash=where == "trash")
        if before is not None:
            self.book.drop_image(image.id, in_trash=before == "trash")
        if where == "gone":
            self.place.pop(image.id, None)

    def move_container(self, number: int, where: str) -> None:
        key, image = f"c{number}", self.images[number % len(self.images)]
        at, of = self.users.pop(key, ("", image.id))
        if at:
            self.book.drop_container(key, in_trash=at == "trash")
            self.book.set_bytes(WRITABLE, key, None)
        if where != "gone" and (at or self.place.get(of) == "here"):
            self.users[key] = (where, of)
            self.book.put_container(key, of, in_trash=where == "trash")
            self.book.set_bytes(WRITABLE, key, 10_000)

    def move_volume(self, number: int, where: str) -> None:
        name = f"v{number}"
        self.volumes.pop(name, None)
        self.trashed_volumes.pop(held_by(VOLUME, name), None)
        if where == "here":
            self.volumes[name] = 100_000 << number
        elif where == "trash":
            self.trashed_volumes[held_by(VOLUME, name)] = 100_000 << number
        self.book.replace_bytes(VOLUME, self.volumes)
        self.book.replace_bytes(TRASH, self.trashed_volumes)

    def cache(self, number: int, where: str) -> None:
        key = f"s{number % 2}"
        stack = self.images[number % len(self.images)].layers[: number % 3]
        if where == "gone" or not stack:
            self.steps.pop(key, None)
            self.book.drop_step(key)
            return
        self.store(stack)
        self.steps[key] = stack[-1].chain_id
        self.book.put_step(key, stack[-1].chain_id)

    def store(self, layers: tuple[Layer, ...]) -> None:
        for each in layers:
            below = each.chain_id.rpartition("-")[0] or None
            self.book.put_layer(each.chain_id, each.size, below)
            self.layers[each.chain_id] = each

    def pack(self) -> None:
        """Let the layers of images have their archives; a survey knows of no others."""
        packed = {x.chain_id for i in self.images if i.id in self.place for x in i.layers}
        for key, each in self.layers.items():
            self.book.set_archive(key, each.digest, each.archive_bytes if key in packed else 0)

    def collect(self, *_: object) -> None:
        """Remove the layers that nobody needs."""
        needed = {x.chain_id for i in self.images if i.id in self.place for x in i.layers}
        kept = [*needed, *self.steps.values()]
        gone = {
            each for each in self.layers if not any(f"{k}-".startswith(f"{each}-") for k in kept)
        }
        assert self.book.drop_layers(gone)
        self.layers = {key: each for key, each in self.layers.items() if key not in gone}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    stacks = draw(st.lists(st.lists(st.integers(0, 1), max_size=4), min_size=1, max_size=3))
    images = []
    for number, stack in enumerate(stacks):
        layers = []
        for height in range(len(stack)):
            path = "-".join(map(str, stack[: height + 1]))
            layers.append(Layer(path, 1 << height, f"d{stack[height]}", 100 * stack[height]))
        images.append(Image(f"i{number}", tuple(layers), (Document(f"m{number // 2}", 1000),)))
    return World(images)


ACTS = st.tuples(
    st.sampled_from(
        [World.move_image, World.move_container, World.move_volume, World.cache, World.collect]
    ),
    st.integers(0, 2),
    st.sampled_from(["here", "here", "trash", "gone"]),
)


@given(
    worlds(), st.lists(ACTS, max_size=24), st.frozensets(st.sampled_from(HOLDERS + STEPS + VOLUMES))
)
def test_after_any_changes_it_says_what_a_new_look_would(
    world: World, acts: list[tuple[object, int, str]], selection: frozenset[str]
) -> None:
    for act, number, where in acts:
        act(world, number, where)  # type: ignore[operator]
        world.pack()

        survey = world.survey()
        assert world.book.freed(selection) == reclaim_of(survey).freed(selection)
        assert world.book.usage() == usage_of(survey)


def test_a_layer_that_somebody_needs_is_not_dropped() -> None:
    book = Book()
    book.put_layer("base", 100, None)
    book.put_layer("web", 7, "base")
    book.put_image("i", "web", {}, in_trash=False)

    assert not book.drop_layers(["base", "web"])
    book.drop_image("i", in_trash=False)
    assert book.drop_layers(["base", "web"])
    assert book.usage().total == 0


def test_a_layer_learns_of_its_archive_later() -> None:
    book = Book()
    book.put_layer("base", 100, None)
    book.put_image("i", "base", {"config": 5}, in_trash=False)
    book.set_archive("base", "packed", 40)

    assert book.usage().archives == 40
    assert book.freed(["i"]) == 145
    book.set_archive("base", "packed", 0)
    assert book.freed(["i"]) == 105
    assert book.image_size("i") == 100


def test_a_volume_in_the_trash_is_the_trash_s_and_comes_free_with_it() -> None:
    book = Book()
    book.set_bytes(VOLUME, "data", 100)
    book.set_bytes(VOLUME, "data", None)
    book.set_bytes(TRASH, "volume:1", 100)

    usage = book.usage()
    assert (usage.volumes, usage.trash, usage.unused, usage.total) == (0, 100, 0, 100)
    assert book.freed(["trash:volume:1", "volume:data"]) == 100
