"""Where Odoo 19's source comes from: the folder that holds `odoo/`."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import cache, debian
from .say import Fault, run, step

SERIES = 19
REPOSITORY = "https://github.com/odoo/odoo"
IN_PACKAGE = "usr/lib/python3/dist-packages"
# Debian's package replaces some of Odoo's files by links into these packages;
PACKAGES = [
    "odoo-19",
    "fonts-montserrat",
    "fonts-ocr-b",
    "fonts-roboto-unhinted",
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
]
# the files of these two have other names in sid than those the links point to
OLDER_PACKAGES = ["fonts-font-awesome", "fonts-inconsolata"]
OLDER_SUITE = "bookworm"
# Debian leaves this library out (it blurs the picture of a video call), and Odoo logs
# an error in every page without it
LEFT_OUT = "odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js"


def locate():
    """Return the folder that holds Odoo 19, fetched if this machine has none."""
    return _named() or _importable() or _fetched()


def version(folder):
    """The version of the Odoo in `folder`, such as 19.0."""
    release = Path(folder) / "odoo" / "release.py"
    found = release.is_file() and re.search(
        r"^version_info = \((\d+), (\d+)", release.read_text(), re.M
    )
    return tuple(map(int, found.groups())) if found else None


def _is_right(folder):
    return (version(folder) or (0,))[0] == SERIES


def _named():
    folder = os.environ.get("ODOO_SOURCE")
    if folder and not _is_right(folder):
        raise Fault(
            f"ODOO_SOURCE={folder} does not hold Odoo {SERIES}; name the folder in "
            "which `odoo/release.py` lies, or unset it."
        )
    return folder and Path(folder).resolve()


def _importable():
    """An Odoo that the running Python can import, seen through a folder of its own:
    beside it may lie packages that must not shadow ours."""
    code = "import odoo.release; print(odoo.release.__file__)"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if asked.returncode:
        return None
    folder = Path(asked.stdout.strip()).parents[1]
    return _is_right(folder) and cache.build(
        cache.folder() / f"odoo-link-{cache.digest(str(folder))}",
        lambda links: _link(folder, links),
    )


def _link(folder, links):
    for name in ("odoo", "addons"):
        if (folder / name).is_dir():
            (links / name).symlink_to(folder / name)


def _fetched():
    unpacked = cache.folder() / "odoo-debian"
    cloned = cache.folder() / "odoo-git"
    if debian.is_possible() and not (cloned / ".complete").exists():
        try:
            return cache.build(unpacked, _unpack, room_mb=2500) / IN_PACKAGE
        except Fault as fault:
            step(f"Debian's package odoo-{SERIES} cannot be used: {fault}")
    return cache.build(cloned, _clone, room_mb=2500)


def _unpack(target):
    step(f"Fetching Odoo {SERIES} from Debian (120 MB), once")
    suites = dict.fromkeys(["sid", debian.own_suite(), OLDER_SUITE])
    archive = debian.Archive(target / "apt", list(suites))
    archive.unpack("sid", PACKAGES, target)
    for suite in list(suites)[1:]:
        if not _dangling(target):
            break
        archive.unpack(suite, OLDER_PACKAGES, target)
    if dangling := _dangling(target):
        raise Fault(f"{len(dangling)} links lead nowhere, such as {dangling[0]}.")
    _fill_gap(target / IN_PACKAGE / LEFT_OUT)
    shutil.rmtree(target / "apt")


def _fill_gap(path):
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("/* left out by Debian: no blur in video calls here */\n")


def _dangling(folder):
    """The links of Odoo's own files that lead nowhere."""
    return [
        path
        for path in (folder / IN_PACKAGE).rglob("*")
        if path.is_symlink() and not path.exists()
    ]


def _clone(target):
    if not shutil.which("git"):
        raise Fault(
            f"Odoo {SERIES} cannot be fetched without git: `apt-get install git`, or "
            "name a folder that holds it with ODOO_SOURCE=/some/folder."
        )
    step(f"Fetching Odoo {SERIES} from {REPOSITORY}, once; this takes minutes")
    branch = f"{SERIES}.0"
    run(
        ["git", "clone", "-q", "--depth=1", f"--branch={branch}", REPOSITORY, target],
        f"Odoo {SERIES} cannot be fetched; check the network, or name a folder that "
        "holds it with ODOO_SOURCE=/some/folder.",
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
    )
