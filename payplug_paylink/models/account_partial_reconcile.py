"""What is no longer reconciled is due again: a payment that bounced, say."""

from odoo import models


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    def unlink(self):
        # EXTEND account
        if not self:
            return super().unlink()  # Odoo often calls it for nothing at all
        moves_sudo = (self.debit_move_id | self.credit_move_id).move_id.sudo()
        linked = moves_sudo.filtered("payplug_link_id").sudo(False)  # whoever does it
        result = super().unlink()
        if linked:
            linked.exists()._payplug_wake_cron()
        return result
