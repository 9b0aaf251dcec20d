"""The cache folder: everything that is downloaded or built once and used again."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from .console import CommandError, step

VARIABLE = "PAYPLUG_PAYLINK_CACHE"
ROOT = Path(__file__).resolve().parents[2]


def folder():
    """The cache folder, made if it is missing."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(os.environ.get(VARIABLE) or Path(base) / "payplug_paylink").absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise CommandError(
            f"The cache folder {path} cannot be written ({error.strerror}); "
            f"name another one with {VARIABLE}=/some/folder."
        ) from error


@contextlib.contextmanager
def lock(name):
    """Hold the lock `name`; a second command waits here."""
    path = folder() / "locks"
    path.mkdir(exist_ok=True)
    with open(path / name, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            step(f"Waiting for another command that prepares the same thing ({name})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build(path, maker):
    """Return the folder `path`, filled by `maker(folder)` unless it is complete."""
    mark = path / ".complete"  # written last: what was interrupted is made again
    if mark.exists():
        return path
    with lock(path.name):
        if not mark.exists():
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
            maker(path)
            mark.touch()
    return path


def digest(*parts):
    """A short name for what `parts` hold (paths by their content)."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()[:12]
