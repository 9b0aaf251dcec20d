"""What people read of the queue: on the invoice, and a notice when all is through."""

from odoo import api, models

from ..transactions import CONFLICTS


class PayplugSending(models.Model):
    _inherit = "payplug.sending"

    def _tell_failed(self):
        """Tell on the invoice that it was not sent, and why."""
        move = self._move_of_worker()
        move._message_log(
            body=move.env._("The payment link was not sent: %(why)s", why=self.reason)
        )

    @api.model
    def _tell_users(self):
        """Tell each user whose invoices are all through how many were sent.

        As Odoo tells after its own sending in the background: by a notification.
        """
        untold = self.search([("is_told", "=", False)])
        for user, sendings in untold.grouped("user_id").items():
            if "waiting" in sendings.mapped("state"):
                continue
            try:
                sendings.is_told = True
                sendings.flush_recordset()
            except CONFLICTS:  # another worker tells it
                self.env.cr.rollback()
                continue
            user.partner_id._bus_send(
                "account_notification", sendings._notification(user)
            )
            self.env["ir.cron"]._commit_progress()

    def _notification(self, user):
        """Return the notice for a user whose sendings these are."""
        env = self.with_context(lang=user.lang).env
        failed = self.filtered(lambda sending: sending.state == "failed")
        sent = len(self) - len(failed)
        if failed:
            message = env._(
                "Payment links sent: %(sent)s, not sent: %(failed)s.",
                sent=sent,
                failed=len(failed),
            )
        else:
            message = env._("Payment links sent: %(sent)s.", sent=sent)
        return {
            "type": "warning" if failed else "success",
            "title": env._("Payment links"),
            "message": message,
            "action_button": {
                "name": env._("Open"),
                "action_name": env._("Payment links"),
                "model": "account.move",
                "res_ids": (failed or self).move_id.ids,
            },
        }
