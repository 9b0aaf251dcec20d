"""How fast the queue of payment links is sent, by one worker and by several."""

import subprocess

from .bench_report import Curve
from .odoo import troubles
from .say import Fault, step

WORKERS = (1, 2, 3)
INVOICES = 24  # for each worker there is


def throughput(bench):
    """Return the curve: invoices a minute, by the number of workers."""
    rates = []
    for count in WORKERS:
        step(f"Growth: sending with {count} workers")
        rates.append(_rate(bench, count))
    return Curve("sending: invoices a minute", "workers", WORKERS, rates)


def _rate(bench, count):
    """Let workers, each an Odoo of its own, send a queue; return mails a minute."""
    crons = bench.inside("queue_invoices", count=INVOICES * count, workers=count)
    before = len(bench.mails.all())
    workers = [_start(bench, cron_id) for cron_id in crons]
    for worker in workers:
        log = worker.communicate()[0]
        if worker.returncode or troubles(log):
            raise Fault(f"A worker failed:\n{log}")
    mails = bench.mails.all()
    moments = sorted(mail.received.timestamp() for mail in mails)[before:]
    if len(moments) != INVOICES * count:
        raise Fault(f"{INVOICES * count} mails were to leave; {len(moments)} came.")
    return _per_minute(moments)


def _per_minute(moments):
    """Mails a minute while all were at work: the middle half of them."""
    quarter = len(moments) // 4
    middle = moments[quarter:-quarter]
    return round(60 * (len(middle) - 1) / (middle[-1] - middle[0]))


def _start(bench, cron_id):
    """Start an Odoo that runs one scheduled action as often as Odoo would."""
    odoo, settings = bench.bases.odoo, bench.bases.settings
    # With few words: nobody reads them before the end, and a full pipe would block.
    options = ["-c", settings, "-d", bench.our_database, "--log-level=warn"]
    worker = subprocess.Popen(
        odoo.command("shell", *options, "--no-http"),
        env=odoo.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    worker.stdin.write(
        f"from workbench import bench_inside\nbench_inside.work(env, {cron_id})\n"
    )
    worker.stdin.close()
    worker.stdin = None
    return worker
