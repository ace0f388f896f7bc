"""The random secrets of a stack: made once, readable by their owner only."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from workers.host.errors import HostError

PRIVATE = 0o600


def make_field_key() -> str:
    """Return a key as Fernet takes it: 32 random bytes in url-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


SECRETS: dict[str, Callable[[], str]] = {
    "secret-key": lambda: secrets.token_urlsafe(48),
    "field-key": make_field_key,
    "redis-password": lambda: secrets.token_urlsafe(32),
}
"""The file of each secret, and how a new one is made."""


def ensure_secrets(directory: Path, *, uid: int, gid: int) -> list[str]:
    """
    See to it that *directory* holds every secret, and return the names of those made now.

    One that exists is never changed. The directory belongs to an unprivileged user, so nothing
    in it is followed: a link in a secret's place counts as the secret being there.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        made = [name for name in SECRETS if not _is_there(name, handle=handle)]
        for name in made:
            _write_secret(name, SECRETS[name](), handle=handle, uid=uid, gid=gid)
        os.fsync(handle)
    finally:
        os.close(handle)
    return made


def read_secret(directory: Path, name: str) -> str:
    """Return the secret *name*; raise `HostError` if it is missing or no single word."""
    path = directory / name
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise HostError(f"The secret {path} cannot be read: {e}.") from e
    if not text or any(character.isspace() for character in text):
        raise HostError(f"The secret {path} is empty or more than one word.")
    return text


def list_exposed(directory: Path) -> list[Path]:
    """Return the secrets in *directory* that others than their owner may read or write."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if path.lstat().st_mode & 0o077)


def _is_there(name: str, *, handle: int) -> bool:
    try:
        os.stat(name, dir_fd=handle, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _write_secret(name: str, value: str, *, handle: int, uid: int, gid: int) -> None:
    # Written aside and renamed: a half-written secret would be one forever.
    partial = f".{name}.{secrets.token_hex(4)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    file = os.open(partial, flags, PRIVATE, dir_fd=handle)
    try:
        os.fchown(file, uid, gid)
        os.write(file, f"{value}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(partial, name, src_dir_fd=handle, dst_dir_fd=handle)
