"""The private servers of the test suite are what they say."""

import os
import subprocess
import urllib.request

import psycopg
import pytest
import redis

from tests.support.services import PostgresServer, RedisServer, RegistryServer, running_redis


@pytest.mark.redis
def test_redis_answers_on_its_socket_to_its_password_only(redis_server: RedisServer):
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.ping()
    with (
        redis.Redis(unix_socket_path=str(redis_server.socket)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


@pytest.mark.redis
def test_redis_listens_on_no_port_and_drops_nothing_when_full(redis_server: RedisServer):
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.config_get("port", "maxmemory-policy") == {
            "port": "0",
            "maxmemory-policy": "noeviction",
        }


@pytest.mark.redis
def test_redis_password_is_on_no_command_line(redis_server: RedisServer):
    with open(f"/proc/{redis_server.process.pid}/cmdline") as words:
        assert redis_server.password not in words.read()


@pytest.mark.redis
def test_a_redis_that_was_killed_ends_cleanly_for_its_test(short_path):
    with running_redis(short_path) as server:
        server.process.kill()
    assert server.process.returncode == -9


@pytest.mark.registry
def test_registry_speaks_the_v2_protocol_on_loopback(registry_server: RegistryServer):
    with urllib.request.urlopen(f"http://{registry_server.host}/v2/") as answer:
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.postgres
def test_postgres_is_a_private_cluster(postgres_server: PostgresServer):
    with psycopg.connect(
        host=str(postgres_server.socket_directory), user="postgres", dbname="postgres"
    ) as connection:
        assert connection.execute("select inet_server_addr()").fetchone() == (None,)


@pytest.mark.registry
@pytest.mark.root
def test_registry_keeps_what_skopeo_puts_there(registry_server: RegistryServer, tmp_path):
    tree = tmp_path / "image"
    for verb in (["init", "--layout", tree], ["new", "--image", f"{tree}:latest"]):
        subprocess.run(["umoci", *verb], check=True, capture_output=True)
    target = f"docker://{registry_server.reference('services/empty')}"
    copy = ["skopeo", "copy", "--dest-tls-verify=false", f"oci:{tree}:latest", target]
    subprocess.run(copy, check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
    with urllib.request.urlopen(
        f"http://{registry_server.host}/v2/services/empty/tags/list"
    ) as answer:
        assert answer.status == 200
