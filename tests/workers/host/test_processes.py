"""The Procfile, and what the process manager is told."""

import configparser
from dataclasses import replace
from pathlib import Path

import pytest

from workers.host.errors import HostError
from workers.host.processes import (
    PRIVILEGED,
    Process,
    list_processes,
    list_processes_of,
    parse_procfile,
    render_supervisor_conf,
)
from workers.host.stack import Stack

STACK = Stack(root=Path("/srv/a%b/root"), run=Path("/srv/run"), data=Path("/srv/data"))


def read_conf(processes: list[Process]) -> configparser.ConfigParser:
    conf = configparser.ConfigParser(inline_comment_prefixes=(";", " #"))
    conf.read_string(render_supervisor_conf(STACK, processes))
    return conf


def test_blank_lines_and_comments_are_no_processes():
    assert parse_procfile("# first\n\nweb: serve --port 1\n") == [Process("web", "serve --port 1")]


@pytest.mark.parametrize("line", ["web", "web:", ": serve", "We b: serve", "../x: serve"])
def test_a_line_that_is_no_process_is_named(line):
    with pytest.raises(HostError, match="Procfile"):
        parse_procfile(line)


def test_the_product_has_these_processes_and_only_those_of_the_host_are_root():
    names = [process.name for process in list_processes()]
    assert names == ["redis", "web", "worker", "beat", "agent", "api"]
    assert {p.name for p in list_processes() if p.is_privileged} == PRIVILEGED


@pytest.mark.parametrize(
    ("only", "environment", "names"),
    [
        ((), {}, "redis web worker beat agent api"),
        ((), {"REDIS_URL": "redis://elsewhere"}, "web worker beat agent api"),
        (("worker", "agent"), {}, "worker agent"),
    ],
)
def test_a_stack_has_the_processes_that_it_needs(only, environment, names):
    found = list_processes_of(replace(STACK, only=only), environment)
    assert " ".join(process.name for process in found) == names


def test_an_unknown_process_is_named():
    with pytest.raises(HostError, match="'wbe'"):
        list_processes_of(replace(STACK, only=("wbe",)), {})


def test_every_process_is_restarted_logged_with_a_bound_and_ended_in_time():
    conf = read_conf(list_processes())
    programs = [conf[name] for name in conf.sections() if name.startswith("program:")]
    assert len(programs) == 6
    for program in programs:
        assert program.getboolean("autorestart")
        assert program["stdout_logfile_maxbytes"] == "5MB"
        assert program.getint("stopwaitsecs") <= 10


def test_a_percent_sign_in_a_path_is_not_expanded():
    assert read_conf([Process("web", "x")]).get("program:web", "stdout_logfile") == (
        "/srv/a%b/root/logs/web.log"
    )


def test_no_command_of_the_procfile_and_no_secret_stands_in_the_configuration():
    conf = render_supervisor_conf(STACK, [Process("web", "serve $SHIPSHAPE_BIND; true")])
    assert "SHIPSHAPE_BIND" not in conf
    assert "environment=" not in conf


def test_the_manager_listens_to_root_only():
    assert read_conf([])["unix_http_server"]["chmod"] == "0700"
