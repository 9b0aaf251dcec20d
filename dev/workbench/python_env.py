"""The Python that everything runs in: a venv with locked packages."""

import importlib.util
import os
import sys

from . import cache, system
from .console import run, step


def venv(lock_name):
    """The folder of the venv that holds the packages of the lock file `lock_name`."""
    lock_file = cache.ROOT / "dev" / lock_name
    here = "{}.{}".format(*sys.version_info[:2])
    key = cache.digest(lock_file, sys.version, sys.executable)
    folder = cache.folder() / f"{lock_file.stem}-py{here}-{key}"
    return cache.build(folder, lambda folder: _install(folder, lock_file))


def _install(folder, lock_file):
    if not importlib.util.find_spec("ensurepip"):
        system.install("python3-venv", "Python's venv module")
    step(f"Installing the Python packages of dev/{lock_file.name}, once")
    message = "Python cannot make a venv."
    run([sys.executable, "-m", "venv", "--without-pip", folder], message)
    # separately: venv does not tell why this fails
    run([folder / "bin/python", "-I", "-m", "ensurepip", "--default-pip"], message)
    run(
        # the lock is complete: resolving again could only add what was left out
        [folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps"]
        + ["--disable-pip-version-check", "-r", lock_file],
        "The Python packages cannot be installed; check the network and start again.",
    )


def enter(folder, command, arguments, **variables):
    """Start the command again inside the venv `folder`; does not return."""
    python = str(folder / "bin" / "python")
    paths = [str(cache.ROOT / "dev"), *filter(None, [variables.get("ODOO_SOURCE")])]
    variables["PYTHONPATH"] = os.pathsep.join(paths)
    # commands that this one calls use the same Python, and so the same venv
    variables["PYTHON"] = sys.executable
    # a proxy is not asked for what runs on this machine
    variables["NO_PROXY"] = variables["no_proxy"] = "localhost,127.0.0.1"
    os.execve(
        python,
        [python, "-m", "workbench", command, *arguments],
        {**os.environ, **variables},
    )
