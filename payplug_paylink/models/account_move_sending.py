"""The invoice in the queue of payment links: what it shows, and how it gets out."""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class AccountMove(models.Model):
    _inherit = "account.move"

    payplug_sending_state = fields.Selection(
        selection=[
            ("waiting", "Being sent"),
            ("sent", "Sent"),
            ("failed", "Not sent"),
        ],
        string="Payment link sending",
        compute="_compute_payplug_sending_state",
        search="_search_payplug_sending_state",
        groups="base.group_user",
    )

    payplug_sending_reason = fields.Text(
        string="Why the payment link was not sent",
        compute="_compute_payplug_sending_state",
        groups="base.group_user",
    )

    def _compute_payplug_sending_state(self):
        # One query for all rows of a list, and in sudo: whoever sees the invoices.
        sendings = {one.move_id.id: one for one in self._payplug_sendings_sudo()}
        none = self.env["payplug.sending"]
        for move in self:
            sending = sendings.get(move._origin.id, none)
            move.payplug_sending_state = sending.state
            move.payplug_sending_reason = sending.reason

    @api.model
    def _search_payplug_sending_state(self, operator, value):
        self._check_field_access(self._fields["payplug_sending_state"], "read")
        if operator != "in":
            return NotImplemented  # Odoo asks again with the opposite
        queue_sudo = self.env["payplug.sending"].sudo()  # as the field itself
        known = queue_sudo._search([("state", "in", [v for v in value if v])])
        found = Domain("id", "in", known.subselect("move_id"))
        if False in value:
            found |= Domain("id", "not in", queue_sudo._search([]).subselect("move_id"))
        return found

    def _payplug_sendings_sudo(self):
        """Return these invoices' rows in the queue, in sudo: machines write them."""
        queue_sudo = self.env["payplug.sending"].sudo()
        invoices = self._origin.filtered(lambda move: move.move_type == "out_invoice")
        if not invoices:
            return queue_sudo
        return queue_sudo.search_fetch(
            [("move_id", "in", invoices.ids)],
            ["move_id", "state", "reason", "sent_at", "user_id", "link_id"],
        )

    def _payplug_sent_on(self):
        """Return when each invoice was mailed a link that still waits to be paid.

        :return: UTC moments by `account.move`
        :rtype: dict
        """
        return {
            sending.move_id.with_env(self.env): sending.sent_at
            for sending in self._payplug_sendings_sudo()
            if sending.state == "sent" and sending.link_id._is_current()
        }

    def _payplug_waiting(self):
        """Return why the invoices that wait in the queue need not be sent again.

        :return: a list with one sentence by `account.move`
        :rtype: dict
        """
        return {
            sending.move_id.with_env(self.env): [
                self.env._(
                    "It is being sent already, by %(user)s.", user=sending.user_id.name
                )
            ]
            for sending in self._payplug_sendings_sudo()
            if sending.state == "waiting"
        }

    def action_payplug_take_back(self):
        """Take these invoices out of the queue, as far as they have not been sent.

        :raise UserError: if none of them waits any more
        """
        self.check_access("write")
        taken = self._payplug_sendings_sudo()._take_back()
        if not taken:
            raise UserError(
                self.env._(
                    "None of these invoices waits to be sent any more: it is too late "
                    "to take them back."
                )
            )
        for move in taken:
            move._message_log(body=self.env._("Payment link taken back, not sent."))
        return self._payplug_notification(
            self.env._("Taken back"),
            self.env._("Invoices that will not be sent: %(count)s.", count=len(taken)),
        )

    def _get_alerts(self):
        # EXTEND account
        alerts = super()._get_alerts()
        move_sudo = self.sudo()  # for everyone who sees the invoice
        if move_sudo.payplug_sending_state == "waiting":
            alerts["payplug_waiting"] = {
                "level": "info",
                "message": self.env._(
                    "The payment link of this invoice is being sent in the background."
                ),
            }
        elif move_sudo.payplug_sending_state == "failed":
            alerts["payplug_not_sent"] = {
                "level": "warning",
                "message": self.env._(
                    "The payment link was not sent: %(why)s",
                    why=move_sudo.payplug_sending_reason,
                ),
            }
        return alerts
