"""The databases of the benchmark, and what is prepared in them."""

import contextlib
from datetime import date, timedelta
from pathlib import Path

from odoo import Command, fields
from odoo.modules.registry import Registry
from odoo.sql_db import close_db
from odoo.tools.populate import populate_models

from .bench_odoo import LOGIN, environment
from .databases import Template

INVOICES = 50_000  # posted ones
# Odoo makes a few invoices, and copies them; it moves the copies' dates into the past
POSTED_SEEDS, DRAFT_SEEDS, COPIES = 50, 6, 999
LAST_DAY = date(2025, 12, 31)
DRAFT_DAY = date(2024, 12, 31)  # behind the others in a list, newest first
# the copies' names, by the year of their dates
NUMBER = """
    UPDATE account_move SET name = NULL, sequence_prefix = NULL, sequence_number = 0
     WHERE state = 'draft';
    UPDATE account_move move
       SET name = prefix || rank, sequence_prefix = prefix, sequence_number = rank
      FROM (SELECT id, to_char(date, '"INV/"YYYY"/"') AS prefix, row_number()
                   OVER (PARTITION BY to_char(date, 'YYYY') ORDER BY date, id) AS rank
              FROM account_move WHERE state = 'posted') ranked
     WHERE ranked.id = move.id;
"""
LINK_LIFE = timedelta(days=7)


def _create_company(database):
    """Make the main company a French one with customers and a billing user."""
    with _filling(database) as env:
        company = env.ref("base.main_company")
        company.country_id = env.ref("base.fr")
        if company.chart_template != "fr":
            env["account.chart.template"].try_loading("fr", company)
        # payments need an account of their own: else Odoo books and reconciles none
        accounts = env["account.account"].with_company(company)
        account = accounts.search([("code", "=like", "511%")], limit=1)
        account.reconcile = True
        banks = [("type", "=", "bank"), ("company_id", "=", company.id)]
        lines = env["account.journal"].search(banks).inbound_payment_method_line_ids
        lines.payment_account_id = account
        group = env.ref("account.group_account_invoice")
        env["res.users"].create(
            {
                "name": "Camille Martin",
                "login": LOGIN,
                "email": "camille.martin@example.com",
                "group_ids": [Command.link(group.id)],
            }
        )


def _create_invoices(database):
    """Add posted invoices and drafts, most of them copies."""
    with _filling(database) as env:
        customers = env["res.partner"].create(
            [
                {
                    "name": f"Client {number:02}",
                    "email": f"client{number}@example.com",
                    "invoice_sending_method": "email",
                }
                for number in range(40)
            ]
        )
        days = [LAST_DAY - timedelta(days=7 * n) for n in range(POSTED_SEEDS)]
        _create_seeds(env, customers, days).action_post()
        _create_seeds(env, customers, [DRAFT_DAY] * DRAFT_SEEDS)
        env.cr.commit()
        populate_models({env["account.move"]: COPIES}, ord("-"))
        env.cr.execute(NUMBER)
        posted = env["account.move"].search_count([("state", "=", "posted")])
        assert posted == INVOICES, posted


def _create_seeds(env, customers, days):
    """Create an invoice for each of the days, of one customer after the other."""
    tax = env.ref("base.main_company").account_sale_tax_id
    terms = env.ref("account.account_payment_term_30days")

    def line(number):
        values = {"name": f"Service {number}", "price_unit": 20.0 + number}
        return Command.create({**values, "tax_ids": [Command.set(tax.ids)]})

    return env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": customers[number % len(customers)].id,
                "invoice_date": day,
                "invoice_payment_term_id": terms.id,
                "invoice_line_ids": [
                    line(number + each) for each in range(1 + number % 3)
                ],
            }
            for number, day in enumerate(days)
        ]
    )


@contextlib.contextmanager
def _filling(database):
    """The environment in which a template is filled; nothing of it stays open."""
    with environment(database) as env:
        yield env
    Registry.delete(database)
    close_db(database)


SOURCES = (Path(__file__),)
MODULES = "account,l10n_fr_account,account_payment"
COMPANY = Template("benchempty", MODULES, fill=_create_company, sources=SOURCES)
LARGE = Template("benchlarge", "", base=COMPANY, fill=_create_invoices)
MOLLIE = Template("benchmollie", "payment_mollie", base=LARGE)


def take_invoices(env, count, state="posted", order="id"):
    """Unpaid invoices in a state, without a link."""
    domain = [
        ("state", "=", state),
        ("move_type", "=", "out_invoice"),
        ("payment_state", "=", "not_paid"),
    ]
    if "payplug_link_id" in env["account.move"]._fields:
        domain.append(("payplug_link_id", "=", False))
    moves = env["account.move"].search(domain, order=order, limit=count)
    assert len(moves) == count, f"{len(moves)} of {count} invoices, {state}"
    return moves


def connect(env, payplug):
    """Let the company use the emulator, in test mode, and book what is paid."""
    env["ir.config_parameter"].set_param("payplug_paylink.api_url", payplug.url)
    env.company.payplug_test_key = payplug.accounts[0].test_key
    env.company.payplug_mode = "test"
    env.company.payplug_enabled = True
    env.company.payplug_book_test_payments = True


def add_ended_links(env, count):
    """Give the newest invoices links that ended long ago; return an id of them."""
    moves = take_invoices(env, count, order="date desc, name desc")
    ids = [f"pay_ended{move.id}" for move in moves]
    _add_links(env, moves, ids, "expired", fields.Datetime.now() - 4 * LINK_LIFE)
    return ids[count // 2]


def add_pending_links(env, payplug, count):
    """Give invoices links that wait for a payment; return their ids."""
    moves = take_invoices(env, count)
    # of the first: while the others are made, seconds pass
    ends = fields.Datetime.now() + LINK_LIFE
    ids = []
    for move in moves:
        request = {
            "amount": round(move.amount_residual * 100),
            "currency": "EUR",
            "hosted_payment": {"sent_by": "OTHER"},
        }
        created = payplug.create_payment(payplug.accounts[0], False, request)
        ids.append(created.body["id"])
    _add_links(env, moves, ids, "pending", ends)
    return ids


def _add_links(env, moves, ids, state, expires_at):
    links = env["payplug.payment.link"].create(
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
    env.flush_all()
    env.cr.execute(
        "UPDATE account_move move SET payplug_link_id = link.id "
        "FROM payplug_payment_link link WHERE link.move_id = move.id AND link.id IN %s",
        [links._ids],
    )
    env.invalidate_all()


def begin_mollie_payments(env, count):
    """Enable Mollie and let customers begin to pay invoices; return transactions."""
    provider = env["payment.provider"].search([("code", "=", "mollie")], limit=1)
    provider.write({"state": "test", "mollie_api_key": "test_bench"})
    line = provider.journal_id.inbound_payment_method_line_ids.filtered(
        lambda line: line.payment_provider_id == provider
    )
    assert line.payment_account_id.reconcile  # else nothing would be booked
    transactions = env["payment.transaction"].create(
        [
            {
                "provider_id": provider.id,
                "payment_method_id": env.ref("payment.payment_method_card").id,
                "reference": f"bench-{move.id}",
                "provider_reference": f"tr_bench{move.id}",
                "amount": move.amount_residual,
                "currency_id": move.currency_id.id,
                "partner_id": move.partner_id.id,
                "operation": "online_redirect",
                "invoice_ids": [Command.set(move.ids)],
            }
            for move in take_invoices(env, count)
        ]
    )
    transactions._set_pending()
    return transactions
