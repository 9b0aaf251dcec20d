"""Programs that come from the machine's own package manager."""

import os
import shutil

from .console import CommandError, run, step

BROWSERS = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")


def need_pdf():
    """Make sure that Odoo can print invoices."""
    need("wkhtmltopdf", "wkhtmltopdf", what="The program that prints PDF")


def need_browser():
    """The path of a browser."""
    return need("chromium", *BROWSERS, what="A browser")


def need(package, *programs, what):
    """The path of one of `programs`, installed by apt from `package` if missing."""
    if not any(map(shutil.which, programs)):
        install(package, what)
    if not (path := next(filter(None, map(shutil.which, programs)), None)):
        raise CommandError(
            f"{package} was installed and {programs[0]} is still not found."
        )
    return path


def install(package, what):
    """Install `package` by apt, as root or by sudo without password."""
    by_hand = f"sudo apt-get install {package}"
    if not shutil.which("apt-get"):
        raise CommandError(f"{what} is missing; install it with: {by_hand}")
    step(f"Installing {package} ({what})")
    rights = [] if os.geteuid() == 0 else ["sudo", "-n"]
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    message = f"{what} cannot be installed; try: {by_hand}."
    apt = [*rights, "apt-get", "--yes", "--quiet"]
    run([*apt, "update"], message, env=variables)
    install = [*apt, "install", "--no-install-recommends", package]
    run(install, message, env=variables)
