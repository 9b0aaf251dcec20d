"""`dev/bench`: what the addon costs on this machine, beside Odoo without it."""

import contextlib
import json
import os
import tempfile
from pathlib import Path

from . import bench_data, bench_jobs, bench_report, bench_rows, postgres, system
from .bench_clock import WorkClock
from .bench_data import inside
from .bench_growth import growth, sending
from .bench_pairs import Effort
from .bench_rpc import WebClient
from .bench_site import emulator, mail_sink, mollie, odoo_server
from .cache import ROOT
from .databases import Databases
from .odoo import ADDON, Odoo
from .processes import HOST, free_ports
from .say import step

# how long things are measured: quickly, and in full
INSTALLATIONS = (2, 5)
BULKS = (1, 3)
EFFORTS = {
    "send_ratio": (
        Effort(least=16, most=40, seconds=55, error=0.015),
        Effort(least=30, most=80, seconds=150, error=0.01),
    ),
    "notification_ratio": (Effort(least=20, most=20), Effort(least=60, most=60)),
    "list_ratio": (
        Effort(least=20, most=100, seconds=30, error=0.012),
        Effort(least=60, most=300, seconds=100, error=0.008),
    ),
    "post_ratio": (
        Effort(least=80, most=500, seconds=60, error=0.004),
        Effort(least=300, most=900, seconds=180, error=0.002),
    ),
    "settle_ratio": (
        Effort(least=20, most=60, seconds=40, error=0.01),
        Effort(least=60, most=200, seconds=120, error=0.006),
    ),
}
PAYABLE = [
    ("state", "=", "posted"),
    ("payment_state", "=", "not_paid"),
    ("payplug_link_id", "=", False),
]


def main(options):
    """Measure, tell, and return 1 if a bound is missed."""
    system.need("wkhtmltopdf", "wkhtmltopdf", why="The program that prints PDF")
    bench_data.room()
    with contextlib.ExitStack() as stack:
        bench = Bench(options, stack)
        if options.workers:
            print(bench_report.growth_table([bench.measure_workers()]))
            return 0
        rows = bench.measure()
        print(bench_report.table(rows), flush=True)
        _write(options, rows)
        if options.growth or not options.quick:
            print(bench_report.growth_table(growth(bench, options.growth)))
    return int(not all(row.is_met for row in rows))


def _write(options, rows):
    if options.json:
        values = {row.key: row.value for row in rows}
        options.json.write_text(json.dumps(values, indent=2) + "\n")
    if options.chart:
        bench_report.draw(rows, options.chart)


class Bench:
    """The databases, what runs beside them, and the order of the measurements."""

    def __init__(self, options, stack):
        self.quick = options.quick
        self.stack = stack
        folder = tempfile.TemporaryDirectory(prefix="paylink-")
        folder = Path(stack.enter_context(folder))
        self.port, smtp_port = free_ports(2)
        self.url = f"http://{HOST}:{self.port}"
        self.payplug = stack.enter_context(emulator())
        self.mollie = stack.enter_context(mollie())
        self.mails = stack.enter_context(mail_sink(smtp_port))
        server = stack.enter_context(postgres.server(options.pghost))
        writing = stack.enter_context(postgres.safe_writes(server))
        step(f"PostgreSQL is there: {writing}")
        odoo = Odoo(Path(os.environ["ODOO_SOURCE"]), server)
        settings = odoo.write_settings(
            folder / "odoo.conf",
            addons_path=f"{odoo.source}/addons,{ROOT},{bench_data.ADDONS}",
            http_port=self.port,
            max_cron_threads=0,
            smtp_server=HOST,
            smtp_port=smtp_port,
        )
        self.bases = Databases(odoo, settings)

    def choose(self, quickly, in_full):
        """The one that the options ask for."""
        return quickly if self.quick else in_full

    def measure(self):
        """Measure everything and return the rows of the table."""
        rows = []
        self.their_database = self.copy(bench_data.LARGE, "theirs")
        self.mollie_database = self.copy(bench_data.MOLLIE, "mollie")
        step("Installing the addon on a small and on a large database, by turns")
        install, self.our_database = bench_jobs.install(
            self, self.choose(*INSTALLATIONS)
        )
        rows.append(bench_report.ratio_row("install_ratio", install, "s"))
        self.connect(self.our_database)
        rows += bench_jobs.measure(self, self.choose(*BULKS))
        self.level()
        rows += self._measure_served()
        return bench_report.in_order(rows)

    def measure_workers(self):
        """How fast several workers send, alone; a curve."""
        self.our_database = self.copy(bench_data.SMALL, "ours")
        self.bases.install(self.our_database, ADDON)
        self.connect(self.our_database)
        return sending(self)

    def _measure_served(self):
        databases = [self.our_database, self.their_database, self.mollie_database]
        step("Starting Odoo as a server of three databases")
        with self.serving(databases) as pid, self._connection() as connection:
            self.clock = WorkClock(connection, pid, databases)
            self.ours, self.theirs, self.with_mollie = (
                WebClient(self.url, database) for database in databases
            )
            for key, words, work in bench_rows.ROWS:
                step(words)
                pairs = work(self, self.choose(*EFFORTS[key]))
                yield bench_report.ratio_row(key, pairs)

    def _connection(self):
        return contextlib.closing(self.bases.odoo.server.connect())

    # Databases

    def copy(self, template, name):
        """A copy of a template that is dropped at the end of the run."""
        return self.stack.enter_context(self.bases.run_copy(template, name))

    def connect(self, database):
        """Let a database with the addon use the emulator."""
        key = self.payplug.accounts[0].test_key
        self.inside("connect", database, key=key, payplug_url=self.payplug.url)

    def inside(self, function, database=None, **arguments):
        """Call a function of `bench_inside` inside Odoo; in our database by default."""
        database = database or self.our_database
        return inside(self.bases, database, "bench_inside", function, **arguments)

    def level(self):
        """Leave all databases equally tidy, and pointed at the server to come."""
        for database in (self.our_database, self.their_database, self.mollie_database):
            bench_data.set_base_url(self.bases, database, self.url)
            bench_data.tidy(self.bases, database)

    def serving(self, databases):
        """Odoo as a server of these databases, as a context."""
        odoo, settings = self.bases.odoo, self.bases.settings
        return odoo_server(odoo, settings, self.port, databases)

    # What the rows need

    def take_invoices(self, count):
        """The ids of the oldest invoices that have no link yet."""
        return self.ours.call(
            "account.move", "search", PAYABLE, order="date, id", limit=count
        )

    def prepare_mollie(self, count):
        """Transactions of customers who pay by Mollie: see `bench_inside`."""
        found = self.inside(
            "prepare_mollie",
            self.mollie_database,
            mollie_url=self.mollie.url,
            count=count,
        )
        for _reference, payment_id, amount, _move_id in found:
            self.mollie.amounts[payment_id] = amount
        return found
