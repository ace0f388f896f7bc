"""One running product on this machine: where it keeps what, and what its processes are told."""

import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workers.host.checkout import CHECKOUT, ENVIRONMENT
from workers.host.errors import HostError
from workers.host.programs import SYSTEM_PATH

DEFAULT_ROOT = Path("/var/lib/shipshape")
DEFAULT_RUN = Path("/run/shipshape")
DEFAULT_DATA = Path("/var/lib/shipshape-dashboard")
DEFAULT_BIND = "127.0.0.1"
DEFAULT_PORT = 8080
USER = "shipshape"
DIRECTORIES = ("root", "run", "data")

WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104  (compared with, never listened on)
HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
KEPT_VARIABLES = frozenset(
    {"DATABASE_URL", "REDIS_URL", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
)
"""What processes are told of the environment that `up` was called in, besides SHIPSHAPE_*."""


@dataclass(frozen=True)
class Stack:
    """The settings of one product; two share nothing when root, run, data and port differ."""

    root: Path = DEFAULT_ROOT
    run: Path = DEFAULT_RUN
    data: Path = DEFAULT_DATA
    host: str = "localhost"
    bind: str = DEFAULT_BIND
    port: int = DEFAULT_PORT
    url: str = ""
    only: tuple[str, ...] = ()

    def has_process(self, name: str) -> bool:
        """Return whether the process *name* is among ours: all are, unless `only` names some."""
        return not self.only or name in self.only

    @property
    def public_url(self) -> str:
        """The address that people type, without a slash at its end."""
        if self.url:
            return self.url.rstrip("/")
        name = socket.getfqdn() if self.bind in WILDCARDS else self.bind
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"

    @property
    def local_address(self) -> tuple[str, int]:
        """Where this machine itself reaches the web process."""
        loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        return loopback.get(self.bind, self.bind), self.port

    @property
    def secrets(self) -> Path:
        """One file for each secret."""
        return self.data / "secrets"

    @property
    def redis_directory(self) -> Path:
        """The private Redis: its configuration and its socket."""
        return self.run / "redis"

    @property
    def logs(self) -> Path:
        """What the processes write, rotated; below the root, which only root may change."""
        return self.root / "logs"

    @property
    def supervisor_conf(self) -> Path:
        """The process manager's configuration, written anew at each start."""
        return self.run / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        """Where the process manager listens, for root only."""
        return self.run / "supervisor.sock"

    @property
    def record(self) -> Path:
        """What the running stack was started with."""
        return self.run / "stack.json"

    @property
    def checkout_view(self) -> Path:
        """Where unprivileged processes see the checkout, read-only."""
        return self.run / "app"

    @property
    def environment_view(self) -> Path:
        """Where unprivileged processes see the virtual environment, read-only."""
        return self.run / "venv"

    def with_record(self) -> "Stack":
        """Return the stack that was started in the same run directory, or self if none was."""
        try:
            return parse_record(self.record.read_text())
        except FileNotFoundError:
            return self


def render_record(stack: Stack) -> str:
    """Return *stack* as JSON, the way `parse_record` reads it."""
    return json.dumps({name: _plain(value) for name, value in asdict(stack).items()}, indent=1)


def parse_record(text: str) -> Stack:
    """Return the stack written down in *text*; raise `HostError` if it is none."""
    try:
        fields = json.loads(text)
        paths: dict[str, Any] = {name: Path(fields.pop(name)) for name in DIRECTORIES}
        return Stack(only=tuple(fields.pop("only")), **paths, **fields)
    except (ValueError, KeyError, TypeError) as e:
        raise HostError(
            f"The record of the running product cannot be read: {e}.",
            remedy="Remove stack.json from the run directory and start again.",
        ) from e


def check_stack(stack: Stack) -> None:
    """Raise `HostError` naming the option, if *stack* could not run whatever the machine."""
    if not HOST_NAME.fullmatch(stack.host):
        raise HostError(
            f"--host {stack.host!r} is no name for a host.",
            remedy="Use up to 63 letters, digits, dots, dashes and underscores.",
        )
    if not 0 < stack.port < 1 << 16:
        raise HostError(f"--port {stack.port} is no port.", remedy="Use one between 1 and 65535.")
    for name in DIRECTORIES:
        path: Path = getattr(stack, name)
        if not re.fullmatch(r"/[\w./+@-]+", str(path)):
            raise HostError(
                f"--{name} {str(path)!r} cannot be used.",
                remedy="Use an absolute path of letters, digits and ./+@-_ only.",
            )
    if len({stack.root, stack.run, stack.data}) < 3:
        raise HostError("--root, --run and --data must be three different directories.")


def render_environment(stack: Stack, caller: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the stack's processes when `up` was called in that of *caller*."""
    kept = {
        name: value
        for name, value in caller.items()
        if name in KEPT_VARIABLES or name.startswith("SHIPSHAPE_")
    }
    return {
        **kept,
        "PATH": f"{ENVIRONMENT}/bin:{SYSTEM_PATH}",
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONUNBUFFERED": "1",
        # Many threads that each keep an arena are most of an idle process's memory.
        "MALLOC_ARENA_MAX": "2",
        "HOME": "/root",
        "SHIPSHAPE_ROOT": str(stack.root),
        "SHIPSHAPE_RUN": str(stack.run),
        "SHIPSHAPE_DATA": str(stack.data),
        "SHIPSHAPE_HOST": stack.host,
        "SHIPSHAPE_URL": stack.public_url,
        "SHIPSHAPE_BIND": render_address(stack.bind, stack.port),
        "SHIPSHAPE_ALLOWED_HOSTS": _allowed_hosts(stack, caller),
    }


def render_address(host: str, port: int) -> str:
    """Return *host* and *port* the way servers take them, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def has_own_redis(stack: Stack, environment: Mapping[str, str]) -> bool:
    """Return whether *stack* runs its private Redis: always, unless REDIS_URL names another."""
    return stack.has_process("redis") and not environment.get("REDIS_URL")


def default_host() -> str:
    """Return this machine's name as far as it can name a host."""
    name = os.environ.get("SHIPSHAPE_HOST") or socket.gethostname()
    return name if HOST_NAME.fullmatch(name) else "localhost"


def _allowed_hosts(stack: Stack, caller: Mapping[str, str]) -> str:
    asked = caller.get("SHIPSHAPE_ALLOWED_HOSTS", "")
    # Whoever opens it to the network reaches it under the machine's names too.
    names = {socket.gethostname(), socket.getfqdn()} if stack.bind in WILDCARDS else {stack.bind}
    return ",".join(sorted({name for name in [*asked.split(","), *names] if name}))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
