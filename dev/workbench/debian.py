"""Debian packages without root: downloaded with apt's signature check, and unpacked.

apt works on a private state folder. Its source is the mirror that the machine itself is
configured with, so that proxies and local mirrors go on working.
"""

import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .console import CommandError, run, step

KEYRINGS = [f"/usr/share/keyrings/debian-archive-keyring.{e}" for e in ("gpg", "pgp")]
TOOLS = ("apt-get", "dpkg")


def is_possible():
    """Whether this machine can check and unpack Debian's packages."""
    try:
        is_debian = platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False
    return is_debian and _keyring() and all(map(shutil.which, TOOLS))


def own_suite():
    """The name of the machine's own Debian release, such as bookworm."""
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "sid")


def _keyring():
    return next(filter(os.path.exists, KEYRINGS), None)


def _mirrors():
    """The addresses of archives in the machine's own apt configuration."""
    command = ["apt-get", "--print-uris", "update"]
    text = subprocess.run(command, capture_output=True, text=True).stdout
    found = re.findall(r"^'(\S+?)/+dists/\S+/InRelease'", text, re.M)
    return list(dict.fromkeys(found))


class Archive(tempfile.TemporaryDirectory):
    """Debian's archive, read through a private apt state; a context."""

    def __init__(self, suites):
        super().__init__(prefix="paylink-apt-")
        self.suites = suites
        self.folder = Path(self.name)
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True)

    def __enter__(self):
        error = "The machine's apt configuration names no mirror of Debian."
        for mirror in _mirrors():
            sources = [
                f"deb [signed-by={_keyring()}] {mirror} {suite} main\n"
                for suite in self.suites
            ]
            (self.folder / "sources.list").write_text("".join(sources))
            try:
                self._apt("update", "--error-on=any")
            except CommandError as refused:
                error = refused
            else:
                return self
        self.cleanup()
        raise CommandError(error)

    def unpack(self, suite, names, target):
        """Download `names` from `suite`, check them, unpack them into `target`."""
        step(f"Downloading from Debian {suite}: {', '.join(names)}")
        debs = self.folder / suite
        debs.mkdir(exist_ok=True)
        self._apt("download", *(f"{name}/{suite}" for name in names), cwd=debs)
        for deb in sorted(debs.glob("*.deb")):
            run(["dpkg", "-x", deb, target], f"{deb.name} cannot be unpacked.")

    def _apt(self, *arguments, cwd=None):
        options = {
            "Dir::State::Lists": self.folder / "lists",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::SourceList": self.folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "APT::Sandbox::User": "",
            "Acquire::Retries": 3,
            "Acquire::Languages": "none",
        }
        flags = [f"-o{name}={value}" for name, value in options.items()]
        return run(["apt-get", *flags, *arguments], "apt-get failed.", cwd=cwd)
