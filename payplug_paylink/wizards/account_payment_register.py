"""A payment without an entry of its own settles an invoice, and reconciles nothing."""

from odoo import models


class AccountPaymentRegister(models.TransientModel):
    _inherit = "account.payment.register"

    def _create_payments(self):
        # EXTEND account: the Accounting app's *in payment*, which no other hook sees
        payments = super()._create_payments()
        self.line_ids.move_id._payplug_wake_cron()
        return payments
