"""Links, refunds and the queue are for who may read their invoice."""

from odoo import api, models


class IrRule(models.Model):
    _inherit = "ir.rule"

    @api.model
    def _eval_context(self):
        # EXTEND base: what the user may read of invoices, for our own rules
        def readable():
            return self._compute_domain("account.move", "read")

        return {**super()._eval_context(), "payplug_readable_invoices": readable}
