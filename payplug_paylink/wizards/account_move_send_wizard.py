"""Odoo's Send window warns when our template would go without a payment button."""

from odoo import api, models


class AccountMoveSendWizard(models.TransientModel):
    _inherit = "account.move.send.wizard"

    @api.depends("template_id")
    def _compute_alerts(self):
        # EXTEND account
        result = super()._compute_alerts()
        template = self.env.ref(
            "payplug_paylink.mail_template_payment_link", raise_if_not_found=False
        )
        for wizard in self:
            if template and wizard.template_id == template:
                wizard.alerts = {**(wizard.alerts or {}), **wizard._payplug_alerts()}
        return result

    def _payplug_alerts(self):
        """Return what the user must know before a mail with our template leaves."""
        if self.move_id.payment_link:
            return {}
        return {
            "payplug_no_link": {
                "level": "warning",
                "message": self.env._(
                    "No payment link waits for %(invoice)s: the mail would have no "
                    'payment button. Use "Send payment link" on the invoice.',
                    invoice=self.move_id.display_name,
                ),
            }
        }
