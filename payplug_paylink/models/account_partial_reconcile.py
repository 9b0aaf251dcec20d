"""What is no longer reconciled is due again: a payment that bounced, say."""

from odoo import models


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    def unlink(self):
        # EXTEND account
        moves_sudo = (self.debit_move_id | self.credit_move_id).move_id.sudo()
        moves_sudo.fetch(["payplug_link_id"])  # and not all that Odoo would prefetch
        linked = moves_sudo.filtered("payplug_link_id").sudo(False)  # whoever does it
        result = super().unlink()
        if linked:
            linked.exists()._payplug_wake_cron()
        return result
