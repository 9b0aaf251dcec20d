"""How fast the queue of payment links is sent, by one worker and by several."""

import subprocess

from .bench_data import LOGIN, inside
from .bench_report import Curve
from .odoo import troubles
from .processes import die_with_parent
from .say import Fault, step

WORKERS = (1, 2, 3)
# in the queue, whoever sends: near its end a worker takes ever fewer at once
INVOICES = 60


def throughput(bench):
    """Return the curve: invoices a minute, by the number of workers."""
    rates = []
    for count in WORKERS:
        step(f"Growth: sending with {count} worker{'s' * (count > 1)}")
        rates.append(_rate(bench, count))
    return Curve("sending: invoices a minute", "workers", WORKERS, rates)


def _rate(bench, count):
    """Let workers, each an Odoo of its own, send a queue; return mails a minute."""
    arguments = {"count": INVOICES, "workers": count, "login": LOGIN}
    crons = inside(
        bench.bases, bench.our_database, "bench_queue", "queue_invoices", **arguments
    )
    before = len(bench.mails.all())
    workers = [_start(bench, cron_id) for cron_id in crons]
    for worker in workers:
        log = worker.communicate()[0]
        if worker.returncode or troubles(log):
            raise Fault(f"A worker failed:\n{log}")
    mails = bench.mails.all()
    moments = sorted(mail.received.timestamp() for mail in mails)[before:]
    if len(moments) != INVOICES:
        raise Fault(f"{INVOICES} mails were to leave; {len(moments)} came.")
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
        preexec_fn=die_with_parent,
    )
    worker.stdin.write(
        f"from workbench import bench_queue\nbench_queue.work(env, {cron_id})\n"
    )
    worker.stdin.close()
    worker.stdin = None
    return worker
