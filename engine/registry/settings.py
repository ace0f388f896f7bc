"""
What this host is told about registries: the file `registries.json` in the engine root.

    {
        "plain_http": ["registry.lan:5000"],
        "mirrors": {"docker.io": ["https://mirror.lan", "http://10.0.0.7:5000"]},
        "docker_config": true
    }

`plain_http` names registries that may be spoken to without TLS; `mirrors` where else to look, and
first, for what is read from a registry; `docker_config` is whether the logins of docker's own
config.json are used where nobody brings any, which is so unless it says false. Every field may be
missing, and so may the file. It is read anew for every piece of work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.errors import InvalidSetting, from_oserror
from engine.oci.fields import Fields, parse_object
from engine.registry.urls import Endpoint, Reach

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES = 1 << 20
MAX_MIRRORS = 16


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """What this host is told about registries; *mirrors* are by the registry they stand for."""

    plain_http: frozenset[str] = frozenset()
    mirrors: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    uses_docker_config: bool = True

    @classmethod
    def parse(cls, content: bytes) -> RegistrySettings:
        """Return the settings in *content*; raise `InvalidSetting` naming the field."""
        fields = parse_object(content, limit=MAX_BYTES, complain=_complain)
        mirrors = fields.child("mirrors")
        names = mirrors.values if mirrors else ()
        return cls(
            plain_http=frozenset(fields.texts("plain_http")),
            mirrors={name: _endpoints(mirrors, name) for name in names} if mirrors else {},
            uses_docker_config="docker_config" not in fields.values or fields.flag("docker_config"),
        )

    def reach(self, base: Reach) -> Reach:
        """Return *base* and what is configured; a mirror that is written with http may be asked."""
        endpoints = (each for mirrors in self.mirrors.values() for each in mirrors)
        plain = {each.registry for each in endpoints if each.root.startswith("http://")}
        return base.with_plain_http(self.plain_http | plain)


def read_settings(path: Path) -> RegistrySettings:
    """Return the settings in the file *path*, the defaults where there is none."""
    content = read_small(path, limit=MAX_BYTES)
    return RegistrySettings() if content is None else RegistrySettings.parse(content)


def read_small(path: Path, *, limit: int) -> bytes | None:
    """Return what is in the file *path*, one byte more than *limit* at most; None if it is not."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise from_oserror(error, f"read {path}") from error


def _endpoints(mirrors: Fields, name: str) -> tuple[Endpoint, ...]:
    urls = mirrors.texts(name)
    if len(urls) > MAX_MIRRORS:
        raise mirrors.error(name, f"has more than {MAX_MIRRORS} entries")
    return tuple(_endpoint(mirrors, name, url) for url in urls)


def _endpoint(mirrors: Fields, name: str, url: str) -> Endpoint:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    is_plain = parts.username is None and not parts.query and not parts.fragment
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain:
        raise mirrors.error(name, "must be a list of URLs like https://mirror.example:5000")
    return Endpoint(parts.netloc, f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/v2/")


def _complain(place: str, reason: str) -> InvalidSetting:
    return InvalidSetting(f"registries.json, {place}" if place else "registries.json", reason)
