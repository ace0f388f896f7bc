"""`./shipshape check`: format, lint, types, import contracts, templates, spelling."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.host.checkout import CHECKOUT, ENVIRONMENT, PYTHON
from workers.host.console import say


@dataclass(frozen=True)
class Check:
    """One tool's verdict over the checkout; passes when *argv* returns zero."""

    name: str
    argv: tuple[str, ...]


def run_checks(only: Sequence[str] = ()) -> int:
    """Run every check, or those named in *only*; return 1 if one failed, having said why."""
    checks = [check for check in list_checks(CHECKOUT) if not only or check.name in only]
    failed = [check.name for check in checks if not _passes(check)]
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def list_checks(checkout: Path) -> list[Check]:
    """Return the checks that apply to *checkout*, quickest first."""
    checks = [
        Check("format", (_tool("ruff"), "format", "--check", "--quiet", ".")),
        Check("lint", (_tool("ruff"), "check", "--quiet", ".")),
        Check("spelling", (*_script("codespell"), *list_tracked_texts(checkout))),
        Check("imports", (*_script("lint-imports"), "--no-cache")),
    ]
    templates = sorted(str(path) for path in (checkout / "templates").rglob("*.html"))
    if templates:
        lint = (*_script("djlint"), "templates", "--lint", "--quiet")
        checks += [
            Check("templates", lint),
            # djade formats; djlint's idea of blank lines between blocks is another.
            Check("template syntax", (_tool("djade"), "--check", *templates)),
        ]
    return [
        *checks,
        Check("types (mypy)", (str(PYTHON), "-m", "mypy")),
        Check("types (pyright)", (str(PYTHON), "-m", "pyright")),
    ]


def list_tracked_texts(checkout: Path) -> list[str]:
    """Return where words stand that people read, as far as *checkout* has it."""
    names = ("engine", "dashboard", "workers", "templates", "static/dashboard", "tests")
    papers = sorted(path.name for path in checkout.glob("*.md"))
    return [name for name in names if (checkout / name).exists()] + papers


def _passes(check: Check) -> bool:
    start = time.monotonic()
    done = subprocess.run(
        check.argv,
        check=False,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    say(f"{check.name:<16} {verdict:<7} {time.monotonic() - start:5.1f} s")
    if done.returncode != 0:
        say(done.stdout)
    return done.returncode == 0


def _tool(name: str) -> str:
    return str(ENVIRONMENT / "bin" / name)


def _script(name: str) -> Sequence[str]:
    # Through the interpreter: a script's first line names the place where it was installed.
    return (str(PYTHON), str(ENVIRONMENT / "bin" / name))
