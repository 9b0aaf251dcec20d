"""What is reconciled changes what is due: paid, partly, reversed, or at the bank."""

from odoo import models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _reconcile_post_hook(self, data):
        # EXTEND account: the one hook that sees all of them
        result = super()._reconcile_post_hook(data)
        self.move_id._payplug_wake_cron()
        return result
