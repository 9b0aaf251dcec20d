"""Debian packages without root: downloaded with apt's signature check, unpacked aside.

apt works on a private state folder. Its source is the mirror that the machine itself is
configured with, so that proxies and local mirrors go on working.
"""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from .say import Fault, run, step

KEYRINGS = (
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
)


def is_possible():
    """Whether this machine can check and unpack Debian's packages."""
    return _system() == "debian" and _keyring() and all(map(shutil.which, _TOOLS))


_TOOLS = ("apt-get", "dpkg")


def _system():
    try:
        return platform.freedesktop_os_release().get("ID")
    except OSError:
        return None


def own_suite():
    """The name of the machine's own Debian release, such as bookworm."""
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "sid")


def _keyring():
    return next((path for path in KEYRINGS if os.path.exists(path)), None)


def mirrors():
    """The addresses of Debian's archive in the machine's own apt configuration."""
    text = _answer(
        "apt-get", "indextargets", "--format", "$(ORIGIN) '$(REPO_URI)dists/"
    )
    found = re.findall(r"^Debian '(\S+?)/?dists/", text, re.M)
    # a machine whose package lists were never fetched names its sources only here
    text = _answer("apt-get", "--print-uris", "update")
    found += re.findall(rf"^'(\S+?)/dists/{own_suite()}/InRelease'", text, re.M)
    return list(dict.fromkeys(address.rstrip("/") for address in found))


def _answer(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


class Archive:
    """Debian's archive, seen through a private apt state in `folder`."""

    def __init__(self, folder, suites):
        self.folder = Path(folder)
        self.suites = suites
        for name in ("lists/partial", "cache/archives/partial", "debs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._update()

    def _update(self):
        last = None
        for mirror in mirrors():
            sources = [
                f"deb [signed-by={_keyring()}] {mirror} {suite} main\n"
                for suite in self.suites
            ]
            (self.folder / "sources.list").write_text("".join(sources))
            try:
                self._apt("update", "--error-on=any")
            except Fault as fault:
                last = fault
            else:
                return
        raise last or Fault(
            "The machine's apt configuration names no mirror of Debian."
        )

    def unpack(self, suite, names, target):
        """Download `names` from `suite`, check them, unpack them into `target`."""
        step(f"Downloading from Debian {suite}: {', '.join(names)}")
        debs = self.folder / "debs" / suite
        debs.mkdir(exist_ok=True)
        self._apt("download", *(f"{name}/{suite}" for name in names), cwd=debs)
        for deb in sorted(debs.glob("*.deb")):
            run(["dpkg", "-x", deb, target], f"{deb.name} cannot be unpacked.")
            deb.unlink()

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
