"""Whose things are: what operators may do with their own, and maintainers with everybody's."""

import importlib

import pytest
from django.apps import apps

from dashboard.arguments import ARGUMENTS, Thing, parse_arguments
from dashboard.errors import BelongsToAnother
from dashboard.jobs import JobName
from dashboard.models import Container, Image, Job, Network, Role, User, Volume
from dashboard.permissions import check_takes, may_take, refusals, whose
from dashboard.selectors.owners import owners_of

pytestmark = pytest.mark.django_db

OTHERS = ["ana", "", "docker CLI (otto)", "Otto"]
HEX = "c" * 64
IMAGE = f"sha256:{HEX}"

# Everything that ends, changes or removes something, with the least that it is told.
TAKING = {
    JobName.STOP_CONTAINER: {"container_id": HEX},
    JobName.KILL_CONTAINER: {"container_id": HEX},
    JobName.RESTART_CONTAINER: {"container_id": HEX},
    JobName.PAUSE_CONTAINER: {"container_id": HEX},
    JobName.REMOVE_CONTAINER: {"container_id": HEX},
    JobName.RENAME_CONTAINER: {"container_id": HEX, "name": "new"},
    JobName.UPDATE_CONTAINER: {"container_id": HEX},
    JobName.RESET_CONTAINER: {"container_id": HEX},
    JobName.REVERT_FILES: {"container_id": HEX, "paths": ["/etc/motd"]},
    JobName.LEASE_CONTAINER: {"container_id": HEX},
    JobName.DISCONNECT_NETWORK: {"network_id": HEX, "container_id": HEX},
    JobName.REMOVE_IMAGE: {"image_id": IMAGE},
    JobName.REMOVE_VOLUME: {"name": "data"},
    JobName.REMOVE_NETWORK: {"network_id": HEX},
    JobName.TRASH_VOLUMES: {"ids": ["data"]},
    JobName.CLEAN_UP_NETWORKS: {"ids": [HEX]},
    JobName.TRASH_CONTAINERS: {"ids": [HEX]},
    JobName.TRASH_IMAGES: {"ids": [IMAGE]},
    JobName.KEEP_THINGS: {"ids": [IMAGE, f"log:{HEX}", "volume:data"], "let_go": True},
}


def own_things(host, owner: str) -> None:
    Container.objects.create(host=host, container_id=HEX, name="web", owner=owner)
    Image.objects.create(host=host, image_id=IMAGE, added_by=owner)
    Volume.objects.create(host=host, name="data", owner=owner)
    Network.objects.create(host=host, network_id=HEX, name="lab", owner=owner)


def test_an_operator_may_take_only_what_is_their_own(otto):
    assert may_take(otto, "otto")
    assert [owner for owner in OTHERS if may_take(otto, owner)] == []


@pytest.mark.parametrize("role", [Role.MAINTAINER, Role.ADMIN])
def test_a_maintainer_may_take_everything(role):
    user = User(username="mia", role=role)

    assert all(may_take(user, owner) for owner in ["mia", *OTHERS])


def test_who_only_looks_or_was_shut_out_takes_nothing(vera, otto):
    otto.is_active = False

    assert not may_take(vera, "vera")
    assert not may_take(otto, "otto")
    assert not may_take(None, "")


def test_it_is_said_whose_it_is_and_whom_to_ask():
    assert whose("ana") == "belongs to ana: ask the owner"
    assert whose("docker CLI (root)") == "came by docker CLI (root): ask a maintainer"
    assert whose("") == "belongs to nobody known here: ask a maintainer"


def test_each_thing_that_stays_has_its_reason(otto):
    own, other = Thing("volume", "mine"), Thing("volume", "hers")

    assert refusals(otto, {own: "otto", other: "ana"}) == {other: whose("ana")}


@pytest.mark.parametrize("name", TAKING)
@pytest.mark.parametrize("owner", OTHERS)
def test_an_operator_gets_no_job_that_takes_what_is_another_s(name, owner, request_by, otto, host):
    own_things(host, owner)

    with pytest.raises(BelongsToAnother):
        request_by(otto, name=name, arguments=TAKING[name])

    assert not Job.objects.exists()


@pytest.mark.parametrize("name", TAKING)
def test_an_operator_gets_every_job_about_their_own(name, request_by, otto, host):
    own_things(host, "otto")

    assert request_by(otto, name=name, arguments=TAKING[name]).name == name


@pytest.mark.parametrize("name", TAKING)
def test_a_maintainer_gets_every_job_about_anybody_s(name, request_by, mia, host):
    own_things(host, "ana")

    assert request_by(mia, name=name, arguments=TAKING[name]).name == name


@pytest.mark.parametrize("name", [JobName.START_CONTAINER, JobName.UNPAUSE_CONTAINER])
def test_starting_what_is_another_s_takes_nothing(name, request_by, otto, host):
    own_things(host, "ana")

    assert request_by(otto, name=name, arguments={"container_id": HEX}).name == name


@pytest.mark.parametrize("subject", [HEX, IMAGE, "volume:data", f"log:{HEX}"])
def test_keeping_takes_nothing_and_letting_go_does(subject, request_by, otto, host):
    own_things(host, "ana")
    told = {"ids": [subject]}

    assert request_by(otto, name=JobName.KEEP_THINGS, arguments=told).name == JobName.KEEP_THINGS
    with pytest.raises(BelongsToAnother):
        request_by(otto, name=JobName.KEEP_THINGS, arguments={**told, "let_go": True})


def test_no_job_that_removes_or_cleans_up_is_forgotten():
    kinds = ("remove", "cleanup", "trash")
    removing = {name for name in JobName if any(each in name.value for each in kinds)}
    # These are sorted out by the worker, who knows what a plan or the trash holds.
    removing -= {JobName.RUN_CLEAN_UP, JobName.EMPTY_TRASH, JobName.RESTORE_FROM_TRASH}
    # Policies are for who maintains.
    removing -= {JobName.CLEAN_UP_BY_POLICY}

    assert removing <= set(TAKING)
    assert {name for name in removing if ARGUMENTS[name].is_selection} == {
        name for name in removing if "remove" not in name.value and name != JobName.KEEP_THINGS
    }


def test_a_selection_passes_while_some_of_it_is_their_own(otto):
    hers, mine = Thing("volume", "hers"), Thing("volume", "mine")
    told = parse_arguments(JobName.TRASH_VOLUMES, {"ids": ["hers", "mine"]})

    check_takes(otto, told, {hers: "ana", mine: "otto"}, host="alpha")

    with pytest.raises(BelongsToAnother, match="Volume hers belongs to ana"):
        check_takes(otto, told, {hers: "ana", mine: "ana"}, host="alpha")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (JobName.TRASH_CONTAINERS, {"ids": [HEX, "d" * 64]}),
        (JobName.TRASH_VOLUMES, {"ids": ["data", "hers"]}),
        (JobName.EMPTY_TRASH, {"ids": [f"trash:{HEX}"]}),
        (JobName.RUN_CLEAN_UP, {"plan_id": "a" * 32}),
    ],
)
def test_a_selection_is_nobody_else_s_job(name, told, request_by, otto, mia, host):
    own_things(host, "otto")

    first = request_by(otto, name=name, arguments=told)
    again = request_by(otto, name=name, arguments=told)
    hers = request_by(mia, name=name, arguments=told)

    assert (first, hers.requested_by) == (again, mia)


def test_owners_are_known_by_host_and_what_is_not_there_is_left_out(host):
    own_things(host, "ana")
    data, gone = Thing("volume", "data"), Thing("volume", "gone")

    assert owners_of("alpha", [data, gone]) == {data: "ana"}
    assert owners_of("beta", [data]) == {}


def test_who_operated_before_there_were_maintainers_keeps_every_right(otto, vera, ada):
    module = importlib.import_module("dashboard.migrations.0008_maintainers")

    module.promote(apps, None)

    roles = dict(User.objects.values_list("username", "role"))
    assert roles == {"otto": "maintainer", "vera": "viewer", "ada": "admin"}
