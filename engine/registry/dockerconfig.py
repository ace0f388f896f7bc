"""
The passwords that `docker login` left on this host (docker's `config.json`).

They stand in the file itself (`auths`), or with a program that keeps them (`credHelpers` for one
registry, `credsStore` for all): `docker-credential-<name> get`, which reads the registry's name and
writes a user name and a secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from engine.errors import CredentialHelperFailed, InvalidSetting
from engine.oci.fields import Fields, parse_object
from engine.oci.reference import DEFAULT_REGISTRY
from engine.registry.credentials import Credentials
from engine.registry.settings import read_small
from engine.system import runner

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 1 << 20
HELPER_SECONDS = 20.0
# Under this name every docker client keeps the login of the default registry.
DEFAULT_KEY = "https://index.docker.io/v1/"
# What a helper writes as the user name when the secret is an identity token.
TOKEN_USER = "<token>"  # noqa: S105
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_NOT_FOUND = "credentials not found"


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """A `Keychain` over the file at *path*, which is read when something is looked for."""

    path: Path
    find_program: Callable[[str], str] = runner.get_program

    @classmethod
    def of_user(cls) -> Self:
        """Return the configuration of who this process runs as, whether or not there is one."""
        directory = os.environ.get("DOCKER_CONFIG")
        place = Path(directory) if directory else Path.home() / ".docker"
        return cls(place / "config.json")

    def find(self, registry: str) -> Credentials | None:
        """
        Return what opens *registry*, or None.

        Raises `InvalidSetting` for a file that cannot be read, `ProgramNotFound` and
        `CredentialHelperFailed`.
        """
        content = read_small(self.path, limit=MAX_BYTES)
        if content is None:
            return None
        fields = parse_object(content, limit=MAX_BYTES, complain=_complain)
        keys = _keys(registry)
        helpers = fields.mapping("credHelpers")
        for key in keys:
            if helper := helpers.get(key):
                return self._ask(helper, key)
        if store := fields.text("credsStore", ""):
            found = self._ask(store, keys[0])
            return found or _from_auths(fields, keys)
        return _from_auths(fields, keys)

    def _ask(self, helper: str, key: str) -> Credentials | None:
        if not _HELPER.fullmatch(helper):
            raise _complain("credsStore", f"{helper[:64]!r} is not the name of a helper")
        name = f"docker-credential-{helper}"
        words = (self.find_program(name), "get")
        done = runner.run(words, timeout=HELPER_SECONDS, told=key.encode())
        if done.code != 0:
            # What it wrote is not passed on: nobody knows what is in it.
            if _NOT_FOUND in done.stdout.decode(errors="replace").lower():
                return None
            raise CredentialHelperFailed(name, registry=key, reason=f"it ended with {done.code}")
        return _parse_answer(done.stdout, name, key)


def _parse_answer(content: bytes, helper: str, key: str) -> Credentials:
    try:
        answer = json.loads(content)
        username, secret = answer["Username"], answer["Secret"]
    except (ValueError, LookupError, TypeError, RecursionError):
        username = secret = None
    if not isinstance(username, str) or not isinstance(secret, str):
        reason = "its answer makes no sense"
        raise CredentialHelperFailed(helper, registry=key, reason=reason) from None
    if username == TOKEN_USER:
        return Credentials(identity_token=secret)
    return Credentials(username, secret)


def _from_auths(fields: Fields, keys: tuple[str, ...]) -> Credentials | None:
    auths = fields.child("auths")
    if auths is None:
        return None
    hosts = {_bare(key): key for key in auths.values}
    for key in keys:
        written = key if key in auths.values else hosts.get(_bare(key), "")
        if written and (entry := auths.child(written)) is not None:
            return _from_entry(entry)
    return None


def _from_entry(entry: Fields) -> Credentials | None:
    username, password = entry.text("username", ""), entry.text("password", "")
    if auth := entry.text("auth", ""):
        username, password = _split_auth(auth)
    identity, registry = entry.text("identitytoken", ""), entry.text("registrytoken", "")
    if not (username or identity or registry):
        return None
    return Credentials(username, password, identity, registry)


def _split_auth(auth: str) -> tuple[str, str]:
    try:
        pair = base64.b64decode(auth, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        # The value is a secret even when it is broken.
        raise _complain("auths", "holds an entry whose auth is not base64") from None
    username, _, password = pair.partition(":")
    return username, password.rstrip("\0")


def _keys(registry: str) -> tuple[str, ...]:
    """Return the names under which the login of *registry* may be kept, the best first."""
    if registry == DEFAULT_REGISTRY:
        return (DEFAULT_KEY, "index.docker.io", "docker.io", "registry-1.docker.io")
    return (registry, f"https://{registry}", f"http://{registry}")


def _bare(key: str) -> str:
    """Return the host in *key*, which older clients wrote as a URL."""
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _complain(field: str, reason: str) -> InvalidSetting:
    where = f"docker's config.json, {field}" if field else "docker's config.json"
    return InvalidSetting(where, reason)
