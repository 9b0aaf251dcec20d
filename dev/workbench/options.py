"""The command lines, read before anything is downloaded."""

import argparse
from pathlib import Path

from .cache import ROOT

DESCRIPTIONS = {
    "test": "Tests the commands' own messages, the addon with and without "
    "account_payment, and its installation with demo data. What is not listed here "
    "goes to pytest, for the addon's tests only: -k, -x, a file.",
    "demo": "Starts Odoo with the addon and French demo data, a Payplug emulator and a "
    "mail server whose mails can be read in the browser. Ctrl-C stops everything.",
    "bench": "Measures what the addon costs beside Odoo without it, and prints a "
    "table; the exit status tells whether every bound is met.",
    "lint": "Checks the form of code, views and translations.",
}
PORTS = {
    "port": (8069, "Odoo"),
    "payplug-port": (8070, "the Payplug emulator"),
    "smtp-port": (8025, "the mail server"),
    "mail-port": (8026, "the page that shows the mails"),
}
LANGUAGES = {"en": "en_US", "fr": "fr_FR"}


def parse(command, arguments):
    """The options of `command`; those for pytest are in `.pytest_arguments`."""
    parser = argparse.ArgumentParser(
        prog=f"dev/{command}", description=DESCRIPTIONS[command], allow_abbrev=False
    )
    _ADD[command](parser.add_argument)
    if command != "lint":
        text = "PostgreSQL to use, with PGPORT, PGUSER and PGPASSWORD, not the own one"
        parser.add_argument("--pghost", metavar="HOST", help=text)
    options, options.pytest_arguments = parser.parse_known_args(arguments)
    if options.pytest_arguments and command != "test":
        parser.error(f"unknown: {' '.join(options.pytest_arguments)}")
    return options


def _add_test(add):
    add("--quick", action="store_true", help="only with account_payment")


def _add_demo(add):
    for name, (number, service) in PORTS.items():
        text = f"port of {service} ({number})"
        add(f"--{name}", type=int, default=number, metavar="N", help=text)
    add("--fresh", action="store_true", help="begin with a new database")
    text = "go through the screens in a hidden browser"
    add("--walk", action="store_true", help=text)
    add("--lang", choices=LANGUAGES, default="en", help="the administrator's language")
    text = "where --walk saves its pictures (pictures/)"
    add("--pictures", type=Path, default=ROOT / "pictures", metavar="DIR", help=text)
    text = "let --walk renew the pictures of README, guide and module page"
    add("--publish", action="store_true", help=text)


def _add_bench(add):
    add("--quick", action="store_true", help="under five minutes")
    add("--json", type=Path, metavar="FILE", help="write what was measured to FILE")
    add("--chart", type=Path, metavar="FILE", help="write a picture (SVG) to FILE")


def _add_lint(add):
    add("--fix", action="store_true", help="format what can be formatted")


_ADD = {"test": _add_test, "demo": _add_demo, "bench": _add_bench, "lint": _add_lint}
