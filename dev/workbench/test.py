"""`dev/test`: the installation and the tests, each in a fresh copy of a database."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from . import cache, databases, postgres, system
from .installation import Invoices
from .odoo import ADDON, Odoo, troubles
from .say import step

TESTS = f"{ADDON}/tests"
OWN_TESTS = "dev/tests"
# long, and the same whether account_payment is installed or not
ONCE = [
    f"test_{name}.py"
    for name in (
        *("backend", "browser", "calls", "concurrency", "connection", "cron"),
        *("emulator", "pages", "payplug_api", "queue_by_hand", "queue_companies"),
        *("queue_customers", "queue_silence", "queue_trouble", "queue_vanish"),
        *("settings", "story", "withdrawal", "workers"),
    )
]
BROWSERS = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")


def main(options):
    """Run what `options` ask for and return the worst exit status."""
    system.need("wkhtmltopdf", "wkhtmltopdf", why="The program that prints PDF")
    system.need("chromium", *BROWSERS, why="A browser")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(postgres.server(options.pghost))
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="paylink-"))
        )
        odoo = Odoo(Path(os.environ["ODOO_SOURCE"]), server)
        settings = odoo.write_settings(folder / "odoo.conf")
        run = Run(odoo, databases.Databases(odoo, settings), options.pytest_arguments)
        return run.all(options)


class Run:
    """One run of `dev/test`."""

    def __init__(self, odoo, bases, arguments):
        self.odoo = odoo
        self.bases = bases
        self.arguments = arguments
        self.results = []

    def all(self, options):
        """Do what `options` ask for, tell the results once more, return the worst."""
        if not self.arguments:  # else somebody looks for something particular
            self.sentences()
        if not options.without_account_payment:
            self.suite(databases.WITH_ACCOUNT_PAYMENT, "with account_payment")
        if not options.quick:
            skipped = () if options.without_account_payment else ONCE
            self.suite(
                databases.WITHOUT_ACCOUNT_PAYMENT, "without account_payment", skipped
            )
        if not (options.quick or options.without_account_payment):
            self.installation(databases.WITH_DEMO, "with demo data")
        print(*("", *(words for words, _status in self.results)), sep="\n")
        print(self._total())
        return max(status for _words, status in self.results)

    def sentences(self):
        """Run the tests of what these commands say when something is missing."""
        step("Running the tests of the commands themselves")
        # of the plug-ins, pytest-odoo would want a database
        alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        status, summary = self._pytest([cache.ROOT / OWN_TESTS, "-q"], alone)
        self.results.append((f"Tests of the commands: {summary}", status))

    def suite(self, template, words, skipped=()):
        """Install the addon in a copy of `template` and run its tests there.

        :param skipped: names of files whose tests were run before
        """
        with self.bases.run_copy(template) as database:
            if not self._install(database, template, words):
                return
            step(f"Running the tests {words}")
            status, summary = self._pytest(self._addon_arguments(database, skipped))
        self.results.append((f"Tests {words}: {summary}", status))

    def _total(self):
        """All summaries in one line; what failed without a summary counts as one."""
        found = Counter()
        for words, status in self.results:
            told = Counter()
            for number, what in re.findall(
                r"(\d+) (passed|failed|error|skipped)", words
            ):
                told["failed" if what == "error" else what] += int(number)
            if status and not told["failed"]:
                told["failed"] = 1
            found += told
        names = ["passed", "failed", *(["skipped"] if found["skipped"] else [])]
        return ", ".join(f"{found[name]} {name}" for name in names)

    def installation(self, template, words):
        """Install the addon in a copy of `template`; look at the invoices there."""
        with self.bases.run_copy(template) as database:
            invoices = Invoices(self.odoo.server, database)
            if not self._install(database, template, words):
                return
            wrong = "; ".join(invoices.troubles())
            told = wrong or f"no warning, {invoices.words()}"
        self.results.append((f"Installation {words}: {told}", int(bool(wrong))))

    def _install(self, database, template, words):
        """Whether the addon could be installed without a warning in Odoo's log."""
        step(f"Installing the addon {words}")
        options = [name for name in template.options if name != "--with-demo"]
        log = self.bases.install(database, ADDON, *options)
        if lines := troubles(log):
            print("\n".join(lines), flush=True)
            self.results.append((f"Installation {words}: warnings, see above", 1))
        return not lines

    def _addon_arguments(self, database, skipped):
        """What pytest is told to run the addon's tests in a database."""
        arguments = [f"--odoo-database={database}", "--odoo-http"]
        arguments += [f"--odoo-config={self.bases.settings}", "--odoo-log-level=warn"]
        arguments += ["-p", "workbench.clean_log"]
        arguments += [f"--ignore={cache.ROOT / TESTS / name}" for name in skipped]
        arguments += self.arguments
        if not any(Path(name.partition("::")[0]).exists() for name in self.arguments):
            arguments.append(cache.ROOT / TESTS)
        return arguments

    def _pytest(self, arguments, variables=()):
        """Run pytest; return its status and the last line of what it printed."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=cache.ROOT,
            env=self.odoo.environment() | dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        last = ""
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip(" =\n") or last
        return process.wait(), last
