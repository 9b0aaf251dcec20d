"""Companies beside that of Odoo's own tests, and their invoices."""

from odoo import Command


def take_company(env, **values):
    """Return a French company with a chart of accounts, if `dev/test` has left one.

    A chart of accounts takes ten seconds, so some are prepared.

    :param values: fields of the `res.company`, the name among them: so it is taken
    """
    company = env["res.company"].search([("name", "=like", "Prepared %")], limit=1)
    company.write(values)
    return company


def create_company(env, account, **values):
    """Return a French company that is connected to an account of the emulator.

    :param account: the emulator's `Account`, with a test key
    :param values: further fields of the `res.company`
    """
    name = f"{account.name} {account.test_key[-6:]}"
    company = take_company(env, name=name)
    if not company:
        company = env["res.company"].create(
            {
                "name": name,
                "country_id": env.ref("base.fr").id,
                "currency_id": env.ref("base.EUR").id,
            }
        )
        charts = env["account.chart.template"]
        charts.try_loading("fr", company=company, install_demo=False)
    company.write(
        {"payplug_test_key": account.test_key, "payplug_enabled": True, **values}
    )
    return company


def create_drafts(env, company, customers, amount=120):
    """Return a draft invoice of this many euros for each customer."""
    moves = env["account.move"].with_context(allowed_company_ids=company.ids)
    line = {"name": "Service", "price_unit": amount, "tax_ids": False}
    return moves.create(
        [
            {
                "move_type": "out_invoice",
                "company_id": company.id,
                "partner_id": customer.id,
                "invoice_date": "2026-01-15",
                "invoice_line_ids": [Command.create(line)],
            }
            for customer in customers
        ]
    )
