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
from .odoo import ADDON, Odoo, troubles
from .say import step

TESTS = f"{ADDON}/tests"
# long, and the same whether account_payment is installed or not
ONCE = ("test_payplug_api.py", "test_story.py", "test_workers.py")
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

    def suite(self, template, words, skipped=()):
        """Install the addon in a copy of `template` and run its tests there.

        :param skipped: names of files whose tests were run before
        """
        with self.bases.run_copy(template) as database:
            if not self._install(database, template, words):
                return
            step(f"Running the tests {words}")
            status, summary = self._pytest(database, skipped)
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
        """Install the addon in a copy of `template`, and no more."""
        with self.bases.run_copy(template) as database:
            if self._install(database, template, words):
                self.results.append((f"Installation {words}: no warning", 0))

    def _install(self, database, template, words):
        """Whether the addon could be installed without a warning in Odoo's log."""
        step(f"Installing the addon {words}")
        options = [name for name in template.options if name != "--with-demo"]
        log = self.bases.install(database, ADDON, *options)
        if lines := troubles(log):
            print("\n".join(lines), flush=True)
            self.results.append((f"Installation {words}: warnings, see above", 1))
        return not lines

    def _pytest(self, database, skipped):
        """Run pytest; return its status and the last line of what it printed."""
        command = [sys.executable, "-m", "pytest", f"--odoo-database={database}"]
        command += [f"--odoo-config={self.bases.settings}", "--odoo-http"]
        command += ["--odoo-log-level=warn", "-p", "workbench.clean_log"]
        command += [f"--ignore={cache.ROOT / TESTS / name}" for name in skipped]
        command += self.arguments
        if not any(Path(name.partition("::")[0]).exists() for name in self.arguments):
            command.append(str(cache.ROOT / TESTS))
        process = subprocess.Popen(
            command,
            cwd=cache.ROOT,
            env=self.odoo.environment(),
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
