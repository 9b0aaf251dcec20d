"""Following: one way for all who bring news of a link; Payplug alone is believed."""

import logging

from odoo import fields, models

from ..payplug_remote import PayplugRejected, from_cents, to_cents

_logger = logging.getLogger(__name__)


class PayplugPaymentLink(models.Model):
    _inherit = "payplug.payment.link"

    def _refresh(self):
        """Ask Payplug how the link stands, and follow: the one way for all doors.

        Notification, return of the payer, cron and button end here.

        :return: the `RemotePayment`, or None if Payplug does not know the payment
        :raise PayplugError: if Payplug is silent or refuses the key; an unanswered
            question changes no state
        :raise ConcurrencyError: if somebody else is at it
        """
        self.ensure_one()
        self._lock()
        if not self.company_id._payplug_key(self.is_live):
            self._set_problem("no_key")
            return None
        try:
            remote = self._client().get_payment(self.payplug_id)
        except PayplugRejected as error:
            if error.status not in (403, 404):
                raise
            self._set_problem("unknown")
            return None
        self._follow(remote)
        return remote

    def _follow(self, remote):
        """Take over what Payplug says of this link, and book what was paid.

        A replay changes nothing, nor does an answer that is older than what is known;
        what is not ours is never booked.
        """
        if not self._is_ours(remote):
            self._set_problem("mismatch")
            return
        self._update(problem=False)
        if remote.state == "paid":
            self._follow_payment(remote)
        elif self.state == "pending":
            self._follow_attempts(remote)
            if remote.state != "pending":
                self._move_to(remote.state)._tell_ended()

    def _follow_attempts(self, remote):
        """Take over what happened on the page of a payment that was not paid yet."""
        known = self.refusal
        self._update(
            refusal=remote.refusal or False, is_being_checked=remote.is_being_checked
        )
        if self.refusal and self.refusal != known:
            self._tell_refused()

    def _follow_payment(self, remote):
        """The money moved: show it on the invoice, and book it."""
        must_be_booked = self._must_be_booked()
        moved = self._move_to(
            "paid",
            paid_at=remote.paid_at or fields.Datetime.now(),
            to_book=must_be_booked,
            refusal=False,
            is_being_checked=False,
        )
        if self.to_book and remote.paid_at:
            self._update(paid_at=remote.paid_at)
        self._follow_refund(remote)
        moved._show_paid()
        if moved and not must_be_booked:
            moved._tell_recorded()
        self._register_payment(is_first=bool(moved))
        self.move_id._payplug_wake_cron()  # another link of it may still be payable

    def _follow_refund(self, remote):
        """Money went back to the customer, which only a person can book."""
        refunded = from_cents(remote.cents_refunded)
        if self.currency_id.compare_amounts(refunded, self.amount_refunded) > 0:
            self.amount_refunded = refunded
            if self.account_payment_id:
                self._for_accountant()._ask_to_book_refund()

    def _show_paid(self):
        """Let the invoice show the link that was paid, even if it is an earlier one."""
        for link in self:
            if link.move_id.payplug_link_id.state != "paid":
                link._become_current()

    def _become_current(self):
        """Show this link on its invoice, without Odoo taking it for a user's change."""
        self.move_id.with_context(
            skip_invoice_sync=True, skip_is_manually_modified=True
        ).payplug_link_id = self

    def _update(self, **values):
        """Write only what differs, so that a replay writes nothing."""
        new = {name: value for name, value in values.items() if self[name] != value}
        if new:
            self.write(new)

    def _has_news(self, remote):
        """Tell whether following would change anything, without any lock or write."""
        if self.state != "pending":
            return self.state != "paid" and remote.state == "paid"
        known = (self.state, self.refusal or "", self.is_being_checked)
        told = (remote.state, remote.refusal, remote.is_being_checked)
        return bool(self.problem) or known != told or not self._is_ours(remote)

    def _is_ours(self, remote):
        """Tell whether Payplug speaks of this link's payment, whole and in its mode."""
        theirs = (remote.id, remote.cents, remote.currency, remote.is_live)
        return theirs == (
            self.payplug_id,
            to_cents(self.amount),
            self.currency_id.name,
            self.is_live,
        )

    def _is_over(self, problem):
        """Tell whether it is too late to care: nobody can follow a link that ended."""
        return self.state in ("cancelled", "expired") and problem != "mismatch"

    def _set_problem(self, problem):
        """Show what keeps the link from being followed, and call a person for money."""
        if self.problem == problem or self._is_over(problem):
            return
        _logger.warning("Link %s (%s): %s", self.id, self.payplug_id, problem)
        self.problem = problem
        if problem == "mismatch":
            self._for_accountant()._ask_about_mismatch()
