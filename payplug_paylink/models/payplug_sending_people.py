"""What people read of the queue: on the invoice, and a notice when all is through."""

import logging

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError

from ..payplug_remote import PayplugError, PayplugUnavailable
from ..transactions import CONFLICTS
from .payplug_sending_cron import ASK_AGAIN

_logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 12  # at a Payplug that is silent: for an hour


class PayplugSending(models.Model):
    _inherit = "payplug.sending"

    # === WHAT KEEPS IT FROM BEING SENT === #

    def _check_conditions(self, move):
        """Check, in the sender's name, that the invoice may be sent today.

        :raise UserError: naming every unmet condition
        """
        unmet = self._obstacles()
        if unmet:
            raise UserError("\n".join(unmet))

    def _check_template(self, move):
        """Return the template, in the sender's name: it may speak of "user".

        :raise UserError: if there is none any more, or nothing can be paid
        """
        template = (self.template_id or move._payplug_template()).with_env(move.env)
        if not template:
            raise UserError(move.env._("Its e-mail template was deleted: choose one."))
        if not move.payment_link:
            raise UserError(
                move.env._("Nothing can be paid online on it at this moment.")
            )
        return template

    def _reason_against(self, link_sudo):
        """Return as an error why an invoice with this link gets no mail, or None."""
        env = self._move_of_worker().env
        if link_sudo.problem:
            return UserError(link_sudo.with_env(env).sudo()._problem_sentence())
        if link_sudo.state == "paid":
            return UserError(env._("Payplug says that the customer has paid it."))
        return None

    def _set_failed(self, error):
        """Store what kept it from being sent: tried again later, or told."""
        if isinstance(error, PayplugUnavailable) and self.attempts < MOST_ATTEMPTS:
            self.retry_at = fields.Datetime.now() + ASK_AGAIN
            self.attempts += 1
            return
        self.write({"state": "failed", "reason": self._why(error), "retry_at": False})
        self._tell_failed()

    def _why(self, error):
        """Return for people, in the sender's language, what an error says."""
        move = self._move_of_worker().with_user(SUPERUSER_ID)  # whatever his rights
        if isinstance(error, PayplugError):
            return move.company_id._payplug_explain(error)
        if isinstance(error, AccessError) or not self.user_id.active:
            return move.env._(
                "%(user)s may no longer send invoices of %(company)s.",
                user=self.user_id.name,
                company=self.company_id.name,
            )
        if isinstance(error, UserError):
            return error.args[0]
        _logger.error("Invoice %s was not sent", move.id, exc_info=error)
        return move.env._(
            "An unexpected error, which the server's log tells: call the administrator."
        )

    def _tell_failed(self):
        """Tell on the invoice that it was not sent, and why."""
        move = self._move_of_worker().with_user(SUPERUSER_ID)  # whatever his rights
        move._message_log(
            body=move.env._("The payment link was not sent: %(why)s", why=self.reason)
        )

    def _check_delivery(self):
        """Tell what the mail server, which comes after the commit, did not take."""
        notices = self.message_id.notification_ids.filtered(
            lambda notice: notice.notification_status in ("exception", "bounce")
        )
        if self.state != "sent" or not notices:
            return
        env = self._move_of_worker().env
        why = notices[:1].failure_reason or notices[:1].failure_type or ""
        reason = env._("The mail server did not take the mail: %(why)s", why=why)
        self.write({"state": "failed", "reason": reason})
        self._tell_failed()

    # === NOTICES === #

    @api.model
    def _tell_users(self):
        """Tell each user whose invoices are all through how many were sent.

        As Odoo tells after its own sending in the background: by a notification.
        """
        busy = {
            user
            for [user] in self._read_group([("state", "=", "waiting")], ["user_id"])
        }
        untold = [("is_told", "=", False)]
        for [user] in self._read_group(untold, ["user_id"]):
            if user not in busy:
                self.search([*untold, ("user_id", "=", user.id)])._tell(user)

    def _tell(self, user):
        self.env["ir.cron"]._commit_progress()
        try:  # the first statement of its transaction
            locked = self.try_lock_for_update()
        except CONFLICTS:
            self.env.cr.rollback()
            return  # another worker has told it just now
        mine = locked.filtered(lambda sending: not sending.is_told)
        if not mine:
            return
        mine.is_told = True
        user.partner_id._bus_send("account_notification", mine._notification(user))
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
