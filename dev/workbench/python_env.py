"""The Python that everything runs in: a venv with locked packages."""

import importlib.util
import os
import sys

from . import cache, system
from .say import Fault, run, step

OLDEST, NEWEST = (3, 10), (3, 13)


def check_version():
    """Refuse a Python that Odoo 19 or the locked packages do not run on."""
    here = sys.version_info[:2]
    if not OLDEST <= here <= NEWEST:
        raise Fault(
            "Python {}.{} to {}.{} is needed and {}.{} runs; name another one with "
            "PYTHON=/path/to/python3.".format(*OLDEST, *NEWEST, *here)
        )


def venv(lock_name):
    """The folder of the venv that holds the packages of the lock file `lock_name`."""
    lock_file = cache.ROOT / "dev" / lock_name
    here = "{}.{}".format(*sys.version_info[:2])
    key = cache.digest(lock_file, sys.version, sys.executable)
    folder = cache.folder() / f"{lock_file.stem}-py{here}-{key}"
    return cache.build(folder, lambda folder: _install(folder, lock_file), room_mb=800)


def _install(folder, lock_file):
    if not importlib.util.find_spec("ensurepip"):
        system.install("python3-venv", "Python's venv module")
    step(f"Installing the Python packages of dev/{lock_file.name}, once")
    fault = "Python cannot make a venv."
    run([sys.executable, "-m", "venv", "--without-pip", folder], fault)
    # by itself, for venv would keep to itself why it fails
    run([folder / "bin/python", "-I", "-m", "ensurepip", "--default-pip"], fault)
    run(
        # the lock is complete: resolving again could only add what was left out
        [folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps"]
        + ["--disable-pip-version-check", "-r", lock_file],
        "The Python packages cannot be installed; check the network and start again.",
    )


def enter(folder, command, arguments, **variables):
    """Go on as `command` inside the venv `folder`; does not return."""
    python = str(folder / "bin" / "python")
    environment = {**os.environ, **variables, "PYTHONPATH": str(cache.ROOT / "dev")}
    # commands that this one calls go on with the same Python, and so in the same venv
    environment["PYTHON"] = sys.executable
    os.execve(python, [python, "-m", "workbench", command, *arguments], environment)
