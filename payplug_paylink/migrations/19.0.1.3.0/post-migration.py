from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Let refunds leave the account in which the payments lie, as new journals do."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    companies = env["res.company"].search([("payplug_journal_id", "!=", False)])
    companies.payplug_journal_id._payplug_set_outbound_account()
