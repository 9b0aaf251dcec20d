"""Hooks of accounting that end a payment link: they wake the cron, and never wait.

Nothing is decided here. What must be withdrawn is derived by the cron from the amount
due; the hooks only make it run at once.
"""

from odoo import models


class AccountMove(models.Model):
    _inherit = "account.move"

    def _payplug_wake_cron(self):
        """Let the cron look, if an invoice among these waits for a payment by link."""
        # Whoever does the accounting. Most invoices have no link: no query for those.
        if not self:
            return  # Odoo often calls its methods for nothing at all
        linked_sudo = self.sudo().filtered("payplug_link_id")
        if linked_sudo and "pending" in linked_sudo.payplug_link_ids.mapped("state"):
            self.env["payplug.payment.link"]._trigger_cron()

    def button_draft(self):
        # EXTEND account: reset to draft, and cancel, which comes by here
        result = super().button_draft()
        self._payplug_wake_cron()
        return result

    def action_toggle_block_payment(self):
        # EXTEND account: on hold, nothing is asked
        result = super().action_toggle_block_payment()
        self._payplug_wake_cron()
        return result

    def unlink(self):
        # EXTEND account
        self._payplug_wake_cron()
        return super().unlink()
