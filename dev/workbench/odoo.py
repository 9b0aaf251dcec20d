"""Odoo as a program: its settings file and its command lines."""

import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from . import cache
from .console import CommandError

ADDON = "payplug_paylink"
OCA_ADDONS = Path(sysconfig.get_path("purelib")) / "odoo" / "addons"
_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \S+ \d+ (\w+) ")
_LEVELS = ("WARNING", "ERROR", "CRITICAL")


@dataclass
class Odoo:
    """Odoo's source in `source`, working with the PostgreSQL `server`.

    :ivar is_stopped: its programs are being ended: their exit status is 0 all the same
    """

    source: Path
    server: object
    is_stopped: bool = False

    def __post_init__(self):
        # a file, for Odoo's workers start it again; never empty: others run it just now
        self.program = cache.folder() / "odoo-bin"
        whole = self.program.with_suffix(f".{os.getpid()}")
        whole.write_text("from odoo.cli.command import main\n\nmain()\n")
        whole.replace(self.program)

    @property
    def data(self):
        """The folder of Odoo's file stores and sessions."""
        return cache.folder() / "data"

    def write_settings(self, path, **more):
        """Write a settings file for Odoo to `path`."""
        settings = {
            "addons_path": f"{self.source}/addons,{cache.ROOT},{OCA_ADDONS}",
            "data_dir": self.data,
            "db_host": self.server.host,
            "db_port": self.server.port,
            "db_user": self.server.user,
            "db_password": self.server.password,
            "list_db": False,
            "http_interface": "127.0.0.1",
            **more,
        }
        lines = [f"{name} = {value}" for name, value in settings.items() if value != ""]
        path.write_text("\n".join(["[options]", *lines, ""]))
        path.chmod(0o600)
        return path

    def command(self, *arguments):
        """The command line of an Odoo program."""
        return [sys.executable, self.program, *map(str, arguments)]

    def call(self, message, *arguments, script=""):
        """Run an Odoo program and return its log; if it fails, raise `message`."""
        done = subprocess.run(
            self.command(*arguments),
            input=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if self.is_stopped:
            raise CommandError("Stopped.")
        if done.returncode:
            print(done.stdout, file=sys.stderr)
            raise CommandError(message)
        return done.stdout


def warnings(log):
    """The warnings and errors in Odoo's log, each with the lines that belong to it."""
    found, is_warning = [], False
    for line in log.splitlines():
        if record := _RECORD.match(line):
            is_warning = record[1] in _LEVELS
        if is_warning:
            found.append(line)
    return found
