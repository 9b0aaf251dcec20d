"""The cache folder: everything that is fetched or built once and used again."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from .say import FULL, Fault, step

VARIABLE = "PAYPLUG_PAYLINK_CACHE"
ROOT = Path(__file__).resolve().parents[2]


def folder():
    """The cache folder, made if need be."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(os.environ.get(VARIABLE) or Path(base) / "payplug_paylink").absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise Fault(
            f"The cache folder {path} cannot be written ({error.strerror}); "
            f"name another one with {VARIABLE}=/some/folder."
        ) from error


def _locks():
    path = folder() / "locks"
    path.mkdir(exist_ok=True)
    return path


@contextlib.contextmanager
def lock(name):
    """Hold the lock `name`; a second command waits here, and says so."""
    with open(_locks() / name, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            step(f"Another command prepares the same thing ({name}); waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build(path, maker, room_mb=0):
    """Return the folder `path`, filled by `maker(folder)` unless it is complete.

    A mark is set at the very end, so that a step cut in the middle never passes for a
    finished one.
    """
    path = Path(path)
    mark = path / ".complete"
    if mark.exists():
        return path
    with lock(path.name):
        if not mark.exists():
            need_room(room_mb)
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
            with _told_when_disk_is_full():
                maker(path)
                mark.touch()
    return path


def need_room(megabytes):
    """Refuse to start what the disk cannot hold."""
    free = shutil.disk_usage(folder()).free // 2**20
    if free < megabytes:
        raise Fault(
            f"{megabytes} MB are needed in {folder()} and {free} MB are free; "
            f"make room, or name another folder with {VARIABLE}=/some/folder."
        )


@contextlib.contextmanager
def _told_when_disk_is_full():
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise Fault(
                f"The disk that holds {folder()} is full; make room, or name another "
                f"folder with {VARIABLE}=/some/folder."
            ) from error
        raise


def digest(*parts):
    """A short name for what `parts` hold (paths by their content)."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()[:12]
