"""What a user waits for, with the addon and without; `bench` is the running `Bench`."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from unittest.mock import patch

import requests
from werkzeug.wrappers import Request, Response

from odoo import fields

from . import bench_data, mailbox
from .bench_odoo import LOGIN, environment, open_window, work_seconds
from .bench_pairs import Pairs, by_turns, timed
from .cache import folder
from .console import CommandError
from .odoo import ADDON, warnings
from .processes import HOST, free_ports, running, serving

LINKS = 10_000  # of invoices that show one in the list
PENDING = 2_000
LOT = 5  # invoices posted or paid at once
LIST_DOMAIN = [("move_type", "=", "out_invoice"), ("state", "=", "posted")]
LIST_OPTIONS = {"limit": 80, "offset": 0, "order": "", "count_limit": 10_001}
SETTLED = ("paid", "in_payment")
QUEUED = 60
WITHOUT_PAUSE = 12
FLOOD = 20  # requests at once
JOBS = ["--workers=2", "--max-cron-threads=0", "--load=base,web,queue_job"]
SCANS = """
    SELECT sum(seq_scan), sum(idx_scan) FROM pg_stat_xact_user_tables
     WHERE relname IN ('account_move', 'payplug_payment_link')
"""


def install(bench, rounds):
    """Install it on 50 000 invoices / on none; return the pairs and a database."""
    large, empty = [], []
    for number in range(rounds + 1):
        database = bench.copy(bench_data.COMPANY, f"empty{number}")
        empty.append(timed(_install, bench.bases, database))
        database = bench.copy(bench_data.LARGE, f"ours{number}")
        large.append(timed(_install, bench.bases, database))
        if number < rounds:
            bench.bases.drop(database)
    return Pairs(large[1:], empty[1:]), database  # without the first: a warm-up


def _install(bases, database):
    if lines := warnings(bases.install(database, ADDON)):
        raise CommandError("The installation warns:\n" + "\n".join(lines))


def search_uses_index(bench, payplug_id):
    """Whether a user's search by payment ID scans neither invoices nor links."""
    found = []
    with environment(bench.ours, LOGIN) as env:
        for _number in range(2):  # the first reads rights and settings, too
            assert env["account.move"].search([("payment_id", "=", payplug_id)])
            env.cr.execute(SCANS)
            found.append(env.cr.fetchone())
    (scans_before, uses_before), (scans, uses) = found
    return scans == scans_before and uses > uses_before


def follow(bench):
    """Follow many pending links, one of them paid; return the calls of the API."""
    with environment(bench.ours) as env:
        ids = bench_data.add_pending_links(env, bench.payplug, PENDING)
    bench.tidy(bench.ours)
    bench.payplug.pay(paid_id := ids[PENDING // 2])
    bench.payplug.calls.clear()
    with environment(bench.ours) as env:
        env.ref("payplug_paylink.ir_cron_follow").method_direct_trigger()
    with environment(bench.ours) as env:
        link = env["payplug.payment.link"].search([("payplug_id", "=", paid_id)])
        assert link.state == "paid", link.state
    return len(bench.payplug.calls)


def send(bench, effort):
    """Sending one invoice with a link / with Odoo's own template."""
    ids = bench.take_ids(effort.most)
    ours, theirs = ids[bench.ours], ids[bench.theirs]
    with_link = partial(_press, bench.ours, "action_payplug_send_link", ours)
    without_link = partial(_press, bench.theirs, "action_send_and_print", theirs)
    known = set(mailbox.files(bench.mails))
    pairs = by_turns(with_link, without_link, effort)
    new = set(mailbox.files(bench.mails)) - known
    mails = [mailbox.read(path) for path in new]
    bodies = [mailbox.body(mail, "html") for mail in mails]
    assert len(mails) == 2 * sum("/payplug/pay" in body for body in bodies), len(mails)
    assert all(any(mail.iter_attachments()) for mail in mails)
    return pairs


def _press(database, button, ids, number):
    with environment(database, LOGIN) as env:
        move = env["account.move"].browse(ids[number])
        open_window(env, getattr(move, button)()).action_send_and_print()


def send_without_pause(bench):
    """Odoo's own sending without its pause of a second: what this machine needs."""
    with environment(bench.theirs) as env:
        ids = bench_data.take_invoices(env, WITHOUT_PAUSE, order="id desc").ids
        env["ir.config_parameter"].set_param("report.print_delay", "0")
    press = partial(_press, bench.theirs, "action_send_and_print", ids)
    return median([timed(press, number) for number in range(WITHOUT_PAUSE)])


def notification(bench, effort):
    """From Payplug's notification / Mollie's to the reconciled invoice."""
    paid = []
    ids = bench.take_ids(effort.most)[bench.ours]
    with environment(bench.ours, LOGIN) as env:
        for move in env["account.move"].browse(ids):
            move.action_payplug_send_link()
            paid.append(bench.payplug.pay(move.payment_id))
    with environment(bench.with_mollie) as env:
        transactions = bench_data.begin_mollie_payments(env, effort.most)
        references = transactions.mapped("reference")
        mollie_ids = transactions.invoice_ids.ids
        amounts = {each.provider_reference: each.amount for each in transactions}
        provider = type(env["payment.provider"])

    def payplug(number):
        with environment(bench.ours):  # which chooses the database for HTTP
            url = paid[number]["notification"]["url"]
            requests.post(url, json=paid[number], timeout=120).raise_for_status()

    def mollie(number):
        with environment(bench.with_mollie) as env:
            reference = references[number]
            url = f"{bench.url}/payment/mollie/webhook?ref={reference}"
            data = {"id": reference.replace("bench-", "tr_bench")}
            requests.post(url, data=data, timeout=120).raise_for_status()
            env["payment.transaction"]._cron_post_process()

    with serving(_mollie_api(amounts)) as url:

        def request_url(_provider, endpoint, **_options):
            return f"{url}/{endpoint.strip('/')}"

        with patch.object(provider, "_build_request_url", request_url):
            pairs = by_turns(payplug, mollie, effort)
    done = len(pairs.ours)
    _check_settled(bench.ours, ids[:done])
    _check_settled(bench.with_mollie, mollie_ids[:done])
    return pairs


def _mollie_api(amounts):
    """Mollie's API as far as a paid payment is asked about; answers at once."""

    @Request.application
    def answer(request):
        payment_id = request.path.rpartition("/")[2]
        payment = {"id": payment_id, "status": "paid", "method": "creditcard"}
        payment["amount"] = {"currency": "EUR", "value": f"{amounts[payment_id]:.2f}"}
        return Response(json.dumps(payment), content_type="application/json")

    return answer


def _check_settled(database, ids):
    with environment(database) as env:
        for move in env["account.move"].browse(ids):
            assert move.payment_state in SETTLED and not move.amount_residual, move


def flood(bench, effort):
    """A pay page while another one's address is flooded / Odoo's own sign-in page."""
    with environment(bench.ours, LOGIN) as env:
        flooded, invoice = bench_data.take_invoices(env, 2)
        flooded.action_payplug_send_link()
        page = invoice._payplug_page_url()
        ours = flooded.payplug_link_id.sudo()._route_url("return")

    def opener(address):
        def act(_number):
            with ThreadPoolExecutor(FLOOD) as pool:
                get = partial(requests.get, allow_redirects=False, timeout=120)
                list(map(partial(pool.submit, get), [address] * FLOOD))
                return timed(lambda: requests.get(page, timeout=120) and None)

        return act

    bench.payplug.set_latency(1)
    with environment(bench.ours):  # which chooses the database for HTTP
        pairs = by_turns(opener(ours), opener(f"{bench.url}/web/login"), effort)
    bench.payplug.set_latency(0)
    return pairs


def show_list(bench, effort):
    """The list as its page asks for it, all columns shown / without the addon."""

    def reader(database):
        with environment(database, LOGIN) as env:
            view = env.ref("account.view_out_invoice_tree")
            moves = env["account.move"]
            specification = moves._get_fields_spec(moves.get_view(view.id, "list"))
            tomorrow = fields.Datetime.add(fields.Datetime.now(), days=1)
            keys_sudo = env["res.users.apikeys"].sudo()  # only a dialog makes one
            key = keys_sudo._generate("rpc", "bench", tomorrow)
        asked = {"domain": LIST_DOMAIN, "specification": specification, **LIST_OPTIONS}
        url = f"{bench.url}/json/2/account.move/web_search_read"
        headers = {"Authorization": f"bearer {key}"}

        def act(_number):
            with environment(database):  # which chooses the database for HTTP
                answer = requests.post(url, json=asked, headers=headers, timeout=60)
            rows = answer.json()["records"]
            assert len(rows) == LIST_OPTIONS["limit"]
            assert database != bench.ours or all(row["payment_id"] for row in rows)

        return act

    return by_turns(reader(bench.ours), reader(bench.theirs), effort, bench.renew)


def post(bench, effort):
    """Post invoices / the same without the addon, in processor time."""
    return _compare_work(bench, effort, lambda _, moves: moves.action_post(), "draft")


def settle(bench, effort):
    """Pay and reconcile invoices / the same without the addon, in processor time."""

    def act(env, moves):
        open_window(env, moves.action_register_payment()).action_create_payments()
        assert set(moves.mapped("payment_state")) <= set(SETTLED)

    return _compare_work(bench, effort, act, "posted")


def _compare_work(bench, effort, act, state):
    """The pairs of what is done to invoices in a state, a lot at once."""
    ids = bench.take_ids(LOT * effort.most, state)

    def worker(database):
        def work(number):
            with environment(database, LOGIN) as env:
                lot = ids[database][number * LOT :][:LOT]
                act(env, env["account.move"].browse(lot))

        server = bench.bases.odoo.server
        return lambda number: work_seconds(server, database, partial(work, number))

    return by_turns(worker(bench.ours), worker(bench.theirs), effort, bench.renew)


def sent_per_minute(bench, processes=0):
    """How many invoices the queue sends in a minute while Payplug takes 100 ms.

    By one worker of the scheduled action, or by queue_job in so many processes.
    """
    waiting = "SELECT 1 FROM payplug_sending WHERE state = 'waiting'"
    bench.payplug.set_latency(0.1)
    with environment(bench.ours, LOGIN) as env:
        moves = bench_data.take_invoices(env, QUEUED, order="id desc")
        action = moves.action_payplug_send_link()
        env[action["res_model"]].browse(action["res_id"]).action_send()
    options = ["-c", bench.bases.settings, "-d", bench.ours, "--log-level=warn"]
    port, web_sockets = free_ports(2)
    options += [f"--http-port={port}", f"--gevent-port={web_sockets}"]
    options += JOBS if processes else ["--max-cron-threads=1"]
    command = bench.bases.odoo.command("server", *options)
    channels = f"root:{processes},root.payplug_paylink:{processes}"
    log, url = folder() / "bench-worker.log", f"http://{HOST}:{port}/web/health"
    with running(command, log, url, ODOO_QUEUE_JOB_CHANNELS=channels) as worker:
        while bench.bases.odoo.server.query(waiting, database=bench.ours):
            if worker.poll() is not None:
                raise CommandError(f"The worker of the queue ended; see its log: {log}")
            time.sleep(1)
    bench.payplug.set_latency(0)
    times = [path.stat().st_mtime for path in mailbox.files(bench.mails)[:QUEUED]]
    return round(60 * (QUEUED - 1) / (times[0] - times[-1]))
