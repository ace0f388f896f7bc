"""
What the environment says, parsed once.

Configuration comes from variables (12-factor). A secret comes from its variable or, where that is
unset, from a file under `$SHIPSHAPE_DATA/secrets/`. No secret has a default: without one the
process does not start and the message names both places.
"""

from __future__ import annotations

import base64
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

# Checkers and tests import the settings where nothing was set up: they get keys that die with them.
IS_TESTING = bool({"pytest", "mypy", "mypy_django_plugin"} & sys.modules.keys())
IS_DEBUG: bool = env.bool("SHIPSHAPE_DEBUG", default=False)


def data_directory() -> Path:
    """Return where the dashboard keeps its database and secrets."""
    return Path(env.str("SHIPSHAPE_DATA", default="/var/lib/shipshape-dashboard"))


def host_name() -> str:
    """Return this host's name, which also names its queue."""
    name: str = env.str("SHIPSHAPE_HOST", default=socket.gethostname())
    return name


def secret(variable: str, *, file: str) -> str:
    """Return the secret in *variable*, or in *file* among the secrets; never an empty one."""
    value = find_secret(variable, file=file)
    if value is not None:
        return value
    if IS_TESTING or IS_DEBUG:
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    path = data_directory() / "secrets" / file
    message = f"Set {variable}, or write the secret to {path} (`./shipshape up` does)."
    raise ImproperlyConfigured(message)


def find_secret(variable: str, *, file: str) -> str | None:
    """Return the secret in *variable* or in *file* among the secrets, or None."""
    value: str = env.str(variable, default="")
    path = data_directory() / "secrets" / file
    if not value and path.is_file():
        value = path.read_text(encoding="ascii").strip()
    return value or None


@dataclass(frozen=True, slots=True)
class PublicURL:
    """The address people type, which decides on cookies and on who may talk to us."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> PublicURL:
        """Return the address in *text*; raise `ImproperlyConfigured` unless it is http(s)://host."""
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = (
                f"SHIPSHAPE_URL must be http://host[:port] or https://host[:port], not {text!r}"
            )
            raise ImproperlyConfigured(message)
        return cls(
            parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]
        )

    @property
    def is_secure(self) -> bool:
        """Whether people reach us by https."""
        return self.scheme == "https"

    @property
    def origin(self) -> str:
        """Scheme, host and port as a browser writes them: a default port is left out."""
        default = {"http": 80, "https": 443}[self.scheme]
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == default else f":{self.port}")

    @property
    def websocket_origin(self) -> str:
        """The same for websockets, as a content security policy writes it."""
        return "ws" + self.origin.removeprefix("http")


def privileged_role() -> str:
    """Return the role that may launch what reaches into a host; never every viewer's."""
    role: str = env.str("SHIPSHAPE_PRIVILEGED_ROLE", default="admin")
    if role not in {"admin", "maintainer", "operator"}:
        message = f"SHIPSHAPE_PRIVILEGED_ROLE must be admin, maintainer or operator, not {role!r}"
        raise ImproperlyConfigured(message)
    return role


def mail() -> dict[str, Any]:
    """
    Return the mail settings that `SHIPSHAPE_EMAIL_URL` says, nothing where it is unset.

    It is `smtp://user:password@host:port`, or `smtp+tls://` or `smtp+ssl://`; as a secret it may
    stand in the file `email-url` too.
    """
    url = find_secret("SHIPSHAPE_EMAIL_URL", file="email-url")
    if url is None:
        return {}
    found: dict[str, Any] = environ.Env.email_url_config(url)
    if not found.get("EMAIL_HOST") or not found["EMAIL_BACKEND"].endswith("smtp.EmailBackend"):
        message = "SHIPSHAPE_EMAIL_URL must be smtp://…, smtp+tls://… or smtp+ssl://… with a host"
        raise ImproperlyConfigured(message)
    return {name: value for name, value in found.items() if name.startswith("EMAIL_")}


def database() -> dict[str, Any]:
    """Return what DATABASE_URL says, by default a file; `%2F` in its host is a socket's path."""
    default = f"sqlite:///{data_directory() / 'db.sqlite3'}"
    found: dict[str, Any] = env.db_url("DATABASE_URL", default=default)
    return {**found, "HOST": unquote(found.get("HOST") or "")}


def redis_url() -> str:
    """Return where broker, channel layer and cache live; by default the private unix socket."""
    url: str = env.str("REDIS_URL", default="")
    if url:
        return url
    run = env.str("SHIPSHAPE_RUN", default="/run/shipshape")
    password = find_secret("SHIPSHAPE_REDIS_PASSWORD", file="redis-password")
    login = f":{quote(password, safe='')}@" if password else ""
    return f"unix://{login}{run}/redis/redis.sock?db=0"


def broker_url(url: str) -> str:
    """Return *url* in the broker library's spelling, which calls a unix socket `redis+socket`."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    database = parts.query.partition("db=")[2].partition("&")[0] or "0"
    return f"redis+socket://{login}{parts.path}?virtual_host={database}"
