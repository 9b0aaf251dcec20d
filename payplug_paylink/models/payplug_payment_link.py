"""The payment link: one row for each Payplug payment, and what may happen to it."""

import logging

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError

from ..payplug_remote import WRONG_PAYMENT, PayplugRejected, to_cents

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
        string="Last refusal",
        readonly=True,
        help="Why the customer's last attempt failed. The link stays payable.",
    )

    _payplug_id_unique = models.UniqueIndex(
        "(payplug_id) WHERE payplug_id IS NOT NULL",
        "This Payplug payment has a link already.",
    )
    _one_pending_link = models.UniqueIndex(
        "(move_id) WHERE state = 'pending' AND move_id IS NOT NULL",
        "This invoice has a pending payment link already.",
    )

    # === LOCK === #

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
        """Ask Payplug how the link stands, and follow.

        :rtype: RemotePayment
        :raise PayplugError: if Payplug is silent or does not know the payment; an
            unanswered question changes no state
        :raise ConcurrencyError: if somebody else is at it
        """
        self.ensure_one()
        self._lock_invoice(self.move_id.id)
        remote = self._client().get_payment(self.payplug_id)
        self._follow(remote)
        return remote

    def _follow(self, remote):
        """Take over what Payplug says of this link.

        :raise PayplugRejected: if it speaks of another payment than ours
        """
        self._check_is_ours(remote)
        self.refusal = remote.refusal
        if remote.state != "pending":
            self._move_to(remote.state, paid_at=remote.paid_at)

    def _check_is_ours(self, remote):
        theirs = (remote.id, remote.cents, remote.currency, remote.is_live)
        ours = (
            self.payplug_id,
            to_cents(self.amount),
            self.currency_id.name,
            self.is_live,
        )
        if theirs != ours:
            _logger.warning("Link %s: Payplug says %s, not %s", self.id, theirs, ours)
            raise PayplugRejected(
                WRONG_PAYMENT,
                details=self.env._(
                    "it speaks of another amount, currency or mode than link %(link)s",
                    link=self.payplug_id,
                ),
            )

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
