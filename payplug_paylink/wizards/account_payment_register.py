"""Odoo's window that registers payments, on a credit note in the Payplug journal."""

from odoo import api, models

from .. import payment_messages as messages


class AccountPaymentRegister(models.TransientModel):
    _inherit = "account.payment.register"

    @api.depends("journal_id", "payment_type")
    def _compute_actionable_errors(self):
        # EXTEND account
        result = super()._compute_actionable_errors()
        for window in self:
            root_sudo = window.company_id._payplug_root()
            is_ours = window.journal_id == root_sudo.payplug_journal_id
            if window.journal_id and is_ours and window.payment_type == "outbound":
                told = window._payplug_refund_errors()
                window.actionable_errors = {**(window.actionable_errors or {}), **told}
        return result

    def _payplug_refund_errors(self):
        """Return that no money is sent from here, and the two ways that send it."""
        refund = {
            "level": "warning",
            "message": self.env._(messages.REGISTER_SENDS_NOTHING),
        }
        notes = self.line_ids.move_id
        if len(notes) == 1 and notes.payplug_can_refund:
            refund["action_text"] = self.env._(messages.REFUND_BY_CARD)
            refund["action"] = notes._payplug_server_action("refund")
        portal = {
            "level": "warning",
            "message": self.env._(messages.REGISTER_PORTAL),
            "action_text": self.env._(messages.OPEN_PORTAL),
            "action": self.env["account.move"].action_payplug_open_portal(),
        }
        return {"payplug_refund": refund, "payplug_refund_portal": portal}
