"""The command lines, read before anything is fetched."""

import argparse
from pathlib import Path

from .say import Fault

HIGHEST_PORT = 65_535
PORTS = {
    "port": (8069, "Odoo"),
    "payplug-port": (8070, "the Payplug emulator"),
    "smtp-port": (8025, "the mail server"),
    "mail-port": (8026, "the page that shows the mails"),
}


def read(command, arguments):
    """The options of `command`; what pytest shall see is in `.pytest_arguments`."""
    options, others = _PARSERS[command]().parse_known_args(arguments)
    if others and command != "test":
        _PARSERS[command]().error(f"unknown: {' '.join(others)}")
    options.pytest_arguments = others
    if command == "demo":
        _refuse_shared_ports(options)
    return options


def _refuse_shared_ports(options):
    users = {}
    for name, (_default, what) in PORTS.items():
        number = getattr(options, name.replace("-", "_"))
        if number in users:
            raise Fault(
                f"Port {number} cannot serve both {users[number]} and {what}; give one "
                f"of them another: dev/demo --{name} N"
            )
        users[number] = what


def _port(text):
    """The number of a port as it was typed."""
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_PORT:
        raise Fault(f"{text} is not a port: name a number from 1 to {HIGHEST_PORT}.")
    return int(text)


def _parser(command, description):
    return argparse.ArgumentParser(
        prog=f"dev/{command}", description=description, allow_abbrev=False
    )


def _test():
    parser = _parser(
        "test",
        "Tests what these commands say when something is missing, the addon with and "
        "without account_payment, and its installation with demo data. What is not "
        "listed here goes to pytest, for the addon's tests only: -k, -x, a file.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="with account_payment only")
    which.add_argument(
        "--without-account-payment",
        action="store_true",
        help="without account_payment only",
    )
    _add_postgres(parser)
    return parser


def _demo():
    parser = _parser(
        "demo",
        "Starts Odoo with the addon and French demo data, a Payplug emulator and a "
        "mail server whose mails can be read in the browser. Ctrl-C stops everything.",
    )
    for name, (number, what) in PORTS.items():
        parser.add_argument(
            f"--{name}",
            type=_port,
            default=number,
            metavar="N",
            help=f"port of {what} ({number})",
        )
    parser.add_argument(
        "--fresh", action="store_true", help="begin with a new database"
    )
    parser.add_argument(
        "--walk", action="store_true", help="do the whole journey in a hidden browser"
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="where --walk leaves its pictures (pictures/)",
    )
    _add_postgres(parser)
    return parser


def _bench():
    parser = _parser(
        "bench",
        "Measures what the addon costs beside Odoo without it, and prints a table; "
        "the exit status tells whether every bound is met. Ten minutes.",
    )
    parser.add_argument("--quick", action="store_true", help="under five minutes")
    parser.add_argument(
        "--growth",
        action="store_true",
        help="also with --quick: how cost grows with links and invoices, and how fast "
        "several workers send",
    )
    parser.add_argument(
        "--workers",
        action="store_true",
        help="nothing but how fast several workers send, with few invoices",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write what was measured to FILE"
    )
    parser.add_argument(
        "--chart", type=Path, metavar="FILE", help="write a picture (SVG) to FILE"
    )
    _add_postgres(parser)
    return parser


def _lint():
    parser = _parser("lint", "Checks the form of code, views and translations.")
    parser.add_argument("--fix", action="store_true", help="format what can be")
    return parser


def _add_postgres(parser):
    parser.add_argument(
        "--pghost",
        metavar="HOST",
        help="use this PostgreSQL (PGPORT, PGUSER and PGPASSWORD count too) and not "
        "the one that comes along",
    )


_PARSERS = {"test": _test, "demo": _demo, "bench": _bench, "lint": _lint}
