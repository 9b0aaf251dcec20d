"""Odoo as a program: its settings file and its command lines."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import cache
from .say import Fault, refuse_full_disk

ADDON = "payplug_paylink"
_TROUBLE = re.compile(r"^\S+ \S+ \d+ (WARNING|ERROR|CRITICAL) ")


@dataclass
class Odoo:
    """Odoo's source in `source`, working with the PostgreSQL `server`."""

    source: Path
    server: object

    @property
    def data(self):
        """The folder of Odoo's file stores and sessions."""
        return cache.folder() / "data"

    def write_settings(self, path, **more):
        """Write a settings file for Odoo to `path`."""
        settings = {
            "addons_path": f"{self.source}/addons,{cache.ROOT}",
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

    def environment(self):
        """The environment variables for Odoo's programs."""
        # a proxy has no business between the programs of one machine
        local = {"NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}
        paths = os.pathsep.join([str(self.source), str(cache.ROOT / "dev")])
        return {**os.environ, **local, "PYTHONPATH": paths}

    def command(self, *arguments):
        """The command line of an Odoo program."""
        return [sys.executable, "-m", "odoo", *map(str, arguments)]

    def call(self, fault, *arguments, script=None):
        """Run an Odoo program to its end and return its log."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            input=script or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if done.returncode:
            refuse_full_disk(done.stdout)
            print(done.stdout, file=sys.stderr)
            raise Fault(fault)
        return done.stdout


def troubles(log):
    """The warnings and errors in Odoo's log, each with the lines that belong to it."""
    found, inside = [], False
    for line in log.splitlines():
        if re.match(r"^\d{4}-\d\d-\d\d ", line):
            inside = bool(_TROUBLE.match(line))
        if inside:
            found.append(line)
    return found
