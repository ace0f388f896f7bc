from engine.networks.files import (
    HOSTS,
    Resolver,
    parse_resolver,
    reachable,
    render_hosts,
    render_resolver,
)


def test_a_resolver_is_read_and_written() -> None:
    text = "# by hand\nnameserver 10.0.0.53\nsearch a.example b.example\noptions ndots:2 rotate\n"
    resolver = parse_resolver(text)

    assert resolver == Resolver(("10.0.0.53",), ("a.example", "b.example"), ("ndots:2", "rotate"))
    assert parse_resolver(render_resolver(resolver)) == resolver


def test_servers_that_only_the_host_reaches_are_replaced() -> None:
    assert reachable(Resolver(("127.0.0.53",))).servers == ("8.8.8.8", "8.8.4.4")
    assert reachable(Resolver(("127.0.0.1", "10.0.0.53", "::1"))).servers == ("10.0.0.53",)


def test_a_dot_means_to_search_nowhere() -> None:
    chosen = Resolver((), (".",)).or_else(Resolver(("10.0.0.53",), ("a.example",), ("ndots:0",)))

    assert render_resolver(chosen) == "nameserver 10.0.0.53\noptions ndots:0\n"


def test_hosts_has_docker_s_heading_and_the_own_address() -> None:
    text = render_hosts([("10.0.0.9", ["db"]), ("172.17.0.2", ["web.example", "web"])])

    assert text == HOSTS + "10.0.0.9\tdb\n172.17.0.2\tweb.example web\n"
