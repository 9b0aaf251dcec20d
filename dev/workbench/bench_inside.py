"""What the benchmark does inside Odoo's shell (`env` is Odoo's)."""

import time
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from odoo.tools import SQL

LINK = "payplug.payment.link"
BATCH = 1000
LIFE = timedelta(days=7)  # of a link, as the addon expects it
PAYABLE = [
    ("state", "=", "posted"),
    ("payment_state", "=", "not_paid"),
    ("payplug_link_id", "=", False),
]


def connect(env, payplug_url, key):
    """Let the company use the emulator, in test mode, and book what is paid."""
    env["ir.config_parameter"].set_param("payplug_paylink.api_url", payplug_url)
    env.company.write(
        {
            "payplug_test_key": key,
            "payplug_mode": "test",
            "payplug_enabled": True,
            "payplug_book_test_payments": True,
        }
    )
    env.cr.commit()


def payable(env, count):
    """The oldest invoices without a link: ids and cents due."""
    moves = env["account.move"].search(PAYABLE, order="date, id", limit=count)
    return [[move.id, round(move.amount_residual * 100)] for move in moves]


def add_pending_links(env, ids, moves, created_at):
    """Give invoices links that wait for a payment.

    :param ids: Payplug's id of each
    :param moves: what `payable` returned
    :param created_at: of the first payment, in Unix seconds
    """
    found = env["account.move"].browse(move_id for move_id, _cents in moves)
    moment = datetime.fromtimestamp(created_at, timezone.utc).replace(tzinfo=None)
    _add_links(env, ids, found, "pending", moment + LIFE)


def add_ended_links(env, count):
    """Give the newest invoices links that ended long ago; return an id of them."""
    domain, order = PAYABLE, "date desc, name desc"
    moves = env["account.move"].search(domain, order=order, limit=count)
    ids = [f"pay_ended{move.id}" for move in moves]
    _add_links(env, ids, moves, "expired", datetime.now() - 4 * LIFE)
    return ids[count // 2]


def _add_links(env, ids, moves, state, expires_at):
    for start in range(0, len(ids), BATCH):
        some = slice(start, start + BATCH)
        _add_some(env, ids[some], moves[some], state, expires_at)
        env.cr.commit()


def _add_some(env, ids, moves, state, expires_at):
    links = env[LINK].create(
        [
            {
                "move_id": move.id,
                "company_id": move.company_id.id,
                "partner_id": move.partner_id.id,
                "currency_id": move.currency_id.id,
                "amount": move.amount_residual,
                "state": state,
                "payplug_id": payplug_id,
                "url": f"https://secure.payplug.com/pay/test/{payplug_id[4:]}",
                "expires_at": expires_at,
            }
            for payplug_id, move in zip(ids, moves, strict=True)
        ]
    )
    links.flush_recordset()
    env.cr.execute(
        "UPDATE account_move move SET payplug_link_id = link.id "
        "FROM payplug_payment_link link WHERE link.move_id = move.id AND link.id IN %s",
        [links._ids],
    )
    env.invalidate_all()


def end_links(env):
    """Let every pending link be one that ended long ago."""
    env.cr.execute(
        "UPDATE payplug_payment_link SET state = 'expired', "
        "expires_at = expires_at - interval '40 days' WHERE state = 'pending'"
    )
    env.cr.commit()


def follow(env, paid_id):
    """Run the scheduled action as Odoo does; return its seconds.

    :param paid_id: of a payment that was paid meanwhile: it must be seen
    """
    cron = env.ref("payplug_paylink.ir_cron_follow")
    env[LINK].search_count([])  # the registry and the connection are warm
    started = time.perf_counter()
    cron.method_direct_trigger()
    seconds = time.perf_counter() - started
    env.cr.commit()  # to see what the scheduled action committed
    link = env[LINK].search([("payplug_id", "=", paid_id)])
    assert link.state == "paid" and link.move_id.payment_state != "not_paid", link.state
    return seconds


def request_links(env, count):
    """Make links for many invoices at once; return the seconds until the commit."""
    moves = env["account.move"].search(PAYABLE, order="date, id", limit=count)
    moves.mapped("line_ids.date_maturity"), moves.mapped("partner_id.email")
    started = time.perf_counter()
    links = _request_many(env, moves)
    env.cr.commit()
    seconds = time.perf_counter() - started
    assert len(links) == count and all(links.mapped("url"))
    assert moves.payplug_link_id == links.sudo()
    return seconds


def _request_many(env, moves):
    """The addon's own way to make many links, or else the same by its parts."""
    model = env[LINK]
    if hasattr(model, "_request_many"):
        made = model._request_many(moves)
        return model.concat(*(made.values() if isinstance(made, dict) else made))
    links = model.concat(*(model._create_row(move) for move in moves))
    payloads = [link._prepare_payload() for link in links]
    remotes = moves.company_id._payplug_client().create_payments(payloads)
    for link, remote in zip(links, remotes, strict=True):
        expires_at = remote.created_at + LIFE
        values = {"payplug_id": remote.id, "url": remote.url, "expires_at": expires_at}
        link.write(values)
        link._become_current()
        link._tell_made()
    return links


def prepare_mollie(env, mollie_url, count):
    """Enable Mollie and let customers begin to pay `count` invoices.

    :return: reference, Mollie's id, amount and invoice id of each transaction
    """
    env["ir.config_parameter"].set_param("bench_mollie.api_url", mollie_url)
    provider = env["payment.provider"].search([("code", "=", "mollie")], limit=1)
    provider.write({"state": "test", "mollie_api_key": "test_bench"})
    line = provider.journal_id.inbound_payment_method_line_ids.filtered(
        lambda line: line.payment_provider_id == provider
    )
    assert line.payment_account_id.reconcile  # else nothing would be booked
    domain = [("state", "=", "posted")]
    moves = env["account.move"].search(domain, order="date, id", limit=count)
    found = [_begin_to_pay(env, provider, move) for move in moves]
    env.cr.commit()
    return found


def _begin_to_pay(env, provider, move):
    card = env.ref("payment.payment_method_card")
    reference = f"bench-{move.name}"
    payment_id = f"tr_bench{move.id}"
    transaction = env["payment.transaction"].create(
        {
            "provider_id": provider.id,
            "payment_method_id": card.id,
            "reference": reference,
            "provider_reference": payment_id,
            "amount": move.amount_residual,
            "currency_id": move.currency_id.id,
            "partner_id": move.partner_id.id,
            "operation": "online_redirect",
            "invoice_ids": [(6, 0, move.ids)],
        }
    )
    transaction._set_pending()
    return [reference, payment_id, f"{transaction.amount:.2f}", move.id]


def search_uses_index(env, payplug_id, login):
    """Whether a user's search by payment ID reads links and invoices by index only.

    Every query that the search sends is taken as it is sent, and explained.
    """
    user = env["res.users"].search([("login", "=", login)])
    moves = env["account.move"].with_user(user)
    plans = [_explain(env, *query) for query in _record_queries(moves, payplug_id)]
    nodes = [node for plan in plans for node in _nodes(plan[0]["Plan"])]
    ways = {
        node["Node Type"]
        for node in nodes
        if node.get("Relation Name") in ("account_move", "payplug_payment_link")
    }
    return bool(ways) and "Seq Scan" not in ways


def _record_queries(moves, payplug_id):
    """The queries that a search sends once rights and settings are known."""
    asked = []
    execute = type(moves.env.cr).execute

    def recording(cr, query, params=None, **options):
        is_sql = isinstance(query, SQL)
        asked.append((query.code, query.params) if is_sql else (query, params))
        return execute(cr, query, params, **options)

    domain = [("payment_id", "=", payplug_id)]
    assert len(moves.search(domain)) == 1
    with patch.object(type(moves.env.cr), "execute", recording):
        moves.search(domain)
    return [query for query in asked if query[0].lstrip().startswith("SELECT")]


def _explain(env, query, params):
    env.cr.execute(f"EXPLAIN (FORMAT JSON) {query}", params)
    return env.cr.fetchone()[0]


def _nodes(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
