"""Booking: from "the customer paid" to "the books are written".

These are two facts. The first is stored whatever happens to the second: what
accounting refuses stays *to book*, calls a person, and is tried again by the cron.
"""

import logging
from functools import partial

from pytz import timezone, utc

from odoo import models
from odoo.exceptions import UserError

from ..transactions import attempt

_logger = logging.getLogger(__name__)

LEGAL_TIMEZONE = "Europe/Paris"


class PayplugPaymentLink(models.Model):
    _inherit = "payplug.payment.link"

    def _must_be_booked(self):
        """Tell whether this money belongs in the books: real money, or a trial."""
        company_sudo = self.company_id._payplug_root()
        return self.is_live or company_sudo.payplug_book_test_payments

    def _register_payment(self, is_first=False):
        """Book a paid link, once; if accounting refuses, keep it and call for help.

        :param bool is_first: whether its payment was seen in this very transaction, so
            that no earlier attempt can have left anything
        :return: what kept it from being booked, None if nothing did
        """
        if not self.to_book:
            return None
        link = self._for_accountant()
        if not self._must_be_booked():
            link._leave_out_of_the_books()
            return None
        refusal = attempt(self.env, partial(link._book, is_first))
        if refusal:  # the money came all the same
            _logger.warning(
                "Link %s is paid but not booked: %s",
                self.id,
                type(refusal).__name__,
                exc_info=None if isinstance(refusal, UserError) else refusal,
            )
            silence = attempt(self.env, partial(link._ask_to_book, refusal))
            if silence:  # that the customer paid is stored all the same
                _logger.error("Nobody was told of it", exc_info=silence)
        return refusal

    def _leave_out_of_the_books(self):
        """Only record a test payment: the company does not book them any more."""
        self.to_book = False
        self._end_call_to_book()
        self._tell_recorded()

    def _book(self, is_first):
        """Register the payment, reconcile it with what is due, and tell everyone."""
        due = self._residual_of_invoice()
        payment = not is_first and self._take_over_payment()
        if not payment:
            payment = self._pay_invoice() if due else self._pay_on_account()
        self._end_call_to_book()
        self.write({"account_payment_id": payment.id, "to_book": False})
        self._tell_booked(payment)
        if self.currency_id.compare_amounts(self.amount, due) > 0:
            self._ask_to_refund(due)
        if self.amount_refunded:
            self._ask_to_book_refund()

    def _residual_of_invoice(self):
        """Return what the invoice still asks, by the books, of who paid this link.

        Nothing, if it has changed its currency, company or customer meanwhile.
        """
        move = self.move_id
        if not self._fits_invoice():
            return 0.0
        # Somebody's hold on paying it: nothing is asked, yet what comes settles it.
        on_hold = move.payment_state == "blocked"
        return move.amount_residual if on_hold else move._payplug_residual()

    def _fits_invoice(self):
        """Tell whether the invoice is still the one for which this link was made."""
        move = self.move_id
        # The invoice keeps the company that its contact had when it was made.
        payer = self.partner_id
        return (
            bool(move)
            and move.company_id == self.company_id
            and move.currency_id == self.currency_id
            and (
                move.partner_id == payer
                or move.commercial_partner_id == payer.commercial_partner_id
            )
        )

    def _paid_ahead(self):
        """Return how much of this link's money the invoice does not show as paid.

        :return: all of it while it is to book, then what is still the customer's credit
        :rtype: float
        """
        if self.to_book:
            return self.amount
        if not self.account_payment_id or not self._fits_invoice():
            return 0.0
        lines = self.account_payment_id.move_id.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )
        return -sum(lines.mapped("amount_residual_currency"))

    def _asks_what_is_due(self):
        """Tell whether this link asks for what the invoice's customer owes today."""
        due = self.move_id._payplug_amount_due() if self._fits_invoice() else 0.0
        return self._is_same_amount(due)

    def _is_same_amount(self, amount):
        return self.currency_id.compare_amounts(self.amount, amount) == 0

    def _take_over_payment(self):
        """Return, reconciled, the payment that an earlier attempt left, if one did.

        Another addon may commit in the middle of booking: what it committed is there,
        and everything after it failed. Its memo proves nothing, for anyone may type
        one: it must be for the same money of the same customer, and no other link's.
        """
        journal_sudo = self.company_id._payplug_root().payplug_journal_id
        payments = self.env["account.payment"].search(
            [
                ("journal_id", "=", journal_sudo.id),
                ("company_id", "=", self.company_id.id),
                ("payment_type", "=", "inbound"),
                ("partner_type", "=", "customer"),
                ("partner_id", "=", self.partner_id.commercial_partner_id.id),
                ("currency_id", "=", self.currency_id.id),
                ("state", "not in", ("canceled", "rejected")),
                ("memo", "=like", f"%{self.payplug_id}"),
            ]
        ).filtered(lambda payment: self._is_same_amount(payment.amount))
        claimed = self.search([("account_payment_id", "in", payments.ids)])
        payment = (payments - claimed.account_payment_id)[:1]
        if payment.state == "draft":
            payment.action_post()
        lines = payment.move_id.line_ids
        if payment and self._residual_of_invoice():
            lines |= self.move_id.line_ids
            self.move_id.matched_payment_ids |= payment  # as Odoo's own window does
        lines.filtered(
            lambda line: line.account_type == "asset_receivable" and not line.reconciled
        ).reconcile()
        return payment

    def _pay_invoice(self):
        """Register the payment of the invoice; Odoo reconciles it.

        A surplus stays the customer's credit. The amount is what the customer paid,
        whatever discount the payment terms offer.
        """
        register = self.env["account.payment.register"].with_context(
            active_model="account.move",
            active_ids=self.move_id.ids,
            skip_is_manually_modified=True,  # nobody changed the invoice by hand
        )
        return register.create(
            {
                **self._prepare_payment(),
                "payment_date": self._booking_date(),
                "communication": self._booking_memo(),
                "payment_difference_handling": "open",
            }
        )._create_payments()

    def _pay_on_account(self):
        """Register a customer payment that settles nothing: it stays his credit."""
        payment = self.env["account.payment"].create(
            {
                **self._prepare_payment(),
                # A branch's, too: by itself it would follow its root's journal.
                "company_id": self.company_id.id,
                "date": self._booking_date(),
                "memo": self._booking_memo(),
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.partner_id.commercial_partner_id.id,
            }
        )
        payment.action_post()
        return payment

    def _prepare_payment(self):
        """Return what both ways to register a payment share.

        :raise UserError: if the Payplug journal cannot take it
        """
        root_sudo = self.company_id._payplug_root()
        journal_sudo = root_sudo.payplug_journal_id
        obstacle = journal_sudo._payplug_obstacle(root_sudo)
        if obstacle:
            raise UserError(obstacle)
        return {
            "amount": self.amount,
            "currency_id": self.currency_id.id,
            "journal_id": journal_sudo.id,
            "payment_method_line_id": journal_sudo._payplug_inbound_line().id,
        }

    def _booking_date(self):
        """Return the day of the payment where the company keeps its books."""
        return self._local_date(self.paid_at)

    def _ends_on(self):
        """Return the day until which the link is expected to be payable."""
        return self.expires_at and self._local_date(self.expires_at)

    def _local_date(self, moment):
        zone = timezone(self._booking_zone())
        return utc.localize(moment).astimezone(zone).date()

    def _booking_zone(self):
        """Return the name of the time zone in which the company keeps its books."""
        return self.company_id.partner_id.tz or LEGAL_TIMEZONE

    def _booking_memo(self):
        return " ".join(filter(None, (self.move_id.name, self.payplug_id)))
