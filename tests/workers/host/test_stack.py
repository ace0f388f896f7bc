"""Which stack is meant, and what its processes are told."""

from dataclasses import replace
from pathlib import Path

import pytest

from workers.host.errors import HostError
from workers.host.options import add_address_options, make_parser, stack_of
from workers.host.stack import (
    Stack,
    check_stack,
    has_own_redis,
    parse_record,
    render_environment,
    render_record,
)

STACK = Stack(
    root=Path("/srv/a/root"), run=Path("/srv/a/run"), data=Path("/srv/a/data"), host="pier"
)


def parse(*words: str, **environment: str) -> Stack:
    parser = make_parser("up", "")
    add_address_options(parser)
    return stack_of(parser.parse_args(words), environment)


def test_a_record_reads_back_as_what_was_written():
    for stack in (STACK, replace(STACK, only=("worker", "agent"))):
        assert parse_record(render_record(stack)) == stack


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"root": "/a", "run": "/b", "data": "/c", "x": 1}']
)
def test_a_record_that_is_none_is_refused_with_a_remedy(text):
    with pytest.raises(HostError) as caught:
        parse_record(text)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"port": 0}, "--port", id="port-zero"),
        pytest.param({"port": 65536}, "--port", id="port-too-high"),
        pytest.param({"host": "a b"}, "--host", id="host-with-blank"),
        pytest.param({"host": ""}, "--host", id="host-empty"),
        pytest.param({"root": Path("relative")}, "--root", id="root-relative"),
        pytest.param({"data": Path("/with\nnewline")}, "--data", id="data-with-newline"),
        pytest.param({"run": Path("/srv/a/root")}, "--run", id="run-is-root"),
    ],
)
def test_what_could_never_run_is_refused_naming_the_option(change, named):
    with pytest.raises(HostError, match=named):
        check_stack(replace(STACK, **change))


def test_options_win_over_variables_and_variables_over_defaults():
    stack = parse("--root", "/o/root", SHIPSHAPE_ROOT="/v/root", SHIPSHAPE_RUN="/v/run")
    assert (stack.root, stack.run) == (Path("/o/root"), Path("/v/run"))
    assert stack.data == Path("/var/lib/shipshape-dashboard")


def test_relative_directories_are_taken_from_where_we_are(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert parse("--data", "x/../data").data == tmp_path / "data"


def test_the_environment_names_every_place_and_keeps_nothing_of_the_caller_but_settings():
    caller = {"SHIPSHAPE_DEBUG": "1", "AWS_SECRET": "x", "PYTHONPATH": "/evil", "TZ": "UTC"}
    environment = render_environment(STACK, caller)
    assert environment["SHIPSHAPE_ROOT"] == "/srv/a/root"
    assert environment["SHIPSHAPE_DEBUG"] == "1"
    assert environment["TZ"] == "UTC"
    assert "AWS_SECRET" not in environment
    assert "/evil" not in environment["PYTHONPATH"]


@pytest.mark.parametrize(
    ("change", "url"),
    [
        pytest.param({}, "http://127.0.0.1:8080", id="default"),
        pytest.param({"bind": "::1", "port": 9}, "http://[::1]:9", id="ipv6"),
        pytest.param({"url": "https://ship.example/"}, "https://ship.example", id="behind-a-proxy"),
    ],
)
def test_the_public_url_is_what_people_type(change, url):
    assert replace(STACK, **change).public_url == url


def test_listening_everywhere_allows_the_names_of_the_machine():
    environment = render_environment(replace(STACK, bind="0.0.0.0"), {})
    assert "0.0.0.0" not in environment["SHIPSHAPE_ALLOWED_HOSTS"]
    assert environment["SHIPSHAPE_ALLOWED_HOSTS"]


def test_this_machine_reaches_a_wildcard_by_loopback():
    assert replace(STACK, bind="0.0.0.0").local_address == ("127.0.0.1", 8080)


def test_an_outside_redis_replaces_ours():
    assert has_own_redis(STACK, {})
    assert not has_own_redis(STACK, {"REDIS_URL": "redis://elsewhere"})
    assert not has_own_redis(replace(STACK, only=("worker",)), {})


def test_the_record_of_a_running_stack_wins_over_what_was_asked(tmp_path):
    running = replace(STACK, run=tmp_path, port=9999)
    running.record.write_text(render_record(running))
    assert replace(STACK, run=tmp_path).with_record() == running
    assert STACK.with_record() == STACK
