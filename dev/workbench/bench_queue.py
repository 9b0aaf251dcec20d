"""The queue of payment links in the benchmark; called inside Odoo's shell."""

from odoo import Command, fields

from . import bench_fill

PER_CUSTOMER = 2  # invoices


def queue_invoices(env, count, workers, login):
    """Put invoices of new customers into the queue, which has so many workers.

    :param str login: of the user who sends them
    :return: the ids of as many scheduled actions
    """
    moves = _create_invoices(env, count)
    biller = env["res.users"].search([("login", "=", login)])
    queue = env["payplug.sending"].with_user(biller).sudo()
    template = moves.with_user(biller)._payplug_template()
    queue._enqueue(moves, template, env["ir.actions.report"])
    cron = env.ref("payplug_paylink.ir_cron_send")
    domain = [("code", "=", cron.code), ("model_id", "=", cron.model_id.id)]
    known = env["ir.cron"].search(domain)
    for number in range(len(known), workers):
        known += cron.copy({"name": f"{cron.name} ({number + 1})"})
    env.cr.commit()
    return known.ids[:workers]


def _create_invoices(env, count):
    """Post invoices of customers to whom nobody has sent anything yet.

    The invoices of one customer stand apart: two workers come to him at one time.
    """
    customers = env["res.partner"].create(
        [bench_fill.customer(env, number) for number in range(count // PER_CUSTOMER)]
    )
    moves = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": customers[number % len(customers)].id,
                "invoice_date": fields.Date.today(),
                "invoice_line_ids": [
                    Command.create({"name": "Service", "price_unit": 100.0})
                ],
            }
            for number in range(count)
        ]
    )
    moves.action_post()
    return moves


def work(env, cron_id):
    """Run one scheduled action until nothing waits, as Odoo does."""
    waiting = [("state", "=", "waiting")]
    while env["payplug.sending"].search_count(waiting, limit=1):
        env["ir.cron"].browse(cron_id).method_direct_trigger()
        env.cr.commit()  # to see what the scheduled action committed
