"""Images that our own code did not make: buildah builds them, and pushes them to a registry."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BUSYBOX = "/bin/busybox"
SECONDS = 60


@dataclass(frozen=True)
class Buildah:
    """buildah with a storage of its own in *directory*."""

    directory: Path

    def push_image(
        self, reference: str, *, command: str, files: dict[str, str] | None = None
    ) -> None:
        """Build busybox, and above it one layer for each of *files*; push it as *reference*."""
        container = self._run("from", "scratch")
        for target in ("/bin/busybox", "/bin/sh", "/bin/sleep"):
            self._run("copy", "-q", container, BUSYBOX, target)
        self._run("config", "--env", "PATH=/bin", container)
        self._run("config", "--cmd", f'["/bin/sh","-c","{command}"]', container)
        image = self._run("commit", "-q", "--format", "docker", container)
        for name, text in (files or {}).items():
            image = self._with_file(image, name, text)
        self._run("push", "-q", "--tls-verify=false", image, f"docker://{reference}")

    def push_index(self, reference: str, *images: str) -> None:
        """Push an index of *images*, which are in a registry, as *reference*."""
        name = "localhost/index"
        self._run("manifest", "create", name)
        for each in images:
            self._run("manifest", "add", "--tls-verify=false", name, f"docker://{each}")
        target = f"docker://{reference}"
        self._run("manifest", "push", "-q", "--all", "--tls-verify=false", name, target)

    def _with_file(self, image: str, name: str, text: str) -> str:
        source = self.directory / "file"
        source.write_text(text)
        container = self._run("from", "--pull-never", image)
        self._run("copy", "-q", container, str(source), name)
        return self._run("commit", "-q", "--format", "docker", container)

    def _run(self, *arguments: str) -> str:
        places = ("--root", f"{self.directory}/root", "--runroot", f"{self.directory}/run")
        done = subprocess.run(
            ["buildah", *places, "--storage-driver", "vfs", *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
