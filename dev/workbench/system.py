"""Programs that come from the machine's own package manager."""

import os
import shutil

from .say import Fault, run, step


def find(programs):
    """The path of the first of `programs` that is on the machine, else None."""
    return next(filter(None, map(shutil.which, programs)), None)


def need(package, *programs, why):
    """The path of one of `programs`, installed by apt from `package` if missing."""
    if not find(programs):
        install(package, why)
    if not (path := find(programs)):
        raise Fault(f"{package} was installed and {programs[0]} is still not found.")
    return path


def install(package, why):
    """Install `package` by apt, as root or by sudo without password."""
    rights = _rights()
    by_hand = f"sudo apt-get install {package}"
    if rights is None:
        raise Fault(f"{why} is missing; install it with: {by_hand}")
    step(f"Installing {package} ({why})")
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    refusal = f"{why} cannot be installed; try: {by_hand}."
    command = [*rights, "apt-get", "install", "--yes", "--quiet", package]
    command.insert(-1, "--no-install-recommends")
    run([*rights, "apt-get", "update", "--quiet"], refusal, env=variables)
    run(command, refusal, env=variables)


def _rights():
    """What to write before apt-get, None when it cannot be run from here."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    try:
        run(["sudo", "-n", "true"], "")
    except Fault:
        return None
    return ["sudo", "-n"]
