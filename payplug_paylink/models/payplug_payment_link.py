"""The payment link: one row for each Payplug payment, and what may happen to it."""

import logging
from contextlib import suppress

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError
from odoo.tools import sql

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
    is_being_checked = fields.Boolean(
        string="Being checked",
        readonly=True,
        help="Payplug still examines a payment that was made.",
    )
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
        string="Cancelled by a user",
        readonly=True,
        help="It ends as soon as Payplug answers.",
    )
    problem = fields.Selection(
        selection=[
            ("unknown", "Payplug no longer knows it"),
            ("mismatch", "Payplug speaks of another amount, currency or mode"),
            ("no_key", "the company has no key of its mode any more"),
        ],
        readonly=True,
    )

    to_book_activity_id = fields.Many2one(
        "mail.activity", string="Call to book it", readonly=True
    )
    # So that the cron neither forgets nor repeats: see `_cron_follow`.
    checked_at = fields.Datetime(string="Last looked at", readonly=True)
    retry_at = fields.Datetime(
        string="Not tried before",
        readonly=True,
        help="After a failure, Odoo does not try again before.",
    )

    _payplug_id_unique = models.UniqueIndex(
        "(payplug_id) WHERE payplug_id IS NOT NULL",
        "This Payplug payment has a link already.",
    )
    _one_pending_link = models.UniqueIndex(
        "(move_id) WHERE state = 'pending' AND move_id IS NOT NULL",
        "This invoice has a pending payment link already.",
    )

    # What `init` refers to.
    _move_id_unique = models.UniqueIndex("(move_id, id)")

    # What the cron looks for, and hardly any link is.
    _state_pending_index = models.Index("(checked_at) WHERE state = 'pending'")
    _to_book_index = models.Index("(id) WHERE to_book")

    def init(self):
        # EXTEND base: when the columns of all models are there
        self.pool.post_init(self._guard_links_of_invoices)

    def _guard_links_of_invoices(self):
        """Let the database refuse an invoice that shows another invoice's link.

        Whoever writes it, in whatever way. What was written before this rule is undone.
        """
        name = "account_move_payplug_link_id_is_own"
        if sql.constraint_definition(self.env.cr, "account_move", name):
            return
        self.env.cr.execute(
            """UPDATE account_move move SET payplug_link_id = NULL
                 FROM payplug_payment_link link
                WHERE link.id = move.payplug_link_id
                  AND link.move_id IS DISTINCT FROM move.id"""
        )
        sql.add_constraint(
            self.env.cr,
            "account_move",
            name,
            # In this order: Odoo takes what begins with the field's column for its own.
            "FOREIGN KEY (id, payplug_link_id)"
            " REFERENCES payplug_payment_link (move_id, id)",
        )

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
        lock = [LOCK_OF_INVOICES, move_id]
        self.env.cr.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", lock)
        if not self.env.cr.fetchone()[0]:
            if self.env.context.get("payplug_waits"):
                self._wait_for(lock)
            raise ConcurrencyError(f"invoice {move_id} is being handled elsewhere")

    @api.model
    def _wait_for(self, lock):
        """Wait a little, so that the next try of a person's request finds it free.

        Not to go on: this transaction is too old to see what the other one did.
        """
        query = "SELECT pg_advisory_xact_lock(%s, %s)"
        with (
            suppress(psycopg2.errors.LockNotAvailable),
            self.env.cr.savepoint(flush=False),
        ):
            self.env.cr.execute("SET LOCAL lock_timeout = '2s'")
            # Not `mute_logger`: it is undone when another thread's ends meanwhile.
            self.env.cr.execute(query, lock, log_exceptions=False)

    # === STATES === #

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
