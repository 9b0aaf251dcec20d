"""One invoice in the window that sends the links of many."""

from odoo import api, fields, models

from .. import payment_messages as messages
from ..payment_messages import text


class PayplugSendLinksLine(models.TransientModel):
    _name = "payplug.send.links.line"
    _description = "Invoice whose payment link may be sent"

    wizard_id = fields.Many2one("payplug.send.links", required=True, ondelete="cascade")
    move_id = fields.Many2one(
        "account.move", string="Invoice", required=True, ondelete="cascade"
    )
    # Read as the user and not as related fields, which are read in sudo.
    partner_id = fields.Many2one(
        "res.partner", string="Customer", compute="_compute_customer"
    )
    email = fields.Char(string="E-mail", compute="_compute_customer")
    currency_id = fields.Many2one(related="move_id.currency_id", related_sudo=False)
    amount = fields.Monetary(string="Amount due", compute="_compute_amount")
    status = fields.Selection(
        related="move_id.payplug_status", string="Payment link", related_sudo=False
    )
    credit = fields.Monetary(string="Open credit", readonly=True)
    reasons = fields.Text(readonly=True)
    sent_at = fields.Datetime(readonly=True)
    failure_reason = fields.Text(string="Why not", compute="_compute_failure_reason")

    @api.constrains("move_id")
    def _check_move_access(self):
        """Let nobody put invoices into the window that they may not read."""
        # constraints run in sudo
        self.move_id.with_user(self.env.user).check_access("read")

    @api.depends("move_id")
    def _compute_customer(self):
        for line in self:
            line.partner_id = line.move_id.partner_id._filtered_access("read")
            line.email = line.partner_id.email

    @api.depends("move_id")
    def _compute_amount(self):
        for line in self:
            move = line.move_id._origin  # checked, unlike what an onchange makes of it
            line.amount = move and move._payplug_amount_due()

    @api.depends("reasons", "sent_at")
    def _compute_failure_reason(self):
        for line in self:
            line.failure_reason = line.reasons
            if line.sent_at and not line.reasons:
                detail = line.move_id.payplug_status_detail
                line.failure_reason = text(
                    self.env, messages.ALREADY_SENT, detail=detail
                )

    def action_open_invoice(self):
        """Open the invoice, to mend there why its link is not sent."""
        return self.move_id._get_records_action()
