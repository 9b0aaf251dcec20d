"""What sending an invoice adds: a word when its mail would hold no payment link."""

from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    @api.model
    def _get_alerts(self, moves, moves_data):
        # EXTEND account: our template without a link would be a mail without a button
        alerts = super()._get_alerts(moves, moves_data)
        template = self.env.ref(
            "payplug_paylink.mail_template_payment_link", raise_if_not_found=False
        )
        without_link = moves.filtered(
            lambda move: template
            and moves_data[move].get("mail_template") == template
            and not move.payment_link
        )
        if without_link:
            alerts["payplug_no_link"] = {
                "level": "warning",
                "message": self.env._(
                    "No payment link waits for %(invoices)s: the mail would have no "
                    'payment button. Use "Send payment link" on the invoice.',
                    invoices=", ".join(without_link.mapped("display_name")),
                ),
            }
        return alerts
