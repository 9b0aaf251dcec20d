"""`dev/test`: the installation and the tests, each in a new copy of a database.

Odoo's tests keep one core busy, most of the time: so three parts run at once on two.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import psutil

from . import cache, databases, installation, npm, processes, system
from .console import step
from .odoo import ADDON, warnings

TESTS = cache.ROOT / ADDON / "tests"
NO_TESTS = 5  # pytest's status
OWN_TESTS = cache.ROOT / "dev" / "tests"
# template, name, and which tests
ANYWHERE = "not queue_job and not life"
WITH = (databases.WITH_ACCOUNT_PAYMENT, "with account_payment", ANYWHERE)
JOBS = (databases.WITH_QUEUE_JOB, "with queue_job", "queue_job")
BARE = databases.WITHOUT_ACCOUNT_PAYMENT
WITHOUT = (BARE, "without account_payment", f"not once and {ANYWHERE}")
LIFE = (BARE, "of uninstallation and backups", "life")


def main(options):
    """Run what `options` ask for and return the worst exit status."""
    system.need_pdf()
    system.need_browser()
    os.environ["AXE_CORE"] = str(npm.modules("axe") / "axe-core/axe.min.js")
    with databases.serving(options) as bases:
        results = Run(bases, options.pytest_arguments).all(options)
    print(*(result.output for result in results), sep="\n")
    print(*(f"{result.name}: {result.summary}" for result in results), sep="\n")
    print(total(results))
    return max(result.status for result in results)


@dataclass
class Result:
    """What one part of the run found."""

    name: str
    status: int
    summary: str
    output: str = ""


def total(results):
    """All summaries in one line; what failed without a summary counts as one."""
    counts = Counter()
    for result in results:
        summary = result.summary.replace("error", "failed")
        for number, word in re.findall(r"(\d+) (passed|failed|skipped)", summary):
            counts[word] += int(number)
        counts["failed"] += bool(result.status and "failed" not in summary)
    names = ["passed", "failed", *(["skipped"] if counts["skipped"] else [])]
    return ", ".join(f"{counts[name]} {name}" for name in names)


class Run:
    """One run of `dev/test`."""

    def __init__(self, bases, arguments):
        self.bases = bases
        self.arguments = arguments
        self.installed = {}  # copies with the addon, for several parts, by template
        self.locks = {}  # of those

    def all(self, options):
        """Run the parts that `options` ask for and return their results."""
        with contextlib.ExitStack() as self.stack:
            share = self.stack.enter_context(TemporaryDirectory(prefix="paylink-"))
            # all but the addon's tests, unless the arguments choose some of those
            own = [] if self.arguments else [self._own_tests]
            if options.quick:
                return self._side_by_side(1, [*own, partial(self._suite, *WITH)])
            shared = partial(self._suite, *WITH, share=share)
            parts = [
                shared,
                partial(self._suite, *WITHOUT, keep=True),
                partial(self._suite, *JOBS, keep=True),
                partial(self._suite, *LIFE, role="life", keep=True),
                self._installation,
                *own,
                *(partial(shared, role=role, keep=True) for role in ("2", "3")),
            ]
            return self._side_by_side(3, parts)

    def _side_by_side(self, count, parts):
        """Run so many of the parts at once and return their results."""
        with ThreadPoolExecutor(max_workers=count) as executor:
            running = [executor.submit(part) for part in parts]
            try:
                return [part.result() for part in running]
            finally:  # also when stopped by Ctrl-C
                executor.shutdown(wait=False, cancel_futures=True)
                self.bases.odoo.is_stopped = True
                processes.stop(psutil.Process().children())

    def _own_tests(self):
        """The tests of the commands."""
        step("Testing the commands themselves")
        # without plug-ins, for pytest-odoo needs a database
        alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return self._pytest("Tests of the commands", [OWN_TESTS, "-q"], alone, True)

    def _suite(self, template, name, marks, role="", share="", keep=False):
        """Install the addon in a copy of `template` and run its tests.

        :param str role: tells several copies of one template apart
        :param str share: a folder; who is given the same one shares the tests
        """
        with self.locks.setdefault(template, Lock()):
            if template not in self.installed:
                copy = self.stack.enter_context(self.bases.run_copy(template, "base"))
                if failed := self._install(copy, template, name):
                    return failed
                self.installed[template] = copy
        with self.bases.run_copy(template, role, self.installed[template]) as database:
            step(f"Running the tests {name}")
            command = [f"--odoo-database={database}", "--odoo-http"]
            command += [f"--odoo-config={self.bases.settings}", "--odoo-log-level=warn"]
            command += ["-p", "workbench.pytest_plugin", "-m", marks, *self.arguments]
            if not any(Path(a.partition("::")[0]).exists() for a in self.arguments):
                command.append(TESTS)
            # the jobs are run by processes of the tests, and by nobody else
            variables = {"WORKBENCH_SHARE": share, "ODOO_QUEUE_JOB_CHANNELS": "root:0"}
            return self._pytest(f"Tests {name}", command, variables, keep)

    def _installation(self):
        """Install the addon beside demo data and check the invoices there."""
        template = databases.WITH_DEMO
        with self.bases.run_copy(template) as database:
            server = self.bases.odoo.server
            before = installation.versions(server, database)
            if failed := self._install(database, template, "with demo data"):
                return failed
            errors = list(installation.errors(server, database, before))
        summary = "; ".join(errors) or "no warning, no earlier invoice written"
        return Result("Installation with demo data", int(bool(errors)), summary)

    def _install(self, database, template, name):
        """Install the addon; return a result if that failed or logged a warning."""
        step(f"Installing the addon {name}")
        options = [option for option in template.options if option != "--with-demo"]
        lines = warnings(self.bases.install(database, ADDON, *options))
        return lines and Result(f"Installation {name}", 1, "warnings", "\n".join(lines))

    def _pytest(self, name, arguments, variables=None, keep=False):
        """Run pytest, and print its output unless it is to be kept."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=cache.ROOT,
            env=os.environ | (variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        kept, summary = [], ""
        for line in process.stdout:
            kept.append(line) if keep else print(line, end="", flush=True)
            summary = line.strip(" =\n") or summary
        status = process.wait()
        if status == NO_TESTS:  # what was chosen runs in another part
            status = 0
        if not re.search(r" in [\d.]+s", summary):  # Odoo exits with 0 when killed
            status = 1
        return Result(name, status, summary, "".join(kept))
