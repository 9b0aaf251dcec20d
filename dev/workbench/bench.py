"""`dev/bench`: what the addon costs on this machine, beside Odoo without it."""

import contextlib
import json
from statistics import median

from odoo.modules.registry import Registry

from . import bench_data, bench_report, bench_rows, cache, databases, mailbox, system
from .bench_odoo import PayplugEmulator, environment, start
from .bench_pairs import Effort
from .bench_report import AtLeast, Row
from .console import CommandError, step
from .odoo import warnings
from .processes import HOST, free_ports

# key, by which function, and how long
PAIRS = (
    ("list_ratio", bench_rows.show_list, Effort(180, 100, 0.004)),
    ("post_ratio", bench_rows.post, Effort(300, 180, 0.002)),
    ("settle_ratio", bench_rows.settle, Effort(60, 120, 0.006)),
    ("send_ratio", bench_rows.send, Effort(40, 150, 0.01)),
    ("notification_ratio", bench_rows.notification, Effort(60, 120, 0.006)),
    ("flood_ratio", bench_rows.flood, Effort(30, 90, 0.05)),
)


def main(options):
    """Measure, print the table, and return 1 if a bound is missed."""
    system.need_pdf()
    with contextlib.ExitStack() as stack:
        bench = Bench(options, stack)
        for row in bench.measure():
            bench.rows.append(row)
            step(f"{row.label}: {row.measured}  {row.details}")
        if lines := warnings(bench.log.read_text(errors="replace")):
            raise CommandError("Odoo warned while measured:\n" + "\n".join(lines))
    print(bench_report.table(bench.rows), flush=True)
    if options.json:
        values = {row.key: row.value for row in bench.rows}
        options.json.write_text(json.dumps(values, indent=2) + "\n")
    if options.chart:
        bench_report.draw(bench.rows, options.chart)
    return int(not all(row.is_met for row in bench.rows))


class Bench:
    """The databases, what runs beside them, and the order of the measurements.

    :ivar ours: the database with the addon
    :ivar theirs: the same without; `with_mollie` has Odoo's own `payment_mollie`
    :ivar mails: the folder of the mails that were sent
    """

    def __init__(self, options, stack):
        self.is_quick, self.rows = options.quick, []
        self.stack = stack
        self.log = cache.folder() / "bench.log"
        self.log.write_text("")
        port, smtp_port = free_ports(2)
        self.url = f"http://{HOST}:{port}"
        self.mails = stack.enter_context(mailbox.receiving(HOST, smtp_port))
        self.payplug = stack.enter_context(PayplugEmulator.start())
        settings = {"http_port": port, "max_cron_threads": 0}
        settings |= {"smtp_server": HOST, "smtp_port": smtp_port}
        bases = databases.serving(options, safe=True, **settings)
        self.bases = stack.enter_context(bases)
        start(self.bases.settings, self.log)

    def measure(self):
        """Measure everything and yield the rows of the table."""
        self.theirs = self.copy(bench_data.LARGE, "theirs")
        self.with_mollie = self.copy(bench_data.MOLLIE, "mollie")
        self.log.write_text("")  # from here on a warning is an error
        step("Installing the addon on a small and on a large database, by turns")
        pairs, self.ours = bench_rows.install(self, 2 if self.is_quick else 5)
        yield Row("install_ratio", round(pairs.ratio, 3), pairs.describe())
        step("Adding links to the newest invoices")
        known = self._prepare()
        yield Row("search_uses_index", bench_rows.search_uses_index(self, known))
        step(f"Following {bench_rows.PENDING} pending links")
        yield Row("follow_calls", bench_rows.follow(self))
        for key, function, effort in PAIRS:
            step(function.__doc__.splitlines()[0])
            pairs = function(self, effort.quick() if self.is_quick else effort)
            row = Row(key, round(pairs.ratio, 3), pairs.describe())
            if key == "send_ratio":
                odoo_alone = 60 / median(pairs.theirs)
                least = bench_rows.send_without_pause(self) / median(pairs.theirs)
                row.limit = max(row.limit, round(1.35 * least, 3))
            yield row
        yield from self._measure_queue(odoo_alone, least)

    def _measure_queue(self, odoo_alone, least):
        step("Sending the queue: the scheduled action, then queue_job's jobs")
        ours = bench_rows.sent_per_minute(self)
        yield Row("sent_per_minute", ours, f"Odoo's own sends: {odoo_alone:.0f}")
        row = Row("many_ratio", round(ours / odoo_alone, 3))
        row.limit = AtLeast(min(row.limit, round(0.7 / least, 3)))
        yield row
        self.bases.install(self.ours, "queue_job")
        Registry.delete(self.ours)  # this process has not seen it
        rates = [bench_rows.sent_per_minute(self, number) for number in (1, 2)]
        details = "{} / {} a minute".format(*reversed(rates))
        yield Row("workers_ratio", round(rates[1] / rates[0], 3), details)

    def _prepare(self):
        """Connect the databases with what runs here; return the id of a link."""
        databases = (self.ours, self.theirs, self.with_mollie)
        for database in databases:
            with environment(database) as env:
                env["ir.config_parameter"].set_param("web.base.url", self.url)
        with environment(self.ours) as env:
            bench_data.connect(env, self.payplug)
            known = bench_data.add_ended_links(env, bench_rows.LINKS)
        # the same rows are written as by the links
        self.bases.odoo.server.query(
            "UPDATE account_move SET write_date = write_date WHERE id IN (SELECT id "
            "FROM account_move WHERE state = 'posted' ORDER BY date DESC, name DESC "
            f"LIMIT {bench_rows.LINKS})",
            database=self.theirs,
        )
        for database in databases:
            self.tidy(database)
        return known

    def copy(self, template, name):
        """A copy of a template that is dropped at the end of the run."""
        return self.stack.enter_context(self.bases.run_copy(template, name))

    def take_ids(self, count, state="posted"):
        """Ids of unpaid invoices without a link, by database."""
        found = {}
        for database in (self.ours, self.theirs):
            with environment(database) as env:
                found[database] = bench_data.take_invoices(env, count, state).ids
        return found

    def renew(self):
        """Load both anew: where they lie in memory makes one up to 2 % faster."""
        for database in (self.ours, self.theirs):
            Registry.new(database)

    def tidy(self, database):
        """Let PostgreSQL clean up and count, as it does by itself from time to time."""
        self.bases.odoo.server.query("VACUUM (FREEZE, ANALYZE)", database=database)
