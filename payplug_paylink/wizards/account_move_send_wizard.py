"""Odoo's Send window, beside the queue of payment links and with our template."""

from odoo import api, fields, models

from .. import payment_messages as messages
from ..payment_messages import text, user_error


class AccountMoveSendWizard(models.TransientModel):
    _inherit = "account.move.send.wizard"

    payplug_seen_at = fields.Datetime(
        string="Sent when opened",
        compute="_compute_payplug_seen_at",
        store=True,
        readonly=False,
        help="When the link had last been sent, as this window opened.",
    )

    @api.depends("move_id")
    def _compute_payplug_seen_at(self):
        for wizard in self:
            move = wizard.move_id._filtered_access("read")
            wizard.payplug_seen_at = move._payplug_sendings_sudo().sent_at

    @api.depends("template_id")
    def _compute_alerts(self):
        # EXTEND account
        result = super()._compute_alerts()
        for wizard in self:
            move = wizard.move_id
            if wizard._payplug_sends_link() and not move.payment_link:
                name = move.display_name
                message = text(self.env, messages.MAIL_WITHOUT_LINK, invoice=name)
                alert = {"level": "warning", "message": message}
                wizard.alerts = {**(wizard.alerts or {}), "payplug_no_link": alert}
        return result

    def _payplug_sends_link(self):
        """Tell whether the mail is written with our template."""
        template = self.env["account.move"]._payplug_template()
        return bool(template) and self.template_id == template

    def _payplug_mails_link(self):
        """Tell whether a mail leaves that leads to where the invoice is paid.

        Any template may hold the link, and any text that is typed here.
        """
        if "email" not in (self.sending_methods or []):
            return False
        url = self.move_id.payment_link
        texts = f"{self.subject or ''} {self.body or ''}"
        return self._payplug_sends_link() or bool(url and url in texts)

    def action_send_and_print(self, allow_fallback_pdf=False):
        # EXTEND account: what is sent here is not sent in the background, too
        self.move_id.check_access("write")
        by_hand = self.filtered(lambda wizard: wizard._payplug_mails_link())
        by_hand._payplug_leave_queue()
        result = super().action_send_and_print(allow_fallback_pdf=allow_fallback_pdf)
        queue_sudo = self.env["payplug.sending"].sudo()  # only code writes the queue
        queue_sudo._set_sent_by_hand(by_hand.move_id)
        return result

    def _payplug_leave_queue(self):
        """Lock the row; refuse what is being sent, or was since this window opened."""
        for wizard in self:
            sending_sudo = wizard.move_id._payplug_sendings_sudo()
            was_sent = sending_sudo.sent_at != wizard.payplug_seen_at
            if sending_sudo and (was_sent or not sending_sudo.try_lock_for_update()):
                name = wizard.move_id.display_name
                raise user_error(wizard.env, messages.SENT_MEANWHILE, invoice=name)
