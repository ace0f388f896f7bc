"""What pages read, in how many queries."""

from datetime import timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from dashboard import selectors, services
from dashboard.errors import AccountNotFound, HostNotFound, JobNotFound
from dashboard.models import Container, Host, Image, ImageLayer, JobLogLine, Layer, Tag
from dashboard.selectors import ACTIVITY, CONTAINERS, IMAGES, JOBS, Chosen
from engine.errors import ContainerNotFound, ImageNotFound

pytestmark = pytest.mark.django_db


def make_layer(host: Host, name: str, size: int) -> Layer:
    return Layer.objects.create(host=host, chain_id=f"chain-{name}", diff_id=name, size=size)


def make_image(host: Host, digit: str, *layers: Layer, tags: tuple[str, ...] = ()) -> Image:
    image = Image.objects.create(
        host=host,
        image_id=f"sha256:{digit * 64}",
        is_dangling=not tags,
        size=sum(layer.size for layer in layers),
        added_at=timezone.now(),
    )
    for position, layer in enumerate(layers):
        ImageLayer.objects.create(image=image, layer=layer, position=position)
    for tag in tags:
        Tag.objects.create(
            host=host, image=image, reference=f"docker.io/library/{tag}:1", repository=tag, tag="1"
        )
    return image


def make_containers(host: Host, count: int, **values: object) -> list[Container]:
    image = make_image(host, "e", tags=("web",))
    return [
        Container.objects.create(
            host=host,
            container_id=f"{number:064x}",
            name=f"c{number}",
            image=image,
            created_at=timezone.now() - timedelta(minutes=number),
            **values,
        )
        for number in range(count)
    ]


def show_container(row: Container) -> object:
    return row.host.name, row.image.short_id


def show_image(row: Image) -> object:
    return row.host.name, [str(tag) for tag in row.tags.all()]


@pytest.mark.parametrize("count", [1, 40])
def test_a_list_of_containers_takes_one_query_whatever_its_length(
    host, django_assert_num_queries, count
):
    make_containers(host, count)

    with django_assert_num_queries(1):
        page = CONTAINERS.page(Chosen())
        assert len([show_container(row) for row in page]) == count


@pytest.mark.parametrize("count", [1, 9])
def test_a_list_of_images_takes_two_queries_whatever_its_length(
    host, django_assert_num_queries, count
):
    for digit in range(count):
        make_image(host, str(digit), tags=(f"a{digit}", f"b{digit}"))

    with django_assert_num_queries(2):
        assert len([show_image(row) for row in IMAGES.page(Chosen())]) == count


def test_the_overview_takes_three_queries(host, otto, request_by, django_assert_num_queries):
    Host.objects.create(name="beta")
    for name in ("a", "b", "c"):
        request_by(otto, arguments={"reference": name})

    with django_assert_num_queries(3):
        seen = selectors.overview()
        assert [job.requested_by.username for job in seen.active_jobs] == ["otto"] * 3
        assert [entry.job.title for entry in seen.activity] == [
            "Pull c:latest",
            "Pull b:latest",
            "Pull a:latest",
        ]


def test_the_overview_adds_up_what_the_hosts_maintain(host):
    Host.objects.create(name="beta", running_count=2, dangling_bytes=30, stopped_bytes=4)
    Host.objects.filter(pk="alpha").update(running_count=3, dangling_bytes=10, image_count=1)

    seen = selectors.overview()

    assert (seen.totals.running, seen.totals.reclaimable_bytes) == (5, 44)
    assert not seen.is_empty


def test_a_team_that_has_nothing_yet_is_empty(host):
    assert selectors.overview().is_empty


def test_long_lists_come_in_pages(host):
    make_containers(host, 120)

    first = CONTAINERS.page(Chosen())
    last = CONTAINERS.page(Chosen(page=3))

    assert (len(first), first.total, first.has_next, first.has_previous) == (50, 120, True, False)
    assert (last.first, last.last, last.total, last.has_next) == (101, 120, 120, False)
    assert [row.name for row in last][-1] == "c119"


def test_a_page_after_the_last_is_empty_but_knows_the_total(host):
    make_containers(host, 3)

    page = CONTAINERS.page(Chosen(page=9))

    assert (list(page), page.total, page.first) == ([], 3, 0)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["run", "exit", "dead", "other"]),
        ("state=running", ["run", "other"]),
        ("state=stopped", ["exit", "dead"]),
        ("state=exited", ["exit"]),
        ("state=nonsense", ["run", "exit", "dead", "other"]),
        ("host=beta", ["other"]),
        ("q=EXI", ["exit"]),
        ("q=aaaa", ["run"]),
        ("owner=otto", ["exit"]),
        ("image=nginx", ["dead"]),
        ("sort=name", ["dead", "exit", "other", "run"]),
        ("sort=-size", ["dead", "run", "exit", "other"]),
        ("sort=;drop", ["run", "exit", "dead", "other"]),
        ("page=x", ["run", "exit", "dead", "other"]),
        ("page=99999999999999", ["run", "exit", "dead", "other"]),
        ("page=-1", ["run", "exit", "dead", "other"]),
    ],
)
def test_filters_of_the_url_choose_containers(host, query, names):
    beta = Host.objects.create(name="beta")
    rows = [
        ("run", host, {"state": "running", "size": 2, "container_id": "a" * 64}),
        ("exit", host, {"state": "exited", "owner": "otto", "size": 1}),
        ("dead", host, {"state": "dead", "image_reference": "nginx:1", "size": 3}),
        ("other", beta, {"state": "paused"}),
    ]
    for age, (name, where, values) in enumerate(rows):
        created = timezone.now() - timedelta(minutes=age)
        values = {"container_id": f"{age:064}", "created_at": created, **values}
        Container.objects.create(host=where, name=name, **values)

    page = CONTAINERS.page(CONTAINERS.parse(QueryDict(query)))

    assert [row.name for row in page] == names


@pytest.mark.parametrize(
    ("query", "digits"),
    [
        ("", {"1", "2", "3"}),
        ("show=dangling", {"3"}),
        ("show=unused", {"2", "3"}),
        ("show=used", {"1"}),
        ("q=web", {"1"}),
        ("q=2222", {"2"}),
        ("q=sha256:3", {"3"}),
        ("host=beta", set()),
    ],
)
def test_filters_of_the_url_choose_images(host, query, digits):
    used = make_image(host, "1", tags=("web", "webber"))
    Image.objects.filter(pk=used.pk).update(container_count=1)
    make_image(host, "2", tags=("db",))
    make_image(host, "3")

    found = list(IMAGES.page(IMAGES.parse(QueryDict(query))))

    assert {row.hex[0] for row in found} == digits
    assert len(found) == len(digits)


def test_cleaning_up_frees_each_layer_once_and_only_with_its_last_user(host):
    base, app, old, other = (
        make_layer(host, name, size)
        for name, size in (("base", 1000), ("app", 100), ("old", 10), ("other", 1))
    )
    make_image(host, "1", base, app, tags=("web",))
    make_image(host, "2", base, old)
    make_image(host, "3", base, old, other)

    # base stays for web; old is counted once although two images that go hold it.
    assert services.refresh_counts("alpha").dangling_bytes == 11


def test_counts_are_what_the_rows_say(host):
    make_containers(host, 2, state="running", virtual_size=50)
    Container.objects.filter(name="c1").update(state="exited", size=5)
    make_layer(host, "x", 30)
    Host.objects.create(name="beta", running_count=9)

    counted = services.refresh_counts("alpha")

    assert (counted.container_count, counted.running_count, counted.stopped_count) == (2, 1, 1)
    assert (counted.stopped_bytes, counted.virtual_bytes, counted.layer_bytes) == (5, 100, 30)
    assert Host.objects.get(pk="beta").running_count == 9


def test_an_image_shows_its_layers_with_their_holders(host, django_assert_num_queries):
    base, own = make_layer(host, "base", 5), make_layer(host, "own", 3)
    make_image(host, "1", base, tags=("a",))
    make_image(host, "2", base, own, tags=("b",))

    with django_assert_num_queries(4):
        detail = selectors.image_detail("alpha", "2" * 64)

    seen = [(held.layer.size, held.holder_count, held.is_shared) for held in detail.layers]
    assert seen == [(5, 2, True), (3, 1, False)]


def test_things_are_found_by_host_and_id(host, image, container):
    assert selectors.image_detail("alpha", image.image_id).image == image
    assert selectors.container_detail("alpha", container.container_id) == container
    with pytest.raises(ImageNotFound):
        selectors.image_detail("beta", image.image_id)
    with pytest.raises(ContainerNotFound):
        selectors.container_detail("beta", container.container_id)
    with pytest.raises(ContainerNotFound):
        selectors.container_detail("alpha", container.container_id[:12])


def test_what_is_not_there_is_said_so(db):
    with pytest.raises(HostNotFound):
        selectors.get_host("nowhere")
    with pytest.raises(AccountNotFound):
        selectors.get_person(1)
    with pytest.raises(JobNotFound):
        selectors.job_detail("00000000-0000-0000-0000-000000000000")


def test_a_host_is_online_while_its_agent_reports():
    now = timezone.now()

    assert not Host(name="x").is_online
    assert Host(name="x", last_seen_at=now).is_online
    assert not Host(name="x", last_seen_at=now - timedelta(seconds=31)).was_online_at(now)


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", ["Pull b:latest", "Pull a:latest"]),
        ("state=active", ["Pull b:latest"]),
        ("state=succeeded", ["Pull a:latest"]),
        ("q=PULL+A", ["Pull a:latest"]),
        ("by=ada", ["Pull b:latest"]),
        ("host=beta", []),
    ],
)
def test_filters_of_the_url_choose_jobs(request_by, otto, ada, query, titles):
    done = request_by(otto, arguments={"reference": "a"})
    services.claim_job(done.pk, worker="w")
    services.finish_job(done.pk, worker="w", outcome={"message": "ok"})
    request_by(ada, arguments={"reference": "b"})

    page = JOBS.page(JOBS.parse(QueryDict(query)))

    assert [job.title for job in page] == titles


def test_a_list_of_jobs_takes_one_query(request_by, otto, django_assert_num_queries):
    for name in ("a", "b", "c"):
        request_by(otto, arguments={"reference": name})

    with django_assert_num_queries(1):
        page = JOBS.page(Chosen())
        assert [(job.host.name, job.requested_by.username) for job in page] == [
            ("alpha", "otto")
        ] * 3


def test_a_log_can_be_read_on_from_where_one_was(request_by, otto):
    job = request_by(otto)
    for number in range(1, 4):
        JobLogLine.objects.create(job=job, number=number, text=f"line {number}")

    assert [line.text for line in selectors.job_log(job, after=1)] == ["line 2", "line 3"]


def test_activity_is_filtered_and_takes_one_query(request_by, otto, ada, django_assert_num_queries):
    request_by(otto)
    request_by(ada, arguments={"reference": "b"})

    with django_assert_num_queries(1):
        page = ACTIVITY.page(ACTIVITY.parse(QueryDict("who=ada&action=images.pull")))
        assert [(entry.user.username, entry.job.title) for entry in page] == [
            ("ada", "Pull b:latest")
        ]


def test_what_was_done_with_a_thing_is_found_by_it(request_by, mia, container):
    name = "containers.stop"
    request_by(mia, name=services.jobs.JobName(name), arguments={"container_id": "c" * 64})

    about = ("alpha", "container", "c" * 64)
    assert [job.name for job in selectors.jobs_about(*about)] == [name]
    assert [entry.action for entry in selectors.activity_about(*about)] == [name]


def test_images_to_launch_are_found_by_name(host):
    make_image(host, "1", tags=("web", "worker"))

    assert [str(tag) for tag in selectors.image_names("alpha", "WO")] == ["worker:1"]


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (lambda: CONTAINERS.matching(Chosen()), "container_by_age"),
        (lambda: CONTAINERS.matching(Chosen(sort="created")), "container_by_age"),
        (
            lambda: CONTAINERS.matching(Chosen({"host": "a"})),
            "container_by_host_and_age",
        ),
        (lambda: IMAGES.matching(Chosen()), "image_by_age"),
        (lambda: IMAGES.matching(Chosen({"host": "a"})), "image_by_host_and_age"),
        (lambda: IMAGES.matching(Chosen(sort="-size")), "image_by_size"),
        (lambda: JOBS.matching(Chosen()), "job_by_age"),
        (lambda: JOBS.matching(Chosen({"host": "a"})), "job_by_host_and_age"),
        (lambda: ACTIVITY.matching(Chosen()), "audit_by_age"),
        (lambda: ACTIVITY.matching(Chosen({"who": "otto"})), "audit_by_actor"),
    ],
)
def test_lists_are_read_off_an_index(db, rows, index):
    if connection.vendor == "postgresql":
        # Small tables are cheaper to scan; ask what a large one would do.
        with connection.cursor() as cursor:
            for way in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"):
                cursor.execute(f"SET LOCAL enable_{way} = off")

    assert index in rows()[:51].explain()
