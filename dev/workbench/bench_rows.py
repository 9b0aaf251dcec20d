"""What a user waits for, with the addon and without: each row a function of a `Bench`.

Everything goes through Odoo's own HTTP server, as the web client or a payment service
asks for it.
"""

import time

from .bench_pairs import by_turns
from .bench_rpc import list_specification, ring
from .say import Fault

INVOICES = (("move_type", "=", "out_invoice"), ("state", "=", "posted"))
LIST = "account.action_move_out_invoice_type"
PAGE = {"limit": 80, "offset": 0, "order": "", "count_limit": 10_001}
LOT = 5  # invoices posted at once: the more turns, the less noise
SETTLED = ("paid", "in_payment")
WARM = 2


def send(bench, effort):
    """Sending one invoice with a link / with Odoo's own template."""
    ids = bench.take_invoices(effort.most + WARM)

    def with_link(number):
        _send(bench.ours, "action_payplug_send_link", ids[number])

    def without_link(number):
        _send(bench.theirs, "action_send_and_print", ids[number])

    before = len(bench.mails.all())
    pairs = by_turns(with_link, without_link, effort, WARM)
    mails = bench.mails.all()[: len(bench.mails.all()) - before]
    _check_mails(mails, len(pairs.ours) + WARM)
    return pairs


def _send(client, button, move_id):
    """Press a button of the invoice, and *Send* in the window that it opens."""
    action = client.press("account.move", button, [move_id])
    _press_in_window(client, action, "action_send_and_print")


def _press_in_window(client, action, button):
    """Press a button in the window that an action opens, as it stands there."""
    model, context = action["res_model"], action["context"]
    saved = client.call(model, "web_save", [], {}, specification={}, context=context)
    client.press(model, button, [saved[0]["id"]], context=context)


def _check_mails(mails, count):
    """Every invoice was mailed with its PDF, and ours with its link."""
    with_pdf = [
        mail
        for mail in mails
        if any(part.get_content_type() == "application/pdf" for part in mail.parts)
    ]
    links = [mail for mail in mails if "/pay" in mail.body("text/html")]
    if (len(mails), len(with_pdf), len(links)) != (2 * count, 2 * count, count):
        raise Fault(
            f"{2 * count} mails were to leave; {len(mails)} came, {len(with_pdf)} with "
            f"PDF, {len(links)} with a link."
        )


def notification(bench, effort):
    """From Payplug's notification / Mollie's to the reconciled invoice."""
    ids = bench.take_invoices(effort.most + WARM)
    paid = [_pay(bench, move_id) for move_id in ids]
    transactions = bench.prepare_mollie(effort.most + WARM)
    post_process = f"{bench.url}/bench/post_process"

    def payplug(number):
        resource = paid[number]
        url = resource["notification"]["url"]
        ring(url, bench.our_database, {"json": resource})

    def mollie(number):
        reference, payment_id, _amount, _move_id = transactions[number]
        url = f"{bench.url}/payment/mollie/webhook?ref={reference}"
        started = time.perf_counter()
        ring(url, bench.mollie_database, {"data": {"id": payment_id}})
        seconds = time.perf_counter() - started
        return seconds + float(ring(post_process, bench.mollie_database, {}))

    pairs = by_turns(payplug, mollie, effort, WARM)
    _check_settled(bench.ours, ids)
    _check_settled(bench.with_mollie, [move_id for *_names, move_id in transactions])
    return pairs


def _pay(bench, move_id):
    """Let a customer pay an invoice by its link; return what Payplug will send."""
    bench.ours.press("account.move", "action_payplug_send_link", [move_id])
    [move] = bench.ours.call("account.move", "read", [move_id], ["payment_id"])
    return bench.payplug.pay(move["payment_id"])


def _check_settled(client, ids):
    names = ["payment_state", "amount_residual"]
    for move in client.call("account.move", "read", ids, names):
        # a payment that is not booked would leave the residual as it is
        if move["payment_state"] not in SETTLED or move["amount_residual"]:
            raise Fault(f"An invoice was not settled: {move}.")


def show_list(bench, effort):
    """The first page of the list, all columns shown / the same without the addon."""
    ours, theirs = list_reader(bench.ours), list_reader(bench.theirs)
    return by_turns(ours, theirs, effort, warm=3)


def list_reader(client):
    """A function that reads the first page of the list of invoices."""
    fields = list_specification(client, LIST)
    context = {"default_move_type": "out_invoice", "bin_size": True}
    options = {**PAGE, "context": context}

    def read(_number):
        found = client.call(
            "account.move", "web_search_read", INVOICES, fields, **options
        )
        records = found["records"]
        if len(records) != PAGE["limit"]:
            raise Fault(f"The list shows {len(records)} invoices.")
        if "payment_id" in fields and not all(row["payment_id"] for row in records):
            raise Fault("The list shows invoices without a link.")

    return read


def post(bench, effort):
    """Post invoices / the same without the addon, in processor time."""
    pairs, _ids = _compare(bench, effort, _poster, "draft")
    return pairs


def settle(bench, effort):
    """Pay and reconcile invoices / the same without the addon, in processor time."""
    pairs, ids = _compare(bench, effort, _settler, "posted")
    for client, some in ids.items():
        _check_settled(client, some[: LOT * (len(pairs.ours) + 1)])
    return pairs


def _compare(bench, effort, act, state):
    """The pairs of what is done to invoices in a state, and their ids by client."""
    wanted = LOT * (effort.most + 1)
    ids = {
        client: _some(client, state, wanted) for client in (bench.ours, bench.theirs)
    }
    ours, theirs = (
        bench.clock.timing(act(client, some)) for client, some in ids.items()
    )
    return by_turns(ours, theirs, effort, warm=1), ids


def _settler(client, ids):
    """A function that registers the payments of invoices, and so reconciles both."""

    def act(number):
        some = ids[number * LOT :][:LOT]
        action = client.press("account.move", "action_register_payment", some)
        _press_in_window(client, action, "action_create_payments")

    return act


def poster(client, rounds):
    """A function that posts so many draft invoices that nobody has posted yet."""
    return _poster(client, _some(client, "draft", LOT * rounds))


def _poster(client, ids):
    def act(number):
        client.press("account.move", "action_post", ids[number * LOT :][:LOT])

    return act


def _some(client, state, wanted):
    """The ids of the oldest unpaid invoices in a state: those have no link."""
    domain = [
        ("state", "=", state),
        ("move_type", "=", "out_invoice"),
        ("payment_state", "=", "not_paid"),
    ]
    ids = client.call("account.move", "search", domain, order="id", limit=wanted)
    if len(ids) < wanted:
        raise Fault(f"There are not enough invoices: {state}.")
    return ids


# key of the row, what is said meanwhile, and how it is measured
ROWS = (
    ("list_ratio", "Reading the list of invoices", show_list),
    ("post_ratio", "Posting invoices", post),
    ("settle_ratio", "Paying and reconciling invoices", settle),
    ("send_ratio", "Sending invoices", send),
    ("notification_ratio", "Ringing at the door", notification),
)
