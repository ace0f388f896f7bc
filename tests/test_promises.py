"""What the project promises about itself."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

from engine import errors
from engine.errors import EngineError

LOADED = "import sys; import {module}; print(*sorted(sys.modules))"
MACHINERY = {"sqlite3", "subprocess", "ctypes", "fcntl", "httpx", "django", "celery", "socket"}


def loaded_by(module: str) -> set[str]:
    """Return the modules that a fresh interpreter has after importing *module*."""
    command = [sys.executable, "-c", LOADED.format(module=module)]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def error_classes() -> list[type[EngineError]]:
    return [
        each
        for each in vars(errors).values()
        if inspect.isclass(each) and issubclass(each, EngineError)
    ]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [each.code for each in error_classes()]

    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_the_code_of_an_error_is_its_name() -> None:
    for each in error_classes():
        name = each.__name__.lower()
        assert each.code.replace("-", "") in {name, name.removesuffix("error")}


def test_importing_the_values_loads_no_machinery() -> None:
    modules = "engine.oci.config, engine.oci.manifest, engine.settings, engine.errors"
    loaded = loaded_by(modules)

    assert not loaded & MACHINERY
    ours = {name for name in loaded if name.startswith("engine.")}
    assert all(name.startswith(("engine.oci", "engine.settings", "engine.errors")) for name in ours)


def test_importing_the_registry_client_does_not_load_the_http_library() -> None:
    """Most processes that open an engine never speak to a registry; idle memory is promised."""
    loaded = loaded_by("engine.registry.client, engine.registry.transport, engine.images.images")

    assert not {name for name in loaded if name.split(".")[0] in {"httpx", "httpcore", "h11"}}
