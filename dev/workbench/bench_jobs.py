"""What happens behind the scenes: installing, following, many links, searching."""

from statistics import median

from . import bench_data, bench_report
from .bench_data import LOGIN
from .bench_pairs import Pairs, timed
from .odoo import ADDON, troubles
from .say import Fault, step

LINKS = 10_000  # of invoices that show one in the list
PENDING = 2_000
MANY = 500
ANSWER_SECONDS = 0.1  # of the API while many links are made


def install(bench, rounds):
    """Install the addon on 50 000 invoices / on an empty company, by turns.

    :return: the pairs, and the large database with the addon for what follows
    """
    large, empty = [], []
    for number in range(rounds + 1):
        for template, times in ((bench_data.LARGE, large), (bench_data.COMPANY, empty)):
            database = bench.copy(template, f"ours{number}")
            times.append(timed(_install, bench.bases, database))
            if template is bench_data.COMPANY or number < rounds:
                bench.bases.drop(database)
            else:
                kept = database
    return Pairs(large[1:], empty[1:]), kept  # without the first, which warms up


def _install(bases, database):
    if lines := troubles(bases.install(database, ADDON)):
        raise Fault("The installation warns:\n" + "\n".join(lines))


def measure(bench, bulks):
    """Yield the rows of what needs no server.

    :param int bulks: how often to make many links
    """
    step(f"Adding {LINKS} ended links to the newest invoices")
    bench.known = bench.inside("add_ended_links", count=LINKS)
    bench_data.touch_newest(bench.bases, bench.their_database, LINKS)
    bench_data.touch_newest(bench.bases, bench.mollie_database, LINKS)
    bench_data.tidy(bench.bases, bench.our_database)
    step("Looking how a search by payment ID is answered")
    is_used = bench.inside("search_uses_index", payplug_id=bench.known, login=LOGIN)
    yield bench_report.Row("search_uses_index", is_used)
    step(f"Following {PENDING} pending links")
    yield bench_report.follow_row(*follow(bench, PENDING))
    step(
        f"Making {MANY} links at once; each answer takes {ANSWER_SECONDS * 1000:.0f} ms"
    )
    seconds = [_make_many(bench) for _round in range(bulks)]
    yield bench_report.bulk_row(MANY * ANSWER_SECONDS, median(seconds))


def follow(bench, count):
    """Follow this many pending links; return the API's calls and the seconds."""
    bench.inside("end_links")
    bench.payplug.reset()
    moves = bench.inside("payable", count=count)
    payments = [_create_payment(bench.payplug, cents) for _move_id, cents in moves]
    ids = [payment.body["id"] for payment in payments]
    created_at = payments[0].body["created_at"]
    bench.inside("add_pending_links", ids=ids, moves=moves, created_at=created_at)
    bench_data.tidy(bench.bases, bench.our_database)
    paid_id = ids[count // 2]
    bench.payplug.pay(paid_id)
    seconds = bench.inside("follow", paid_id=paid_id)
    return len(bench.payplug.calls), seconds


def _create_payment(payplug, cents):
    request = {
        "amount": cents,
        "currency": "EUR",
        "hosted_payment": {"sent_by": "OTHER"},
    }
    return payplug.create_payment(payplug.accounts[0], False, request)


def _make_many(bench):
    """Make many links while the API takes its time; return the seconds."""
    bench.payplug.set_latency(ANSWER_SECONDS)
    try:
        return bench.inside("request_links", count=MANY)
    finally:
        bench.payplug.set_latency(0)
