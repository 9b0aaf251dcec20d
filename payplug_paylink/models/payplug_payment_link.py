"""The payment link: one row for each Payplug payment, and what may happen to it."""

import logging

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError

from ..payplug_remote import PayplugRejected, from_cents, to_cents

_logger = logging.getLogger(__name__)

LOCK_OF_INVOICES = 1_886_413_168  # the bytes "pplp": our own space of advisory locks

# Where a link may come from, for each state to which it may go.
SOURCES = {
    "paid": {"pending", "cancelled", "expired"},
    "cancelled": {"pending"},
    "expired": {"pending"},
}


class PayplugPaymentLink(models.Model):
    """A link that a customer got, or may get, to pay an invoice on Payplug's page.

    Life of a link: `_request` makes it (or reuses the pending one of the invoice) under
    the invoice's lock; `_refresh` asks Payplug how it stands and follows; `_withdraw`
    makes it unpayable, and believes it only when it was seen. Machines write links, so
    everything here runs in sudo behind the rights of the invoice.
    """

    _name = "payplug.payment.link"
    _description = "Payplug payment link"
    _order = "id desc"
    _rec_name = "payplug_id"

    move_id = fields.Many2one(
        comodel_name="account.move",
        string="Invoice",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
    )
    # Copied from the invoice, so that they outlive it.
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount = fields.Monetary(required=True, readonly=True)
    is_live = fields.Boolean(
        string="Live",
        readonly=True,
        help="Real money. Otherwise the link belongs to Payplug's test mode.",
    )
    # pending ──▶ paid                       final, and it wins: the money moved
    # pending ──▶ cancelled (by us) │ expired (by Payplug's timeout)
    # cancelled, expired ──▶ paid            Payplug's late truth
    # A refused card is not a state: the payer may try again on the same page.
    state = fields.Selection(
        selection=[
            ("pending", "Waiting for payment"),
            ("paid", "Paid"),
            ("cancelled", "Cancelled"),
            ("expired", "Expired"),
        ],
        default="pending",
        required=True,
        readonly=True,
    )
    payplug_id = fields.Char(string="Payplug payment ID", readonly=True)
    url = fields.Char(string="Payment page", readonly=True)
    expires_at = fields.Datetime(
        string="Expected end",
        readonly=True,
        help="Payplug keeps a link payable for about 7 days; it decides alone when a "
        "link ends.",
    )
    paid_at = fields.Datetime(string="Paid on", readonly=True)
    refusal = fields.Char(
        string="Refusal code",
        readonly=True,
        help="Payplug's code for why the customer's last attempt failed.",
    )
    amount_refunded = fields.Monetary(string="Refunded on Payplug", readonly=True)
    # "The customer paid" and "the books are written" are two facts. Set once, when the
    # money is seen; a payment that an accountant deletes later is not booked again.
    to_book = fields.Boolean(readonly=True)
    account_payment_id = fields.Many2one(
        comodel_name="account.payment",
        string="Payment",
        index="btree_not_null",
        readonly=True,
    )
    to_cancel = fields.Boolean(
        readonly=True, help="To be cancelled as soon as Payplug answers."
    )
    problem = fields.Selection(
        selection=[
            ("unknown", "Payplug no longer knows it"),
            ("mismatch", "Payplug speaks of another amount, currency or mode"),
        ],
        readonly=True,
    )

    _payplug_id_unique = models.UniqueIndex(
        "(payplug_id) WHERE payplug_id IS NOT NULL",
        "This Payplug payment has a link already.",
    )
    _one_pending_link = models.UniqueIndex(
        "(move_id) WHERE state = 'pending' AND move_id IS NOT NULL",
        "This invoice has a pending payment link already.",
    )

    # What the cron looks for, and hardly any link is.
    _state_pending_index = models.Index(
        "(company_id, create_date) WHERE state = 'pending'"
    )
    _to_book_index = models.Index("(id) WHERE to_book")

    # === LOCK === #

    def _lock(self):
        """Lock the link's invoice, as `_lock_invoice` does."""
        self._lock_invoice(self._lock_key())

    def _lock_key(self):
        """Return what locks the link: its invoice, or itself if that is gone."""
        return self.move_id.id or -self.id

    @api.model
    def _lock_invoice(self, move_id):
        """Make sure that nobody else talks to Payplug about this invoice, until commit.

        An advisory lock and not the invoice's row: accounting never waits for Payplug.

        :param int move_id: id of the `account.move`
        :raise ConcurrencyError: if somebody does; Odoo runs a request again then
        """
        self.env.cr.execute(
            "SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_OF_INVOICES, move_id]
        )
        if not self.env.cr.fetchone()[0]:
            raise ConcurrencyError(f"invoice {move_id} is being handled elsewhere")

    # === FOLLOW === #

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

        A replay changes nothing; what is not ours is never booked.
        """
        if not self._is_ours(remote):
            self._set_problem("mismatch")
            return
        self._follow_attempts(remote)
        if remote.state == "paid":
            self._follow_payment(remote)
        elif remote.state != "pending":
            for link in self._move_to(remote.state):
                link._tell_ended()

    def _follow_attempts(self, remote):
        """Take over what happened on the payment's page, whatever its state."""
        known = self.refusal
        self._update(
            problem=False,
            refusal=remote.refusal or False,
            amount_refunded=from_cents(remote.cents_refunded),
        )
        if self.refusal and self.refusal != known:
            self._tell_refused()

    def _follow_payment(self, remote):
        """The money moved: show it on the invoice, and book it."""
        must_be_booked = self._must_be_booked()
        moved = self._move_to("paid", paid_at=remote.paid_at, to_book=must_be_booked)
        moved._show_paid()
        if moved and not must_be_booked:
            moved._tell_recorded()
        self._register_payment()

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
        known = (self.state, self.refusal or "", to_cents(self.amount_refunded))
        told = (remote.state, remote.refusal, remote.cents_refunded)
        return self.problem or known != told or not self._is_ours(remote)

    def _is_ours(self, remote):
        """Tell whether Payplug speaks of this link's payment, whole and in its mode."""
        theirs = (remote.id, remote.cents, remote.currency, remote.is_live)
        return theirs == (
            self.payplug_id,
            to_cents(self.amount),
            self.currency_id.name,
            self.is_live,
        )

    def _set_problem(self, problem):
        """Show what keeps the link from being followed, and call a person for money."""
        if self.problem == problem:
            return
        _logger.warning("Link %s (%s): %s", self.id, self.payplug_id, problem)
        self.problem = problem
        if problem == "mismatch":
            self._for_accountant()._ask_about_mismatch()

    def _move_to(self, state, **vals):
        """Move the links that may go to `state`; return only those that moved.

        :param str state: target, a key of `SOURCES`
        :param vals: fields to write along with it
        """
        moved = self.filtered(lambda link: link.state in SOURCES[state])
        for link in self - moved:
            level = logging.INFO if link.state == state else logging.WARNING
            _logger.log(
                level, "Link %s stays %s, %s was asked", link.id, link.state, state
            )
        moved.write({"state": state, **vals})
        # The next link's row must not meet this one as pending in the database.
        moved.flush_recordset(["state"])
        return moved

    def _client(self):
        """Return the client with the key of the link's own mode."""
        return self.company_id._payplug_client(is_live=self.is_live)
