"""Where Odoo 19's source comes from: the folder that holds `odoo/`."""

import os
import re
import shutil
from pathlib import Path

from . import cache, debian
from .console import CommandError, run, step

SERIES = 19
REPOSITORY = "https://github.com/odoo/odoo"
IN_PACKAGE = "usr/lib/python3/dist-packages"
# Debian's package replaces some of Odoo's files by links into these packages;
PACKAGES = (
    "odoo-19 fonts-montserrat fonts-ocr-b fonts-roboto-unhinted"
    " libjs-jquery libjs-jquery-form libjs-underscore"
).split()
# the files of these two have other names in sid than those the links point to
OLDER_PACKAGES = ["fonts-font-awesome", "fonts-inconsolata"]
OLDER_SUITE = "bookworm"
# Debian leaves this library out (it blurs the picture of a video call), and Odoo logs
# an error in every page without it
LEFT_OUT = "odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js"


def locate():
    """Return the folder that holds Odoo 19, downloaded unless ODOO_SOURCE names one."""
    folder = os.environ.get("ODOO_SOURCE")
    if not folder:
        return _downloaded()
    if (version(folder) or (0,))[0] != SERIES:
        raise CommandError(
            f"ODOO_SOURCE={folder} does not hold Odoo {SERIES}; name the folder in "
            "which `odoo/release.py` lies, or unset it."
        )
    return Path(folder).resolve()


def version(folder):
    """The version of the Odoo in `folder`, such as (19, 0)."""
    release = Path(folder) / "odoo" / "release.py"
    found = release.is_file() and re.search(
        r"^version_info = \((\d+), (\d+)", release.read_text(), re.M
    )
    return tuple(map(int, found.groups())) if found else None


def _downloaded():
    cloned = cache.folder() / "odoo-git"
    if debian.is_possible() and not (cloned / ".complete").exists():
        try:
            return cache.build(cache.folder() / "odoo-debian", _unpack) / IN_PACKAGE
        except CommandError as error:
            step(f"Debian's package odoo-{SERIES} cannot be used: {error}")
    return cache.build(cloned, _clone)


def _unpack(target):
    step(f"Downloading Odoo {SERIES} from Debian (120 MB), once")
    suites = list(dict.fromkeys(["sid", debian.own_suite(), OLDER_SUITE]))
    with debian.Archive(suites) as archive:
        archive.unpack("sid", PACKAGES, target)
        for suite in suites[1:]:
            if _broken_links(target):
                archive.unpack(suite, OLDER_PACKAGES, target)
    if broken := _broken_links(target):
        raise CommandError(f"{len(broken)} links are broken, such as {broken[0]}.")
    missing = target / IN_PACKAGE / LEFT_OUT
    if not missing.exists():
        missing.parent.mkdir(parents=True, exist_ok=True)
        missing.write_text("/* left out by Debian: no blur in video calls here */\n")


def _broken_links(folder):
    paths = (folder / IN_PACKAGE).rglob("*")
    return [path for path in paths if path.is_symlink() and not path.exists()]


def _clone(target):
    if not shutil.which("git"):
        raise CommandError(
            f"Odoo {SERIES} cannot be downloaded without git: `apt-get install git`, "
            "or name a folder that holds it with ODOO_SOURCE=/some/folder."
        )
    step(f"Downloading Odoo {SERIES} from {REPOSITORY}, once; this takes minutes")
    branch = f"{SERIES}.0"
    run(
        ["git", "clone", "-q", "--depth=1", f"--branch={branch}", REPOSITORY, target],
        f"Odoo {SERIES} cannot be downloaded; check the network, or name a folder that "
        "holds it with ODOO_SOURCE=/some/folder.",
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
    )
