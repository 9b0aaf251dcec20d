"""How cost grows: with the links that wait, and with the invoices there are."""

from statistics import median

from . import bench_data, bench_jobs, bench_rows
from .bench_pairs import Effort, by_turns
from .bench_report import Curve
from .bench_rpc import WebClient
from .bench_workers import throughput
from .say import step

PENDING = (100, 1_000, 10_000)
WARM = 2
LINKS_AMONG = 5  # one invoice of so many has a link


def growth(bench, with_workers):
    """Measure all curves and return them.

    :param bool with_workers: whether several workers shall send as well
    """
    curves = [*_with_links(bench), *_with_invoices(bench)]
    return [*curves, sending(bench)] if with_workers else curves


def sending(bench):
    """The curve of several workers who send the queue."""
    bench_data.set_base_url(bench.bases, bench.our_database, bench.url)
    bench_data.tidy(bench.bases, bench.our_database)
    with bench.serving([bench.our_database]):  # where wkhtmltopdf finds the styles
        return throughput(bench)


def _with_links(bench):
    calls, seconds = [], []
    for count in PENDING:
        step(f"Growth: following {count} pending links")
        called, took = bench_jobs.follow(bench, count)
        calls.append(called)
        seconds.append(round(took, 1))
    yield Curve("following: calls of the API", "pending links", PENDING, calls)
    yield Curve("following: time", "pending links", PENDING, seconds, "s")


def _with_invoices(bench):
    """What the same acts take with 1 000 invoices and with 50 000, by turns."""
    step("Growth: a second database, with 1 000 invoices")
    small = bench.copy(bench_data.SMALL, "ours")
    bench.bases.install(small, bench_jobs.ADDON)
    links = bench_data.SMALL.count // LINKS_AMONG
    known = {bench.our_database: bench.known}
    known[small] = bench.inside("add_ended_links", small, count=links)
    for database in known:
        bench_data.set_base_url(bench.bases, database, bench.url)
        bench_data.tidy(bench.bases, database)
    counts = (bench_data.SMALL.count, bench_data.LARGE.count)
    with bench.serving([small, bench.our_database]):
        clients = [WebClient(bench.url, name) for name in (bench.our_database, small)]
        for what, rounds, maker in _acts(known):
            step(f"Growth: {what}")
            large_act, small_act = (maker(client, rounds + WARM) for client in clients)
            effort = Effort(least=rounds, most=rounds)
            pairs = by_turns(large_act, small_act, effort, WARM)
            times = [round(median(t) * 1000) for t in (pairs.theirs, pairs.ours)]
            yield Curve(what, "invoices", counts, times, "ms")


def _acts(known):
    """What is done, how often, and how to get a function that does it."""

    def reader(client, _rounds):
        return bench_rows.list_reader(client)

    def searcher(client, _rounds):
        domain = [("payment_id", "=", known[client.database])]

        def search(_number):
            client.call("account.move", "search", domain)

        return search

    yield "list, 80 rows with all columns", 40, reader
    yield "search by payment ID", 40, searcher
    yield f"posting {bench_rows.LOT} invoices", 40, bench_rows.poster
