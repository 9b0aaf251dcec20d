"""The window that gives money back to the customer's card."""

from math import isfinite

from odoo import api, fields, models

from .. import payment_messages as messages
from ..models.payplug_payment_link import SCHEDULED
from ..payment_messages import notification, text, user_error
from ..payplug_remote import from_cents


class PayplugRefundByCard(models.TransientModel):
    _name = "payplug.refund.by.card"
    _description = "Refund by card"

    move_id = fields.Many2one(
        "account.move", string="Document", required=True, ondelete="cascade"
    )
    # Everything else is read from the document, in sudo, after the user's right on it.
    credit_note_id = fields.Many2one(
        "account.move", string="Credit note", compute="_compute_from_link"
    )
    payment = fields.Char(string="Original payment", compute="_compute_from_link")
    currency_id = fields.Many2one("res.currency", compute="_compute_from_link")
    asked = fields.Monetary(string="Left to give back", compute="_compute_from_link")
    allowed = fields.Monetary(
        string="Payplug still allows",
        compute="_compute_from_link",
        help="What was paid, less what was refunded or is on its way back.",
    )
    after = fields.Datetime(string="From", compute="_compute_from_link")
    until = fields.Datetime(compute="_compute_from_link")
    is_live = fields.Boolean(compute="_compute_from_link")
    may_confirm = fields.Boolean(compute="_compute_from_link")
    request = fields.Char("Who asked for it", compute="_compute_from_link")
    amount = fields.Monetary(
        string="Amount to refund", compute="_compute_amount", store=True, readonly=False
    )
    # What this window showed: somebody may refund meanwhile.
    seen = fields.Monetary(compute="_compute_amount", store=True)

    @api.depends("move_id")
    def _compute_from_link(self):
        for window in self:
            link_sudo = window._link_sudo()
            note = window._credit_note()
            facts = link_sudo._refund_facts(note.sudo())
            window.credit_note_id = note
            words = (link_sudo.payplug_id, window._earlier_payer(link_sudo))
            window.payment = " ".join(filter(None, words))
            window.currency_id = link_sudo.currency_id or window.move_id.currency_id
            window.asked = from_cents(max(facts.asked_cents, 0))
            window.allowed = from_cents(max(facts.left_cents, 0))
            window.after = facts.after
            window.until = facts.until
            window.is_live = link_sudo.is_live
            window.may_confirm = self.env["payplug.refund"]._may_confirm()
            request = link_sudo._asked_for(window.move_id._origin)
            window.request = link_sudo._asked_text(request) if request else False

    def _earlier_payer(self, link_sudo):
        """Return who gets the money back, if it is not the document's customer."""
        payer = link_sudo._payer().with_user(self.env.user)
        is_same = not link_sudo or link_sudo._is_of_payer(self.move_id._origin)
        return not is_same and payer.has_access("read") and f"({payer.display_name})"

    @api.depends("move_id")
    def _compute_amount(self):
        for window in self:
            window.amount = window.seen = min(window.asked, window.allowed)
            link_sudo = window._link_sudo()
            if link_sudo._asked_for(window.move_id._origin):
                window.amount = min(link_sudo.asked_amount, window.seen)

    @api.model
    def _open(self, move):
        """Return the action that opens this window for a credit note or an invoice."""
        window = self.create({"move_id": move.id})
        name = self.env._(messages.REFUND_BY_CARD)
        return window._get_records_action(name=name, target="new", context={})

    def _link_sudo(self):
        """Return the link to refund, in sudo, after the user's right on the document.

        :raise AccessError: if the user may not handle it
        """
        # Stored fields are computed in sudo. Odoo checks no new record, of which an
        # onchange may make one of any document: its origin is.
        move = self.move_id._origin
        documents = move.with_user(self.env.user)._payplug_refund_documents()
        documents.check_access("write")
        return move.sudo()._payplug_refundable_link()

    def _credit_note(self):
        move = self.move_id._origin
        return move.filtered(lambda move: move.move_type == "out_refund")

    def action_confirm(self):
        """Give the money back: Payplug is asked as soon as this is committed."""
        self.ensure_one()
        self.check_access("write")
        refunds = self.env["payplug.refund"]
        refunds._check_group()
        link_sudo = self._checked_link_sudo()
        note_sudo = self._credit_note().sudo()
        refunds.sudo()._ask(link_sudo, self.amount, note_sudo)  # only code writes them
        return {"type": "ir.actions.act_window_close"}

    def _checked_link_sudo(self):
        """Return the link to refund, in sudo, if all is as this window showed it.

        :raise UserError: if it has changed meanwhile
        """
        link_sudo = self._link_sudo().with_context(payplug_wait_for_lock=True)
        now = min(self.asked, self.allowed)
        if self.currency_id.compare_amounts(now, self.seen):
            form = self.currency_id.format
            values = {"before": form(self.seen), "now": form(now)}
            raise user_error(self.env, messages.REFUND_CHANGED, **values)
        if not link_sudo:
            name = self.move_id.display_name
            raise user_error(self.env, messages.REFUND_NOTHING, document=name)
        if not isfinite(self.amount):  # no window sends that
            raise user_error(self.env, messages.UNMET_REFUND["too_small"])
        return link_sudo

    def action_ask(self):
        """Ask, by an activity, somebody who may confirm it."""
        self.ensure_one()
        link_sudo = self._checked_link_sudo()
        note_sudo = self._credit_note().sudo()
        self.env["payplug.refund"]._check_met(link_sudo, self.amount, note_sudo)
        link_sudo._asked_for(self.move_id).unlink()  # another word on the same
        user = link_sudo._refunder()
        amount = self.currency_id.format(self.amount)
        activity = self.move_id.with_context(**SCHEDULED).activity_schedule(
            "mail.mail_activity_data_todo",
            summary=text(self.env, messages.ASK_REFUND_SUMMARY, amount=amount),
            note=text(
                self.env,
                messages.ASK_REFUND,
                user=self.env.user.name,
                amount=amount,
                payment=link_sudo.payplug_id,
                document=self.move_id.display_name,
            ),
            user_id=user.id,
        )
        link_sudo.asking_activity_ids |= activity  # closed when it is answered
        asked = {"asked_amount": self.amount, "asked_by_id": self.env.user.id}
        link_sudo.write({"asked_activity_id": activity.id, **asked})
        return notification(
            self.env._(messages.REFUND_ASKED_TITLE),
            text(self.env, messages.REFUND_ASKED, user=user.name, amount=amount),
            "success",
            then={"type": "ir.actions.act_window_close"},
        )
