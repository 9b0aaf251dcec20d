"""The payment link: one row for each Payplug payment, and what may happen to it."""

import logging
import re
import time
from contextlib import ExitStack, suppress
from datetime import timedelta

import psycopg2
from pytz import timezone, utc

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ConcurrencyError
from odoo.fields import Domain
from odoo.tools import consteq, format_date, format_time, mute_logger, sql
from odoo.tools.misc import hmac

from .. import payment_messages as messages
from ..link_polling import AccountPolling
from ..payment_messages import error_reason, notification, text, user_error
from ..payment_rules import (
    LinkFacts,
    RefundFacts,
    Step,
    matches_due,
    may_move,
    next_step,
)
from ..payment_status import STATUSES
from ..payplug_api import LINK_DAYS
from ..payplug_remote import (
    OPTIONAL,
    PayplugError,
    PayplugRejected,
    from_cents,
    to_cents,
)
from ..whole_char import WholeChar
from .payplug_process_mixin import (
    CONFLICTS,
    RETRY_REFUSED,
    SENTENCES,
    ProcessFailed,
    isolated,
    log_failure,
    scheduled,
)
from .res_company import Deadline

_logger = logging.getLogger(__name__)

LOCK_SPACE = 1_886_413_168  # the bytes "pplp": our own space of advisory locks
OWN_LINK = "account_move_payplug_link_id_is_own"  # a constraint of the database
WAIT_SPACE = LOCK_SPACE + 1  # held by the one who waits for such a lock
SIGNATURE_SIZE = 32  # hexadecimal digits: 128 bits
RECORD_ID = re.compile("[1-9][0-9]{0,8}")  # one spelling, and an integer of a database
CLEANUP_SECONDS = 3
DESCRIPTION_SIZE = 80
METADATA_SIZE = 500  # of each value
LEGAL_TIMEZONE = "Europe/Paris"
LATE_PAYMENT_DAYS = timedelta(days=1)  # for which a link is followed after its end
FRESH = timedelta(
    seconds=3
)  # for which visitors are shown the answer to an earlier one
UNKNOWN_AFTER = timedelta(hours=1)  # for which a payment may have no link yet
KEEP_LOOKING = timedelta(days=8)  # at an account for which no link waits any more
CHECK_ENDED = timedelta(hours=23)  # how often a link that ended is looked at
UNINSTALL_SECONDS = 60
LEFT_NAMED = 50  # links that cannot be cancelled then, at most
CHECK_OLD = timedelta(days=7)  # and one that was paid more than a month ago
LAST_TRIED_LAST = "retry_at NULLS FIRST, checked_at NULLS FIRST, id"
REFUND_DAYS = timedelta(days=365)  # for which Payplug refunds, if it tells no date
NOT_THROUGH = ("to_send", "unknown", "recorded")  # refunds that may still go
# Without it a key of a request's context has Odoo schedule no activity.
SCHEDULED = {"mail_activity_automation_skip": False}


def _abort_quietly(client, payment_id):
    """Abort a payment that nobody will ever hear of; failing that is harmless."""
    try:
        client.renewed(CLEANUP_SECONDS).abort_payment(payment_id)
    except PayplugError as error:
        _logger.info("Payment %s was not aborted: %s", payment_id, error.reason)


class InvoiceBusy(ConcurrencyError):
    """Somebody waits for this invoice's lock already: nobody else shall."""


class PayplugPaymentLink(models.Model):
    """A link that a customer got, or may get, to pay an invoice on Payplug's page.

    `_get_or_create` makes it, or reuses the pending one of the invoice, under the
    invoice's lock; `_sync` asks Payplug how it stands and applies the answer;
    `_cancel` makes it unpayable, and believes it only when it was seen. Only code
    writes links, in sudo, behind the rights on the invoice (ARCHITECTURE.rst, Flow).
    """

    _name = "payplug.payment.link"
    _inherit = "payplug.process.mixin"
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
    payer_id = fields.Many2one(
        comodel_name="res.partner",
        string="Customer's company",
        compute="_compute_payer_id",
        store=True,
        precompute=True,
        help="As it was when the link was made: its contact may leave it.",
    )
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount = fields.Monetary(required=True, readonly=True)
    is_live = fields.Boolean(
        string="Live",
        readonly=True,
        help="Real money. Otherwise the link belongs to Payplug's test mode.",
    )
    mode = fields.Selection(
        selection=[("test", "Test"), ("live", "Live")],
        compute="_compute_mode",
        search="_search_mode",
        help="No real money is paid with a link of the test mode.",
    )
    # Constant: what the invoice's field of this name is related to.
    online_payment = fields.Boolean("Online payment", default=True, readonly=True)
    # The moves from state to state: `payment_rules.SOURCES`.
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
    status = fields.Selection(STATUSES, compute="_compute_status", compute_sudo=True)
    # The address of the page says no more than this.
    payplug_id = WholeChar(string="Payplug payment ID", readonly=True)
    url = WholeChar(string="Payment page at Payplug", readonly=True)
    expires_at = fields.Datetime(
        string="Expires on",
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
    refusal_text = fields.Char(
        string="Last attempt refused",
        compute="_compute_refusal_text",
        help="Why the customer's last attempt failed. The link stays payable.",
    )
    amount_refunded = fields.Monetary(string="Refunded", readonly=True)
    amount_net = fields.Monetary(
        string="Net amount",
        compute="_compute_amount_net",
        help="What the customer paid, less what was refunded.",
    )
    # Of users who may not confirm a refund, and of what was paid twice.
    asking_activity_ids = fields.Many2many(
        "mail.activity", string="Refunds asked for", readonly=True
    )
    # The last one by a user, what it asks, and who.
    asked_activity_id = fields.Many2one(
        "mail.activity", string="Last refund asked for", readonly=True
    )
    asked_amount = fields.Monetary("Refund asked for", readonly=True)
    asked_by_id = fields.Many2one("res.users", "Refund asked by", readonly=True)
    # As Payplug tells them, of a paid link.
    refundable_after = fields.Datetime(string="Refundable from", readonly=True)
    refundable_until = fields.Datetime(string="Refundable until", readonly=True)
    refund_ids = fields.One2many(
        "payplug.refund", "link_id", string="Refunds", readonly=True
    )
    is_being_checked = fields.Boolean(
        string="Being checked",
        readonly=True,
        help="Payplug still examines a payment that was made.",
    )
    # "The customer paid" and "the books are written" are two facts. Set once, when the
    # money is seen; a payment that an accountant deletes later is not booked again.
    to_book = fields.Boolean(readonly=True)
    account_payment_id = fields.Many2one(
        "account.payment", "Booked as", index="btree_not_null", readonly=True
    )
    booking_error = fields.Char(string="Why it is not booked", readonly=True)
    # It stays when the payment is deleted.
    is_booked = fields.Boolean(string="Was booked", readonly=True)
    is_settled_otherwise = fields.Boolean(
        string="Settled otherwise",
        readonly=True,
        help="A user said so when the payment was no longer in the books: the invoice "
        "asks for this money again.",
    )
    to_cancel = fields.Boolean(
        string="Cancelled by a user",
        readonly=True,
        help="It ends as soon as Payplug answers.",
    )
    cancelled_by_id = fields.Many2one("res.users", "Cancelled by", readonly=True)
    is_made_by_customer = fields.Boolean(
        string="Made by the customer",
        readonly=True,
        help="On the invoice's page, where the customer is about to pay.",
    )
    problem = fields.Selection(
        selection=[
            ("unknown", "Payplug no longer knows it"),
            ("mismatch", "Payplug speaks of another amount, currency or mode"),
            ("no_key", "the company has no key of its mode any more"),
            ("unanswered", "for a day, Payplug has given no answer about it"),
        ],
        readonly=True,
    )
    to_book_activity_id = fields.Many2one(
        "mail.activity", string="Booking activity", readonly=True
    )
    # So that visitors do not make Payplug answer more often than useful, see `FRESH`.
    answered_at = fields.Datetime(string="Last answer", readonly=True)
    started_at = fields.Datetime(string="Last payment begun", readonly=True)
    is_withdrawn = fields.Boolean(
        "Withdrawn",
        readonly=True,
        help="Odoo has cancelled it, and no user: its invoice could not be paid any "
        "more.",
    )
    unanswered_since = fields.Datetime(
        readonly=True, help="Since then, no answer about it could be had or read."
    )
    # So that the cron neither forgets nor repeats, see `_cron_follow`.
    checked_at = fields.Datetime(string="Last looked at", readonly=True)

    _payplug_id_unique = models.UniqueIndex(
        "(payplug_id) WHERE payplug_id IS NOT NULL",
        "This Payplug payment has a link already.",
    )
    _one_pending_link = models.UniqueIndex(
        "(move_id) WHERE state = 'pending' AND move_id IS NOT NULL",
        "This invoice has a pending payment link already.",
    )
    # What `_guard_links_of_invoices` refers to.
    _move_id_unique = models.UniqueIndex("(move_id, id)")
    # What the cron looks for, and hardly any link is.
    _state_pending_index = models.Index("(checked_at) WHERE state = 'pending'")
    _to_book_index = models.Index("(id) WHERE to_book")
    # Paid ones are looked at as long as they may be refunded in Payplug's portal.
    _refundable_index = models.Index(
        "(checked_at) WHERE state = 'paid' AND amount_refunded < amount"
    )

    @api.model
    def _guard_links_of_invoices(self):
        """Let the database refuse an invoice that shows another invoice's link.

        Whoever writes it, in whatever way. What was written before this rule is undone.
        Called by a data file: the index that it needs is there then.
        """
        if sql.constraint_definition(self.env.cr, "account_move", OWN_LINK):
            return
        self.env.cr.execute(
            """UPDATE account_move move SET payplug_link_id = NULL
                 FROM payplug_payment_link link
                WHERE link.id = move.payplug_link_id
                  AND link.move_id IS DISTINCT FROM move.id"""
        )
        # In this order: Odoo takes what begins with the field's column for its own.
        key = """FOREIGN KEY (id, payplug_link_id)
                 REFERENCES payplug_payment_link (move_id, id)"""
        sql.add_constraint(self.env.cr, "account_move", OWN_LINK, key)

    @api.model
    def _prepare_uninstallation(self):
        """Leave no link payable, and nothing that Odoo does not know how to remove."""
        self._cancel_all()
        sql.drop_constraint(self.env.cr, "account_move", OWN_LINK)

    # === COMPUTE === #

    @api.depends(
        "state", "to_book", "to_cancel", "amount_net", "move_id.payplug_status"
    )
    def _compute_status(self):
        """As the invoice says of its link; of an earlier one what is left to say."""
        for link in self:
            is_current = link.move_id.payplug_link_id == link
            shown = is_current and link.move_id.payplug_status
            link.status = shown or link._status_of_earlier()

    def _status_of_earlier(self):
        if self.state == "paid" and self.amount_refunded:
            return "refunded" if self.amount_net <= 0 else "partly_refunded"
        if self.state == "paid":
            return "to_book" if self.to_book else self._paid_status()
        later = self.move_id.payplug_link_id
        is_replaced = (
            later and not self.to_cancel and not self._is_of_amount(later.amount)
        )
        ended = "replaced" if is_replaced else "cancelled"
        return {"pending": "created", "expired": "over"}.get(self.state, ended)

    def _paid_status(self):
        return "paid" if self.is_live or self.is_booked else "recorded"

    def _compute_payer_id(self):
        for link in self:  # once, when it is made: a contact may change its company
            is_its = link.move_id.partner_id == link.partner_id
            customer = link.move_id if is_its else link.partner_id
            link.payer_id = customer.commercial_partner_id

    @api.depends("is_live")
    def _compute_mode(self):
        for link in self:
            link.mode = "live" if link.is_live else "test"

    @api.model
    def _search_mode(self, operator, value):
        if operator != "in":
            return NotImplemented  # Odoo asks again with the opposite
        known = {"test": False, "live": True}  # every link has one of them
        return [("is_live", "in", [known[mode] for mode in value if mode in known])]

    @api.depends("refusal")
    @api.depends_context("lang")
    def _compute_refusal_text(self):
        for link in self:
            known = messages.REFUSALS.get(link.refusal)
            link.refusal_text = self.env._(known) if known else link.refusal

    @api.depends("state", "amount", "amount_refunded")
    def _compute_amount_net(self):
        for link in self:
            paid = link.amount if link.state == "paid" else 0.0
            link.amount_net = link.currency_id.round(paid - link.amount_refunded)

    @api.model
    def _search_display_name(self, operator, value):
        # EXTEND base: found by its whole ID, see `WholeChar`
        if value and operator.endswith("like"):
            is_not = operator in Domain.NEGATIVE_OPERATORS
            operator, value = "not in" if is_not else "in", [value]
        return super()._search_display_name(operator, value)

    # === CRUD === #

    @api.model
    def _add_missing_default_values(self, values):
        # EXTEND base: a user's own default values, which Odoo fills in in sudo, too
        rows = self.with_user(SUPERUSER_ID)
        return super(PayplugPaymentLink, rows)._add_missing_default_values(values)

    def unlink(self):
        # EXTEND base: the field's own key would empty it too late for `..._is_own`
        self.check_access("unlink")
        moves_sudo = self.env["account.move"].sudo()  # only code writes the field
        moves_sudo = moves_sudo.search([("payplug_link_id", "in", self.ids)])
        moves_sudo.payplug_link_id = False
        moves_sudo.flush_recordset(["payplug_link_id"])
        return super().unlink()

    # === ACTIONS === #

    # The invoice's own, which check the user's right on it: a pending link is the one
    # that they concern.

    def action_refresh(self):
        """Ask Payplug how the link stands, as on its invoice."""
        return self._invoice().action_payplug_refresh()

    def action_copy(self):
        """Copy the address of the invoice's payment page."""
        return self._invoice().action_payplug_copy_link()

    def action_cancel(self):
        """Make the link unpayable, as on its invoice; several in the background."""
        if len(self) == 1:
            return self._invoice().action_payplug_cancel_link()
        self.move_id.check_access("write")
        waiting_sudo = self.sudo().filtered(  # only code writes links
            lambda link: link.state == "pending" and not link.problem and link.move_id
        )
        if not waiting_sudo:
            raise user_error(self.env, messages.NONE_TO_CANCEL)
        waiting_sudo.write({"to_cancel": True, "cancelled_by_id": self.env.uid})
        self._trigger_process()
        message = text(self.env, messages.BEING_CANCELLED, count=len(waiting_sudo))
        return notification(self.env._(messages.PAYMENT_LINKS), message)

    def action_close(self):
        """Close a link that cannot be followed, as on its invoice."""
        return self._invoice().action_payplug_close_link()

    def action_open_invoice(self):
        """Open the invoice of the link."""
        return self._invoice()._get_records_action()

    def _invoice(self):
        self.ensure_one()
        if not self.move_id:
            raise user_error(self.env, messages.INVOICE_GONE)
        return self.move_id

    # === FACTS === #

    def _facts(self):
        """Return what the decisions need to know of this link."""
        return LinkFacts(
            state=self.state,
            cents=to_cents(self.amount),
            is_live=self.is_live,
            expires_at=self.expires_at,
            is_blocked=bool(self.problem or self.to_cancel),
            matches_invoice=self._matches_invoice(),
        )

    def _matches_due(self, due=None):
        """Tell whether this link is pending and of today's amount due and mode."""
        if self.state != "pending":
            return False
        due = self.move_id._payplug_amount_due() if due is None else due
        is_live = self.company_id._payplug_is_live()
        return matches_due(self._facts(), to_cents(due), is_live)

    def _is_payable_now(self, due=None):
        """Tell, without asking Payplug, whether a customer could pay this link now."""
        return bool(
            self.expires_at
            and self.expires_at > fields.Datetime.now()
            and self._matches_due(due)
        )

    def _is_of_other_mode(self):
        """Tell whether the customer's page now takes payments in another mode."""
        return self.is_live != self.company_id._payplug_is_live()

    def _is_past_trial(self):
        """Tell whether this is a test link where real money is asked for now."""
        return not self.is_live and self._is_of_other_mode()

    def _is_stuck(self):
        """Tell whether this link stands in the way until a person looks at it."""
        return bool(self.problem) and not self._is_past_trial()

    def _is_examined(self):
        return self.state == "pending" and self.is_being_checked

    def _is_of_amount(self, amount):
        return self.currency_id.compare_amounts(self.amount, amount) == 0

    def _has_amount_due(self, due=None):
        """Tell whether this link asks for what the invoice's customer owes today."""
        if not self._matches_invoice():
            return self._is_of_amount(0.0)
        due = self.move_id._payplug_amount_due() if due is None else due
        return self._is_of_amount(due)

    def _matches_invoice(self):
        """Tell whether the invoice is still the one for which this link was made."""
        return bool(self.move_id) and self._matches(self.move_id)

    def _matches(self, document):
        """Tell whether this link's money may have to do with an invoice or note."""
        return (
            document.company_id == self.company_id
            and document.currency_id == self.currency_id
            and self._is_of_payer(document)
        )

    def _is_of_payer(self, move):
        """Tell whether a document is of the customer for whom this link was made."""
        return bool(move.commercial_partner_id & self.payer_id)

    def _payer(self):
        """Return the customer in whose name this link's money is booked."""
        return (self.payer_id or self.partner_id).commercial_partner_id

    def _matches_remote(self, remote):
        """Tell whether Payplug speaks of this link's payment, whole and in its mode."""
        theirs = (remote.id, remote.cents, remote.currency, remote.is_live)
        cents, currency = to_cents(self.amount), self.currency_id.name
        return theirs == (self.payplug_id, cents, currency, self.is_live)

    def _differs_from(self, remote):
        """Tell whether applying an answer would change anything; locks nothing."""
        if self.state == "paid":
            return remote.cents_refunded != to_cents(self.amount_refunded)
        if self.state != "pending":
            return remote.state == "paid"
        known = (self.state, self.refusal or "", self.is_being_checked)
        told = (remote.state, remote.refusal, remote.is_being_checked)
        return bool(self.problem) or known != told or not self._matches_remote(remote)

    def _must_be_booked(self):
        """Tell whether this money belongs in the books: real money, or a trial."""
        company_sudo = self.company_id._payplug_root()
        return self.is_live or company_sudo.payplug_book_test_payments

    def _paid_ahead(self):
        """Return how much of this link's money the invoice does not show as paid.

        Payplug's money counts until it is refunded, whatever became of its payment in
        the books; only what settles something there does not (ARCHITECTURE.rst, Money).
        What was refunded for a credit note counts, too: neither is it owed any more.
        """
        if not self._counts_for_invoice():
            return 0.0
        gone = self.amount_refunded and self.amount_refunded - self._credited_amount()
        held = self.amount - gone - self._settled_amount()
        return max(self.currency_id.round(held), 0.0)

    def _credited_amount(self):
        """Return how much of what was refunded has settled credit notes."""
        entries = self.refund_ids.account_payment_id.move_id
        settled = self._receivable_lines(entries).matched_credit_ids
        notes = self._credit_notes()
        settled = settled.filtered(lambda one: one.credit_move_id.move_id in notes)
        return sum(settled.mapped("debit_amount_currency"))

    def _counts_for_invoice(self):
        if self.state != "paid" or not self._matches_invoice():
            return False
        is_lost = self.is_settled_otherwise and not self._is_in_books()
        return self.to_book or (self.is_booked and not is_lost)

    def _is_in_books(self):
        return self._holds(self.account_payment_id.move_id)

    @api.model
    def _holds(self, entry):
        """Tell whether an entry is in the books: posted, and not reversed."""
        return entry.state == "posted" and not self._is_reversed(entry)

    @api.model
    def _is_reversed(self, entry):
        reversals = entry.reversal_move_ids.filtered(lambda one: one.state == "posted")
        return not all(map(self._is_reversed, reversals))

    def _is_missing_in_books(self):
        """Tell whether this money was booked, and its payment is no longer there.

        Also what was refunded since, if that is in the books; and what was paid for
        this invoice when it was another customer's.
        """
        if not self.is_booked or self.to_book or self._is_in_books():
            return False
        if self.is_settled_otherwise:
            return False
        held = self.amount - self.amount_refunded - self._settled_amount()
        return self.currency_id.compare_amounts(held, 0) > 0 or any(
            refund._is_in_books() for refund in self.refund_ids
        )

    def _settled_amount(self):
        """Return how much of the booked payment settles something.

        Not a refund by Payplug, nor the entry that reverses it.
        """
        entry = self.account_payment_id.move_id
        settled = self._receivable_lines(entry).matched_debit_ids.filtered(
            lambda one: (
                not self._is_refund(one.debit_move_id.payment_id)
                and one.debit_move_id.move_id not in entry.reversal_move_ids
            )
        )
        return sum(settled.mapped("credit_amount_currency"))

    def _is_refund(self, payment):
        journal = self.account_payment_id.journal_id
        return payment.payment_type == "outbound" and payment.journal_id == journal

    def _receivable_lines(self, moves):
        return moves.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )

    # === LOCK === #

    def _claim_key(self):
        # OVERRIDE payplug.process.mixin: the invoice, or the link if that is gone
        return self.move_id.id or -self.id

    @api.model
    def _lock_invoice(self, move_id):
        """Make sure that nobody else talks to Payplug about this invoice, until commit.

        An advisory lock and not the invoice's row: accounting never waits for Payplug.

        :raise ConcurrencyError: if somebody does; Odoo runs a request again then
        """
        lock = [LOCK_SPACE, move_id]
        self.env.cr.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", lock)
        if not self.env.cr.fetchone()[0]:
            if self.env.context.get("payplug_wait_for_lock"):
                self._wait_for(lock)
            raise ConcurrencyError(f"invoice {move_id} is being handled elsewhere")

    @api.model
    def _wait_for(self, lock):
        """Wait a little, so that the next try of a person's request finds it free.

        Not to go on: this transaction is too old to see what the other one did. One
        waits at a time, so that the visitors of one invoice leave others their workers.

        :raise InvoiceBusy: if another request waits
        """
        turn = [WAIT_SPACE, lock[1]]
        self.env.cr.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", turn)
        if not self.env.cr.fetchone()[0]:
            raise InvoiceBusy(f"invoice {lock[1]} is waited for elsewhere")
        query = "SELECT pg_advisory_xact_lock(%s, %s)"
        too_long = suppress(psycopg2.errors.LockNotAvailable)
        with too_long, self.env.cr.savepoint(flush=False):
            self.env.cr.execute("SET LOCAL lock_timeout = '2s'")
            # Not `mute_logger`: it is undone when another thread's ends meanwhile.
            self.env.cr.execute(query, lock, log_exceptions=False)

    # === STATES === #

    def _move_to(self, state, **vals):
        """Move the links that may go to `state`; return only those that moved."""
        moved = self.filtered(lambda link: may_move(link.state, state))
        for link in self - moved:
            level = logging.INFO if link.state == state else logging.WARNING
            told = (link.id, link.state, state)
            _logger.log(level, "Link %s stays %s, %s was asked", *told)
        moved.write({"state": state, **vals})
        # The next link's row must not meet this one as pending in the database.
        moved.flush_recordset(["state"])
        return moved

    def _write_changes(self, **values):
        """Write only what differs, so that a replay writes nothing."""
        new = {name: value for name, value in values.items() if self[name] != value}
        if new:
            self.write(new)

    def _set_as_current(self):
        """Show this link on its invoice, without Odoo taking it for a user's change."""
        skip = {"skip_invoice_sync": True, "skip_is_manually_modified": True}
        self.move_id.with_context(**skip).payplug_link_id = self

    def _client(self):
        """Return the client with the key of the link's own mode."""
        return self.company_id._payplug_client(is_live=self.is_live)

    # === GET OR CREATE === #

    @api.model
    def _get_or_create(self, move, for_customer=False):
        """Return the invoice's link for the amount due, made or reused.

        Payplug is asked before a link is reused, and a new one is made only after the
        end of the old one was seen. If it turns out that the customer has paid, the
        paid link is returned; if the old link cannot be followed, that one with its
        `problem` (not an exception, which would forget it).

        :param bool for_customer: whether the customer asks, who pays at once: the link
            may be near its end, and be renewed only as far as the company allows
        :raise PayplugError: if Payplug is silent or refuses: no link was made. Its
            `link_ended` tells whether the old link's end was seen, and is stored
        :raise UserError: if the old link is not known to be at its end
        :raise ConcurrencyError: if somebody else is at it
        """
        self._lock_invoice(move.id)
        link_sudo = move.sudo()._payplug_open_link()  # only code writes links
        was_pending = link_sudo.state == "pending"
        remote = was_pending and link_sudo._sync()
        link_sudo = link_sudo._of_present_customer()
        if was_pending and link_sudo.state == "paid":
            return link_sudo
        due = move._payplug_amount_due()
        step = link_sudo._next_step(move, due, for_customer)
        if step is Step.ABORT_AND_CREATE:
            link_sudo._abort(remote)
            link_sudo = link_sudo._of_present_customer()
            if link_sudo.state in ("pending", "paid"):
                return link_sudo  # with a problem that a person must look at, or paid
            step = link_sudo._next_step(move, due, for_customer)
        if step in (Step.REUSE, Step.LEAVE_TO_PEOPLE):
            return link_sudo
        if step is Step.REGISTER:
            return move._payplug_links_to_book()[:1]
        try:
            return self.sudo()._create_for(move, due, for_customer)
        except PayplugError as error:
            error.link_ended = was_pending
            raise

    def _of_present_customer(self):
        """Return this link; empty if it has ended and is of an earlier customer."""
        is_past = self.state != "pending" and not self._matches_invoice()
        return self.browse() if is_past else self

    def _next_step(self, move, due, for_customer):
        """Return the `Step` when the invoice's link, maybe empty, is asked for."""
        return next_step(
            self._facts() if self else None,
            to_cents(due),
            is_live=move.company_id._payplug_is_live(),
            now=fields.Datetime.now(),
            for_customer=for_customer,
            may_renew=move._payplug_may_renew(),
        )

    def _create_for(self, move, due, for_customer):
        """Create a payment at Payplug and its link, as one: both or none stay."""
        with self.env.cr.savepoint():
            link = self._create_row(move, due, for_customer)
            client = link._client()
            remote = link._create_remote(client)
            link._store_created(remote, client)
        return link

    def _create_remote(self, client):
        """Create the payment; without its optional parts if Payplug refuses only those.

        Payplug knows fewer countries than Odoo, and other shapes of addresses.
        """
        payload = self._payplug_payment_payload()
        try:
            return client.create_payment(payload)
        except PayplugRejected as error:
            if not error.is_about_optional_parts() or not OPTIONAL & payload.keys():
                raise
        needed = {name: payload[name] for name in payload if name not in OPTIONAL}
        return client.create_payment(needed)

    def _create_row(self, move, due, for_customer):
        """Create the row of a new link; the database refuses a second pending one."""
        copied = ("company_id", "partner_id", "currency_id")
        values = {name: move[name].id for name in copied}
        is_live = move.company_id._payplug_is_live()
        values.update(move_id=move.id, amount=due, is_live=is_live)
        values["is_made_by_customer"] = for_customer
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                return self.create(values)
        except psycopg2.errors.UniqueViolation as error:
            # Made by somebody whose commit this transaction is too old to see.
            raise ConcurrencyError(f"invoice {move.id} has just got a link") from error

    def _store_created(self, remote, client):
        """Store a created payment on its link; abort it if this fails or rolls back."""
        with ExitStack() as undo:
            # Here and not by the hook alone: a caller's savepoint runs none.
            undo.callback(_abort_quietly, client, remote.id)
            ends = remote.created_at + timedelta(days=LINK_DAYS)
            self.write({"payplug_id": remote.id, "url": remote.url, "expires_at": ends})
            self._set_as_current()
            by_customer = messages.LOG_CREATED_BY_CUSTOMER
            self._log(by_customer if self.is_made_by_customer else messages.LOG_CREATED)
            self.env.flush_all()
            self.env.cr.postrollback.add(undo.pop_all().close)

    def _payplug_payment_payload(self):
        """Return the body that creates this link's payment. Addons may extend it."""
        urls = dict.fromkeys(("return_url", "cancel_url"), self._route_url("return"))
        payload = {
            "amount": to_cents(self.amount),
            "currency": self.currency_id.name,
            # Says that we mail the link; an ordinary page would die within minutes.
            "hosted_payment": {"sent_by": "OTHER", **urls},
            "description": self.move_id.name[:DESCRIPTION_SIZE],
            "metadata": {
                "invoice": self.move_id.name[:METADATA_SIZE],
                "link_id": str(self.id),
                "database": self._database_uuid(),
            },
        }
        billing = self.partner_id._payplug_billing()
        if billing:  # complete or not at all: an incomplete block is refused
            payload["billing"] = billing
            payload["shipping"] = {**billing, "delivery_type": "BILLING"}
        if self.company_id._payplug_can_be_notified():
            payload["notification_url"] = self._route_url("notify")
        return payload

    # === UNINSTALLATION === #

    @api.model
    def _cancel_all(self):
        """Cancel all pending links, as the addon goes; tell which stay payable.

        As far as it can be done in `UNINSTALL_SECONDS`: then nobody follows them.
        """
        pending = self.search([("state", "=", "pending")])
        until = Deadline(time.monotonic() + UNINSTALL_SECONDS)
        for link in pending.with_context(payplug_deadline=until):
            with (
                suppress(*CONFLICTS, ProcessFailed),
                isolated(),
                self.env.cr.savepoint(),
            ):
                link._cancel()
        for root, links in pending.grouped("company_id").items():
            left = links.filtered(lambda link: link.state == "pending")
            _logger.info("%s: %s links stay payable", root.id, len(left))
            if left:
                left._schedule_left_payable(len(links) - len(left))

    def _schedule_left_payable(self, cancelled):
        """Call an accountant for these links, on what is there without the addon."""
        link = self[:1]._as_accountant()
        payments = ", ".join(self.mapped("payplug_id")[:LEFT_NAMED])
        values = {"cancelled": cancelled, "count": len(self), "payments": payments}
        link.company_id.partner_id.activity_schedule(
            "mail.mail_activity_data_warning",
            summary=link.env._(messages.LEFT_PAYABLE_SUMMARY),
            note=text(link.env, messages.LEFT_PAYABLE, **values),
            user_id=link._accountant().id,
        )

    # === CANCEL === #

    def _cancel(self):
        """Make the link unpayable, or apply what Payplug says of it.

        :raise PayplugError: if Payplug is silent
        :raise UserError: if the link's end was not seen
        """
        self._abort(self._sync())

    def _abort(self, remote):
        """Abort a link that was just asked about, and believe it only when seen.

        A link with a `problem` is left to people.

        :param RemotePayment remote: what `_sync` returned
        """
        is_idle = self.problem == "no_key" and not self.is_live
        if is_idle or (self.problem and self._is_past_trial()):
            self._force_cancel()  # nobody can pay real money with it
        if self.state != "pending" or self.problem:
            return
        self._check_may_abort(remote)
        self._apply_remote(self._client().abort_payment(self.payplug_id))
        if self.state == "pending" and not self.problem:
            raise self._still_payable()
        is_withdrawn = self.state == "cancelled" and not self.to_cancel
        self._write_changes(is_withdrawn=is_withdrawn)

    def _force_cancel(self):
        """End a link by a person's word, unless Payplug's can be had after all."""
        self._lock_invoice(self._claim_key())
        if self.company_id._payplug_key(self.is_live):
            self._try_abort()
        if self.state == "pending":
            self._move_to("cancelled", problem=False)
            self._close_booking_activity()
            self._log(messages.LOG_FORCE_CANCELLED)
            self._tell_sending(text(self.env, messages.CLOSED, **self._names()))

    def _tell_sending(self, why):
        """Let a sending that failed for this link give the reason as it is now."""
        rows = self.move_id._payplug_sendings_sudo()
        rows.filtered(lambda row: row.state == "failed").failure_reason = why

    def _try_abort(self):
        """Try to abort, never what another copy waits for; apply what Payplug says."""
        client = self._client().renewed(CLEANUP_SECONDS)
        try:
            remote = client.get_payment(self.payplug_id)
            if self._is_made_here(remote):
                remote = client.abort_payment(self.payplug_id)
        except PayplugError as error:
            _logger.info("Link %s was closed unseen: %s", self.id, error.reason)
        else:
            self._apply_remote(remote)

    def _is_made_here(self, remote):
        """Tell whether this database, and no copy of it, made the payment."""
        ours = self._database_uuid()
        return remote.metadata.get("database", ours) == ours

    def _check_may_abort(self, remote):
        """Check that this link is ours to abort, and that no money is on its way."""
        if remote.is_being_checked:
            raise self._still_payable()
        if not self._is_made_here(remote):
            payment = self.payplug_id
            raise user_error(self.env, messages.MADE_ELSEWHERE, payment=payment)

    def _still_payable(self):
        names = {"invoice": self.move_id.display_name, "payment": self.payplug_id}
        return user_error(self.env, messages.STILL_PAYABLE, **names)

    def _database_uuid(self):
        """Return what tells this database from a restored copy of it."""
        return self.env["ir.config_parameter"].get_param("database.uuid")

    # === SYNC === #

    def _sync(self):
        """Ask Payplug how the link stands, and apply the answer.

        Notification, return of the payer, cron and button end here.

        :return: the `RemotePayment`, or None if Payplug does not know the payment
        :raise PayplugError: if Payplug is silent or refuses the key; an unanswered
            question changes no state
        :raise ConcurrencyError: if somebody else is at it
        """
        self.ensure_one()
        self._lock_invoice(self._claim_key())
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
        self._apply_remote(remote)
        return remote

    def _is_fresh(self, name):
        """Tell whether Payplug was asked for a visitor of this kind a moment ago.

        :param str name: `answered_at` for who comes back, `started_at` for who begins
            to pay. The one says nothing to the other, nor does a notification: the
            payer may pay right after it, and come back.
        """
        now = fields.Datetime.now()
        return bool(self[name] and self[name] > now - FRESH)

    def _apply_remote(self, remote):
        """Apply what Payplug says of this link, and book what was paid.

        A replay changes nothing, nor does an answer that is older than what is known;
        what is not this link's payment is never booked.
        """
        if not self._matches_remote(remote):
            self._set_problem("mismatch")
            return
        if self.problem == "unanswered":
            self._close_booking_activity()
        self._write_changes(problem=False, unanswered_since=False)
        if remote.state == "paid":
            self._apply_payment(remote)
        elif self.state == "pending":
            self._apply_attempts(remote)
            if remote.state != "pending" and self._move_to(remote.state):
                self._log(messages.LOG_ENDED[self.state])

    def _apply_attempts(self, remote):
        """Store what happened on the page of a payment that was not paid yet."""
        known = self.refusal
        self._write_changes(
            refusal=remote.refusal or False, is_being_checked=remote.is_being_checked
        )
        if self.refusal and self.refusal != known:
            self._log(messages.LOG_REFUSED, why=self._as_author().refusal_text)

    def _apply_payment(self, remote):
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
            self._write_changes(paid_at=remote.paid_at)
        current = self.move_id.payplug_link_id._of_present_customer()
        if moved and self._matches_invoice() and current.state != "paid":
            self._set_as_current()  # even if it is an earlier one
        if moved and not must_be_booked:
            self._log(messages.LOG_RECORDED)
        self._register_payment()
        self._apply_refunds(remote, is_first=bool(moved))
        if moved:
            self._tell_of_payment()
        self.move_id._payplug_trigger_sync()  # another link may still be payable

    def _tell_of_payment(self):
        """Tell the invoice's followers, and thank the customer if the company wants it.

        Who sends a link follows its invoice; *Paid by link* can be switched off there.
        """
        link = self._as_accountant()
        move = link.move_id
        if not link._matches_invoice():
            return  # it has become another customer's, say, since the link was made
        try:
            with isolated(), self.env.cr.savepoint():
                is_due = not self._must_be_booked()
                move._payplug_tell_followers(link._names(), is_due=is_due)
                if self._must_be_booked():
                    move._payplug_thank_customer()
        except ProcessFailed as failure:  # the customer paid all the same
            log_failure(_logger, "Nobody was told of a payment", failure.cause)

    def _set_problem(self, problem):
        """Show what keeps the link from being followed, and call a person for money."""
        has_ended = self.state != "pending"
        if self.problem == problem or (has_ended and problem != "mismatch"):
            return
        _logger.warning("Link %s (%s): %s", self.id, self.payplug_id, problem)
        self.problem = problem
        if problem == "mismatch":
            summary, note = messages.MISMATCH_SUMMARY, messages.MISMATCH
            self._as_accountant()._schedule_activity(summary, note)

    # === BOOKING === #

    def _register_payment(self):
        """Book a paid link, once; if accounting refuses, keep it and call for help."""
        if not self.to_book:
            return
        link = self._as_accountant()
        if not self._must_be_booked():  # the company does not book tests any more
            link._write_changes(to_book=False)
            link._close_booking_activity()
            link._log(messages.LOG_RECORDED)
            return
        try:
            with isolated(), self.env.cr.savepoint():
                link._book()
        except ProcessFailed as failure:  # the money came all the same
            link._booking_failed(failure.cause)
        else:
            for refund in link.refund_ids:  # what went back before
                refund._register_payment()

    def _book_anew(self):
        """Book money whose payment was deleted or cancelled, by a person's word."""
        self._lock_invoice(self._claim_key())
        if self._is_missing_in_books():  # nobody else has done it meanwhile
            self.write({"to_book": True, "account_payment_id": False})
            self._register_payment()

    def _booking_failed(self, error):
        """Leave the payment to book: tried again later, and an accountant is called."""
        kind = type(error).__name__
        is_told = isinstance(error, SENTENCES)
        told = "Link %s is paid but not booked: %s"
        _logger.warning(told, self.id, kind, exc_info=None if is_told else error)
        why = error_reason(error) if is_told else self.env._(messages.TO_BOOK_UNKNOWN)
        try:
            with isolated(), self.env.cr.savepoint():
                self._write_changes(booking_error=why)
                self._schedule_to_book(why)
        except ProcessFailed as failure:  # the customer paid all the same
            log_failure(_logger, "Nobody was told of it", failure.cause)

    def _book(self):
        """Register the payment, reconcile it with what is due, and tell everyone."""
        due = self._residual_of_invoice()
        found = self._find_payment()
        is_taken_over = self._settles_invoice(found)
        payment = found or self._create_payment(due)
        self._settle(payment, due)
        self._store_booked(payment)
        self._log_booked(payment, is_taken_over)
        is_surplus = self.currency_id.compare_amounts(self.amount, due) > 0
        if is_surplus and not is_taken_over:
            self._schedule_refund(due)

    def _store_booked(self, payment):
        self._close_booking_activity()
        values = {"to_book": False, "booking_error": False, "is_booked": True}
        self.write({"account_payment_id": payment.id, **values})

    def _residual_of_invoice(self):
        """Return what the invoice still asks, by the books, of who paid this link.

        Nothing, if it has changed its currency, company or customer meanwhile.
        """
        move = self.move_id
        if not self._matches_invoice():
            return 0.0
        # Somebody's hold on paying it: nothing is asked, yet what comes settles it.
        on_hold = move.payment_state == "blocked"
        return move.amount_residual if on_hold else move._payplug_residual()

    def _find_payment(self):
        """Return the payment of this very money that is in the books already, if any.

        Somebody has registered it by hand while it waited: then it settles this
        invoice. Or an earlier attempt left it, in the middle of which another addon
        committed: then it settles nothing yet, and has our memo. Neither is enough: it
        is for the same money of the same customer, and no other link's.
        """
        payments = self._find_payments_alike(
            ("company_id", "=", self.company_id.id),
            # Odoo takes its entry along to a company, and not the payment itself.
            ("partner_id", "in", (self._payer() | self.payer_id | self.partner_id).ids),
            ("state", "not in", ("canceled", "rejected")),
        )
        return payments.filtered(self._is_this_money)[:1]

    def _find_payments_alike(self, *conditions):
        """Return customers' payments of this amount that no link claims."""
        journal_sudo = self.company_id._payplug_root().payplug_journal_id
        same = [
            ("journal_id", "=", journal_sudo.id),
            ("payment_type", "=", "inbound"),
            ("partner_type", "=", "customer"),
            ("currency_id", "=", self.currency_id.id),
            ("amount", "=", self.amount),
        ]
        payments = self.env["account.payment"].search([*same, *conditions])
        return payments - self._claimed(payments)

    def _is_this_money(self, payment):
        lines = self._receivable_lines(payment.move_id)
        if self._named_ids(payment) - {self.payplug_id}:
            return False  # it is of another payment at Payplug
        is_left = self._is_named_by(payment) and not lines.matched_debit_ids
        # What could not settle the invoice, or was taken back, is of something else.
        due = self._open_lines(self.move_id).account_id
        account = lines.account_id or payment.destination_account_id
        is_left &= not due or account == due
        is_left &= not payment.move_id.reversal_move_ids.filtered(
            lambda one: one.state == "posted"
        )
        is_same = is_left or self._settles_invoice(payment)
        return (
            is_same and self._is_of_amount(payment.amount) and self._is_whole(payment)
        )

    def _is_whole(self, payment):
        """Tell whether all of a payment is, or will be, on the customer's account, and
        on that of Payplug's money.
        """
        journal_sudo = self.company_id._payplug_root().payplug_journal_id
        account = journal_sudo._payplug_inbound_line().payment_account_id
        if payment.state == "draft" and not payment.move_id:
            customers = payment.destination_account_id.account_type
            is_here = payment.outstanding_account_id == account
            return customers == "asset_receivable" and is_here
        # Its entry, also one that was set back to draft, may have been changed.
        sign = -1 if payment.payment_type == "inbound" else 1
        money, _counterpart, _others = payment._seek_for_lines()
        customers = self._receivable_lines(payment.move_id).filtered(
            lambda line: (
                line.partner_id.commercial_partner_id
                == payment.partner_id.commercial_partner_id
            )
        )
        is_of_currency = (money | customers).currency_id == payment.currency_id
        if not is_of_currency or money.account_id != account:
            return False
        there = min(
            sign * sum(customers.mapped("amount_currency")),
            -sign * sum(money.mapped("amount_currency")),
        )
        return payment.currency_id.compare_amounts(there, payment.amount) >= 0

    def _is_named_by(self, payment):
        return self._named_ids(payment) == {self.payplug_id}

    @api.model
    def _named_ids(self, payment):
        """Return the payments at Payplug that a payment's memo names."""
        return set(re.findall(r"\bpay_\w+", payment.memo or ""))

    def _settles_invoice(self, payment):
        return bool(payment) and self._settled_entries(payment.move_id) == self.move_id

    def _settled_entries(self, entry):
        return self._receivable_lines(entry).matched_debit_ids.debit_move_id.move_id

    def _claimed(self, payments):
        claims = self.search([("account_payment_id", "in", payments.ids)])
        return claims.account_payment_id

    def _find_look_alike(self):
        """Return a payment or entry that may be this money, registered by hand.

        In another journal, say: it settles the same amount of the same invoice.
        """
        partials = self._receivable_lines(self.move_id).matched_credit_ids
        same = partials.filtered(
            lambda one: self._is_of_amount(one.credit_amount_currency)
        )
        entries = same.credit_move_id.move_id
        entries = entries.filtered(lambda entry: entry.move_type == "entry")
        # The Accounting app books some payments when the bank tells of them.
        payments = self.move_id.matched_payment_ids.filtered(
            lambda one: (
                one.state in ("in_process", "paid")
                and not one.move_id
                and self._is_of_amount(one.amount)
            )
        )
        payments |= entries.origin_payment_id
        payments -= self._claimed(payments)
        entries = entries.filtered(lambda one: not one.origin_payment_id)
        return payments[:1] or entries[:1]

    def _create_payment(self, due):
        """Create the customer's payment, as `account_payment` creates its own."""
        values = {
            **self._payplug_payment_vals(),
            # A branch's, too: by itself it would follow its root's journal.
            "company_id": self.company_id.id,
            "date": self._booking_date(),
            "memo": self._booking_memo(),
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id": self._payer().id,
        }
        if due:  # the invoice may have another account than its customer
            account = self._open_lines(self.move_id).account_id[:1]
            values["destination_account_id"] = account.id
        payments = self.env["account.payment"].with_context(skip_invoice_sync=True)
        return payments.create(values)

    def _settle(self, payment, due):
        """Post the payment and reconcile it with the invoice, if that asks anything.

        A surplus stays the customer's credit, whatever discount the terms offer.
        """
        if payment.state == "draft":
            payment.action_post()
        if due:  # nobody changes the invoice by hand
            move = self.move_id.with_context(skip_is_manually_modified=True)
            paid = self._open_lines(payment.move_id)
            lines = paid | self._open_lines(move)
            lines.filtered(lambda line: line.account_id == paid.account_id).reconcile()
            # As Odoo's own window does; it changes no line.
            move.with_context(skip_invoice_sync=True).matched_payment_ids |= payment

    def _open_lines(self, moves):
        return self._receivable_lines(moves).filtered(lambda line: not line.reconciled)

    def _payplug_payment_vals(self):
        """Return how much is paid in which journal. Addons may extend it."""
        root_sudo = self.company_id._payplug_root()
        journal_sudo = root_sudo.payplug_journal_id
        root_sudo._payplug_check_can_book()
        return {
            "amount": self.amount,
            "currency_id": self.currency_id.id,
            "journal_id": journal_sudo.id,
            "payment_method_line_id": journal_sudo._payplug_inbound_line().id,
        }

    def _booking_date(self):
        """Return the day of the payment where the company keeps its books."""
        return self._local_date(self.paid_at)

    def _local_date(self, moment):
        zone = timezone(self._booking_zone())
        return utc.localize(moment).astimezone(zone).date()

    def _booking_zone(self):
        """Return the name of the time zone in which the company keeps its books."""
        return self.company_id.partner_id.tz or LEGAL_TIMEZONE

    def _booking_memo(self):
        """Return the invoice's number, Payplug's id, and the day if that is locked."""
        day = self._booking_date()
        journal_sudo = self.company_id._payplug_root().payplug_journal_id
        is_locked = self.company_id._get_violated_lock_dates(day, False, journal_sudo)
        words = (self.move_id.name, is_locked and day.isoformat(), self.payplug_id)
        return " ".join(filter(None, words))

    # === REFUNDS === #

    def _apply_refunds(self, remote, is_first=False):
        """Follow what went back to the customer, from Odoo or from Payplug's portal.

        :param bool is_first: whether the payment is seen just now: then it is stored,
            even if Payplug does not tell of the refunds, which are looked for later
        """
        after, until = remote.refundable_after, remote.refundable_until
        self._write_changes(
            refundable_after=after or False, refundable_until=until or False
        )
        if remote.cents_refunded == to_cents(self.amount_refunded):
            return  # less than is known: a new one may be beside one that was undone
        try:
            self.refund_ids._follow(self)
        except PayplugError as error:
            if not is_first:
                raise
            _logger.info("Refunds of link %s come later: %s", self.id, error.reason)

    def _lock_refunds(self):
        """Make sure that nobody else gives this money back, until the commit.

        :raise ConcurrencyError or psycopg2.OperationalError: if somebody does, or has
            done so since this transaction began; Odoo runs a request again then
        """
        self._lock_invoice(self._claim_key())
        self.flush_recordset()
        query = "SELECT FROM payplug_payment_link WHERE id = %s"
        query += " FOR NO KEY UPDATE NOWAIT"
        self.env.cr.execute(query, [self.id], log_exceptions=False)

    def _refund_facts(self, credit_note, but=None):
        """Return what decides whether money of this link may go back.

        :param credit_note: the `account.move` for which; empty for the surplus
        :param but: a `payplug.refund` that does not count, as it is judged
        """
        pending = self.refund_ids.filtered(lambda one: one.state in NOT_THROUGH)
        pending -= but or pending.browse()
        left = self.amount_net - sum(pending.mapped("amount"))
        return RefundFacts(
            is_paid=self.state == "paid",
            has_key=bool(self.company_id._payplug_key(self.is_live)),
            left_cents=to_cents(left),
            asked_cents=to_cents(self._refund_asked(credit_note, but)),
            after=self.refundable_after or None,
            until=self.refundable_until or None,
        )

    def _refund_asked(self, credit_note, but=None):
        """Return what a credit note, or else the surplus, leaves to give back.

        At most what is left of all of them: what one of its links gave back and no
        credit note has settled yet will settle any of them.
        """
        links, notes = self._of_invoice(), self._credit_notes()
        refunds = credit_note.payplug_refund_ids | links.refund_ids
        refunds -= but or refunds.browse()
        # Trials and real money have nothing to do with each other.
        links = links.filtered(lambda one: one.is_live == self.is_live)
        refunds = refunds.filtered(lambda one: one.link_id.is_live == self.is_live)
        given = self._open_credit()
        if credit_note:
            given = (credit_note & notes)._payplug_credit_left()
        mine = refunds.filtered(lambda one: one._is_for(credit_note))
        given -= sum(refund._unsettled() for refund in mine)
        of_all = notes._payplug_credit_left() + links._open_credit()
        of_all -= sum(refund._unsettled() for refund in refunds) + links._still_owed()
        return min(given, of_all)

    def _still_owed(self):
        """Return what the invoice of these links asks of who paid them, by the books.

        Also while it is on hold, or a draft. Less what it asks because their money is
        not in the books.
        """
        moves = self.move_id.filtered(self[:1]._is_of_payer).filtered(
            lambda move: move.state != "cancel" and move.payment_state != "in_payment"
        )
        paid = self.filtered(
            lambda one: one._counts_for_invoice() and not one._is_in_books()
        )
        owed = sum(moves.mapped("amount_residual")) - sum(paid.mapped("amount"))
        return max(owed, 0)

    def _of_invoice(self):
        """Return the links of this one's invoice, company and customer; it first."""
        return (self | self.move_id.payplug_link_ids).filtered(
            lambda link: (
                link == self
                or (
                    link.company_id == self.company_id and link._payer() & self._payer()
                )
            )
        )

    def _paid_beside(self):
        """Return the other paid links of this one's invoice and mode: the portal may
        have given back their money instead.
        """
        return (self._of_invoice() - self).filtered(
            lambda one: one.state == "paid" and one.is_live == self.is_live
        )

    def _open_credit(self):
        """Return what of these links' payments settles nothing: a customer's credit."""
        lines = self._open_lines(self.account_payment_id.move_id)
        return -sum(lines.mapped("amount_residual_currency"))

    def _credit_notes(self):
        """Return the invoice's credit notes whose money may go back to the card."""
        return self.move_id.reversal_move_ids.filtered(
            lambda note: (
                note.move_type == "out_refund"
                and note.state == "posted"
                and note.currency_id == self.currency_id
                and note.company_id == self.company_id
                and self._is_of_payer(note)
            )
        )

    def _asked_for(self, move):
        """Return the activity by which a user asks for a refund of a document, if any.

        How much, and who asks, is on the link.
        """
        return self.asked_activity_id.filtered("active") & move.activity_ids

    def _asked_text(self, activity):
        """Return what the document of such an activity says first."""
        user = activity.user_id.name
        link = self.filtered(lambda link: link.asked_activity_id == activity)[:1]
        if not link:  # asked by Odoo, say: it was paid twice
            return text(self.env, messages.BANNER_REFUND_ASKED, user=user)
        amount, by = link.currency_id.format(link.asked_amount), link.asked_by_id.name
        values = {"amount": amount, "by": by, "user": user}
        return text(self.env, messages.BANNER_REFUND_ASKED_BY, **values)

    def _close_askings(self, move):
        """Close the activities that ask for refunds of a document: it is confirmed."""
        asked = self.asking_activity_ids.filtered("active") & move.activity_ids
        asked.action_done()

    def _drop_idle_askings(self):
        """Close the activities that ask for a refund of which nothing is left."""
        asking = self.asking_activity_ids.filtered("active")
        # Not by the record that the activity names, which its user may change.
        for move in asking and self.move_id | self.move_id.reversal_move_ids:
            asked = asking & move.activity_ids
            if asked and not move._payplug_refundable_link():
                asked.unlink()

    def _refunder(self):
        """Return whom to ask to confirm a refund: who may, of this company."""
        return self._first_member("payplug_paylink.group_refund") or self._accountant()

    def _can_refund(self, user):
        """Tell whether a user is there, and may confirm refunds of this company."""
        is_member = user.has_group("payplug_paylink.group_refund")
        return is_member and self._can_invoice(user)

    def _local_time(self, moment):
        """Return a moment where the company keeps its books, for people."""
        if not moment:
            return ""
        time = format_time(self.env, moment, self._booking_zone(), "short")
        return f"{format_date(self.env, self._local_date(moment))} {time}"

    # === ACTIVITIES === #

    def _schedule_to_book(self, why):
        """Call the accountant, once: the hourly attempts go on by themselves."""
        if self.to_book_activity_id:
            return
        self._log(messages.LOG_NOT_BOOKED)
        self.to_book_activity_id = self._schedule_activity(
            messages.TO_BOOK_SUMMARY, messages.TO_BOOK, why=why
        )

    def _close_booking_activity(self):
        """Close what `_schedule_to_book` opened: there is nothing to do any more."""
        self._close_activities(self.to_book_activity_id)
        self.to_book_activity_id = False  # the next trouble is another one

    def _close_activities(self, opened):
        """Close what `_schedule_activity` opened for this link, where it did so.

        Not by the record that an activity names, which its user may change.
        """
        opened = opened.filtered("active")
        if opened:
            record = self.move_id or self.account_payment_id
            there = record.activity_ids | self.partner_id.activity_ids
            there |= self.company_id.partner_id.activity_ids
            (opened & there).action_done()

    def _schedule_refund(self, due):
        """Ask what becomes of money of which only `due` was due when it came."""
        if self.move_id and not self._matches_invoice():
            self._schedule_activity(messages.EARLIER_SUMMARY, messages.EARLIER)
            return
        if self.move_id.state == "draft":
            self._schedule_activity(messages.RECONCILE_SUMMARY, messages.RECONCILE)
            return
        asked, other = self.currency_id.format(due), self._find_look_alike()
        if other:
            values = {"due": asked, "other": other.display_name}
            self._schedule_activity(
                messages.BY_HAND_SUMMARY, messages.BY_HAND, **values
            )
        else:
            activity = self._schedule_activity(
                messages.REFUND_SUMMARY, messages.REFUND, due=asked
            )
            if self.move_id:  # there it can be refunded, which answers it
                self.asking_activity_ids |= activity

    def _schedule_activity(self, summary, note, record=None, user=None, **values):
        """Schedule an activity on the invoice, else on its payment or customer.

        For an explicit user: the public user of a notification has no activities.
        """
        record = record or self.move_id or self.account_payment_id or self.partner_id
        record = record or self.company_id.partner_id
        record = record.with_user(SUPERUSER_ID).with_context(**SCHEDULED)
        return record.activity_schedule(
            "mail.mail_activity_data_warning",
            summary=self.env._(summary),
            note=text(self.env, note, **{**self._names(), **values}),
            user_id=(user or self._accountant()).id,
        )

    def _as_accountant(self):
        """Return the link as OdooBot, in its company and the accountant's language.

        Whoever the user is: the public user of a notification is no bookkeeper, and
        the companies that a user has ticked are not where this money belongs.
        """
        link = self.with_user(SUPERUSER_ID).with_context(
            allowed_company_ids=self.company_id.ids
        )
        return link.with_context(lang=link._accountant().lang, tz=self._booking_zone())

    def _accountant(self):
        """Return whom to call: the invoice's salesperson who bills, else a manager."""
        return (
            self.move_id.invoice_user_id.filtered(self._can_invoice)
            or self._first_member("account.group_account_manager")
            or self._first_member("account.group_account_invoice")
            or self.env.ref("base.user_admin")
        )

    def _first_member(self, group):
        """Return the first user of the company who is in a group."""
        return self.env.ref(group).all_user_ids.filtered(self._can_invoice)[:1]

    def _can_invoice(self, user):
        """Tell whether a user is there, and may handle invoices of this company."""
        return (
            user.active
            and self.company_id in user.company_ids
            and user.has_group("account.group_account_invoice")
        )

    # === BANNERS AND CHATTER === #

    def _banners(self):
        """Yield what the invoice's form says of its link: name, level, sentence."""
        if not self:
            return
        if told := self._mode_banner():
            yield "test_mode", "warning", self.env._(told)
        if self._is_stuck():
            yield "problem", "danger", self._problem_text()
        if self.to_cancel and self.state == "pending":
            yield "to_cancel", "warning", self.env._(messages.BANNER_TO_CANCEL)
        if self.refusal and self.state == "pending":
            why = self.refusal_text
            yield "refused", "info", text(self.env, messages.BANNER_REFUSED, why=why)
        if self.move_id.payplug_status in messages.BANNER_ENDED:
            ended = messages.BANNER_ENDED[self.move_id.payplug_status]
            yield "ended", "warning", text(self.env, ended)

    def _mode_banner(self):
        """Return what there is to say of the mode of this link, if anything."""
        if self.state == "paid" and not self.is_live:
            return messages.BANNER_TEST_PAID[self._paid_status()]
        status = self.move_id.payplug_status
        if self.state != "pending" or status == "cancelled":  # or will be at once
            return None
        is_other = status in ("other_mode", "not_sent") and self._is_of_other_mode()
        if is_other and self.move_id._payplug_mails_page():
            return messages.BANNER_OTHER_MODE[self.mode]
        return None if self.is_live else messages.BANNER_TEST_MODE

    def _missing_text(self):
        """Return that this money is no longer in the books, and what to do."""
        return text(self.env, messages.BANNER_MISSING, **self._names())

    def _problem_text(self):
        """Return what keeps this link from being followed, and what to do."""
        words = dict(self._fields["problem"]._description_selection(self.env))
        names = {"payment": self.payplug_id, "why": words[self.problem]}
        return text(self.env, messages.LINK_PROBLEM, **names)

    def _stuck_text(self):
        """Return why nothing can be sent before a person closes this link, or ""."""
        is_open = self.state == "pending" and self._is_stuck()
        return self._problem_text() if is_open else ""

    def _problem_notification(self):
        """Return the action that tells a user that nothing was done, and why."""
        title = self.env._(messages.NOTHING_DONE_TITLE)
        return notification(title, self._problem_text())

    def _log(self, message, **values):
        """Write a sentence, for `_names` and more, into the invoice's chatter."""
        link = self._as_author()
        if link.move_id:
            body = text(link.env, message, **{**link._names(), **values})
            link.move_id._message_log(body=body)

    def _as_author(self):
        """Return the link as who writes its chatter: the user, OdooBot for visitors."""
        user = self.env.user
        is_person = user._is_internal() and user.id != SUPERUSER_ID
        return self if is_person else self._as_accountant()

    def _log_booked(self, payment, is_taken_over):
        paid_on, booked_on = self._booking_date(), payment.move_id.date
        later = (
            messages.LOG_BOOKED_LATER if booked_on > paid_on else messages.LOG_BOOKED
        )
        self._log(
            messages.LOG_TAKEN_OVER if is_taken_over else later,
            payment=payment.display_name,
            journal=payment.journal_id.display_name,
            paid=format_date(self.env, paid_on),
            booked=format_date(self.env, booked_on),
        )

    def _names(self):
        """Return what the sentences about this link name."""
        return {
            "payment": self.payplug_id,
            "amount": self.currency_id.format(self.amount),
            "date": self._local_time(self.paid_at),
            "mode": self.company_id._payplug_mode_word(self.is_live),
        }

    # === PUBLIC ADDRESSES === #

    def _route_url(self, route):
        """Return the absolute address of a route of this link: notify or return."""
        base = self.company_id.get_base_url()
        return f"{base}/payplug/{route}/{self.id}/{self._signature(route, self)}"

    @api.model
    def _signature(self, route, record):
        """Return what proves that an address was made for this very record.

        Ids are given out again, after a restored backup or a new installation: so the
        moment of creation, to the microsecond, is signed, too. The bare HMAC has one
        spelling only; Odoo's signed tokens have several. One scope for each route (pay,
        notify, return): the address of one opens no other.
        """
        signed = f"{record.id} {record.create_date.isoformat()}"
        if route == "pay":  # another customer's invoice is another page
            signed += f" {record.commercial_partner_id.id}"
        return hmac(self.env(su=True), f"payplug_paylink.{route}", signed)[
            :SIGNATURE_SIZE
        ]

    @api.model
    def _find_signed(self, route, records, number, signature):
        """Return the record of a signed address, by one query; empty if it is not ours.

        :param records: an empty recordset, in sudo, of the model of this route
        :param str number: the id, as it was sent
        """
        names = ["create_date", *(["commercial_partner_id"] if route == "pay" else [])]
        found = records
        if RECORD_ID.fullmatch(number):
            found = records.search_fetch([("id", "=", int(number))], names)
        is_ours = found and signature.isascii()
        if is_ours and consteq(self._signature(route, found), signature):
            return found
        return records

    # === CRON === #

    def _claim(self, key):
        # OVERRIDE payplug.process.mixin: the invoice's lock, and not the link's row
        self._lock_invoice(key)
        return bool(self.exists())

    def _process_succeeded(self):
        # OVERRIDE payplug.process.mixin: `_book_again` says when it is tried again
        retry_at = self.to_book and self.retry_at
        now = fields.Datetime.now()
        self._write_changes(checked_at=now, retry_at=retry_at, unanswered_since=False)

    def _process_failed(self, error):
        # EXTEND payplug.process.mixin
        result = super()._process_failed(error)
        # Nobody has looked: the last refunds of a payment may still be unseen.
        unpaid = self.filtered(lambda link: link.state != "paid")
        unpaid.checked_at = fields.Datetime.now()
        if isinstance(error, PayplugError):
            for link in unpaid:
                link._note_unanswered()
        self._log_left_aside(error)
        return result

    def _note_unanswered(self):
        """After a day, call a person: it may have been paid, and nobody would know.

        Once for an account whose key, say, is refused: the list shows the other links.
        """
        now = fields.Datetime.now()
        self._write_changes(unanswered_since=self.unanswered_since or now)
        if self.state != "pending" or self.unanswered_since > now - CHECK_ENDED:
            return
        root = self.company_id._payplug_root()
        # What fails together has failed since about the same time.
        same = [
            ("problem", "=", "unanswered"),
            ("company_id", "child_of", root.id),
            ("is_live", "=", self.is_live),
            ("unanswered_since", ">=", self.unanswered_since - RETRY_REFUSED),
        ]
        is_first = not self.search_count(same, limit=1)
        self._set_problem("unanswered")
        if is_first:
            self.to_book_activity_id = self._as_accountant()._schedule_activity(
                messages.UNANSWERED_SUMMARY, messages.UNANSWERED
            )

    def _log_left_aside(self, error):
        which = ", ".join(map(str, self.ids))
        if isinstance(error, (PayplugError, *SENTENCES)):
            _logger.info("Link %s is tried later: %s", which, type(error).__name__)
        else:
            _logger.error("Link %s was left aside", which, exc_info=error)

    @api.model
    @scheduled
    def _cron_follow(self):
        """Book what is paid, cancel what is outdated, follow the rest.

        The second chance of everything: a notification that never came, a refusal of
        accounting, a link that the user could not cancel because Payplug was silent.
        Odoo gives a job some seconds and calls it again while work remains. So nothing
        is looked at twice in an hour (`checked_at`), what has failed is left alone for
        a while (`retry_at`), and what was never looked at comes first.
        """
        progress = self.env["ir.cron"]._commit_progress
        if not progress(remaining=1):
            return  # so that Odoo begins again, with time
        to_book, outdated, others = self._find_work()
        refundable = self._find_refundable()
        others += (others + refundable)._find_of_idle_accounts()
        progress(remaining=sum(map(len, (to_book, outdated, others, refundable))))
        has_time = (
            to_book._process_each(type(self)._book_again)
            and outdated._process_each(type(self)._cancel_if_outdated)
            and others._follow_accounts()
            and refundable._follow_accounts()
        )
        self._plan_next_run()
        if has_time:
            progress(remaining=0)

    @api.model
    def _find_work(self):
        """Return the links to book, those to cancel, and those to look at.

        Links that ended are looked at once a day until a little after their days: a
        late payment may come without a notification.
        """
        now = fields.Datetime.now()
        may_try = Domain("retry_at", "=", False) | Domain("retry_at", "<=", now)
        never = Domain("checked_at", "=", False)
        unseen = never | Domain("checked_at", "<", now - RETRY_REFUSED)
        unseen_today = never | Domain("checked_at", "<", now - CHECK_ENDED)
        made = may_try & Domain("payplug_id", "!=", False)
        ended = Domain("state", "in", ("cancelled", "expired"))
        ended &= Domain("expires_at", ">", now - LATE_PAYMENT_DAYS)
        order = LAST_TRIED_LAST  # so that bad answers stand in the way of nobody
        to_book = self.search(may_try & Domain("to_book", "=", True), order=order)
        pending = self.search(made & Domain("state", "=", "pending"), order=order)
        outdated = pending.filtered(lambda link: link._seems_outdated())
        waiting = (pending - outdated).filtered_domain(unseen)
        waiting += self.search(made & ended & unseen_today)
        return to_book, outdated, waiting

    def _find_of_idle_accounts(self):
        """Return the last link of each account with no pending one, nor one of these.

        So that a payment without a link is found there, too, for some days.
        """
        now, by = fields.Datetime.now(), ["company_id", "is_live"]
        domain = Domain("create_date", ">", now - KEEP_LOOKING)
        domain &= Domain("payplug_id", "!=", False)
        domain &= Domain("checked_at", "<", now - RETRY_REFUSED)
        domain &= Domain("retry_at", "=", False) | Domain("retry_at", "<=", now)
        pending = self._read_group([("state", "=", "pending")], by)
        busy = {(company._payplug_root(), is_live) for company, is_live in pending}
        busy |= {(link.company_id._payplug_root(), link.is_live) for link in self}
        return self.browse(
            number
            for company, is_live, number in self._read_group(domain, by, ["id:max"])
            if (company._payplug_root(), is_live) not in busy
        )

    @api.model
    def _find_refundable(self):
        """Return the paid links of which a refund in Payplug's portal is looked for.

        Ever more seldom: daily for a month, then weekly, as long as Payplug refunds.
        """
        now = fields.Datetime.now()
        may_try = Domain("retry_at", "=", False) | Domain("retry_at", "<=", now)
        never = Domain("checked_at", "=", False)
        unseen = never | Domain("checked_at", "<", now - CHECK_OLD)
        is_young = Domain("paid_at", ">", now - timedelta(days=30))
        unseen |= is_young & Domain("checked_at", "<", now - CHECK_ENDED)
        # Once more after the last day, or what went back in its last week is lost.
        ends = Domain("refundable_until", ">", now - 4 * CHECK_OLD)
        # What was confirmed in time, and Payplug carries out later.
        ends |= Domain("refund_ids.state", "=", "recorded")
        # Of those that were paid before this was stored.
        ends |= Domain("refundable_until", "=", False) & Domain(
            "paid_at", ">", now - REFUND_DAYS
        )
        paid = Domain("state", "=", "paid") & Domain("payplug_id", "!=", False)
        found = self.search(may_try & paid & unseen & ends, order=LAST_TRIED_LAST)
        return found.filtered(lambda link: link._may_be_refunded_since())

    def _may_be_refunded_since(self):
        """Tell whether money may have gone back since Payplug was asked last."""
        until, checked = self.refundable_until, self.checked_at
        is_over = until and checked and checked > until
        is_awaited = "recorded" in self.refund_ids.mapped("state")
        return self.amount_refunded < self.amount and (is_awaited or not is_over)

    def _book_again(self):
        """Book what accounting refused before; if it does so again, wait an hour."""
        self._register_payment()
        if self.to_book:
            self.retry_at = fields.Datetime.now() + RETRY_REFUSED

    def _is_outdated(self):
        """Tell whether a link must no longer be paid: cancelled, or another amount."""
        is_over = self.to_cancel or not self._has_amount_due()
        return self.state == "pending" and is_over

    def _seems_outdated(self):
        """Tell the same; if that fails it is tried again, and told, as a failure."""
        try:
            with isolated():
                return self._is_outdated()
        except ProcessFailed:
            return True

    def _cancel_if_outdated(self):
        """Cancel, unless somebody made the link right before it was processed."""
        if self._is_outdated():
            self._cancel()

    def _follow_accounts(self):
        """Follow links, account by account; return whether there is time for more."""
        groups = self.grouped(lambda one: (one.company_id._payplug_root(), one.is_live))
        return all(links._follow_account() for links in groups.values())

    def _follow_account(self):
        """Follow links of one account and mode; return whether time is left."""
        try:
            with isolated():
                polling = AccountPolling(self)
                has_time = polling.follow()
        except CONFLICTS as conflict:
            self.env.cr.rollback()
            self._put_off(conflict)
            return True
        except ProcessFailed as failure:
            self.env.cr.rollback()
            return self._postpone(failure.cause)
        has_time = has_time and polling.unseen._process_each(type(self)._sync)
        polling.remember(is_through=has_time)
        return has_time

    # === PAYMENTS THAT NO LINK KNOWS === #

    # The answer to their creation was lost, or Odoo was restored from a backup.

    @api.model
    def _unknown_of(self, remotes):
        """Return those of Payplug's payments that bear our mark and have no link."""
        ours = self._database_uuid()
        marked = [one for one in remotes if one.metadata.get("database") == ours]
        known = self.search([("payplug_id", "in", [one.id for one in marked])])
        return [one for one in marked if one.id not in known.mapped("payplug_id")]

    @api.model
    def _settle_unknown(self, remote, company, client):
        """Abort such a payment, or tell a person, once, that it was paid.

        Its link may be about to be stored: nothing is done in its first hour.
        """
        if remote.created_at > fields.Datetime.now() - UNKNOWN_AFTER:
            return
        if remote.state == "pending" and not remote.is_being_checked:
            remote = client.abort_payment(remote.id)
        if remote.state == "paid":
            self._report_unknown(remote, company)

    @api.model
    def _report_unknown(self, remote, company):
        """Keep such a payment, so that it is told once; nobody books it blindly."""
        currency = self.env["res.currency"].search([("name", "=", remote.currency)])
        link = self.create(
            {
                "company_id": company.id,
                "currency_id": (currency or company.currency_id).id,
                "amount": from_cents(remote.cents),
                "is_live": remote.is_live,
                "payplug_id": remote.id,
                "paid_at": remote.paid_at or remote.created_at,
                "checked_at": fields.Datetime.now(),
            }
        )
        link._move_to("paid")
        number = remote.metadata.get("invoice")
        if link._must_be_booked() and not link._is_known_to_books(number):
            link._as_accountant()._schedule_unknown(number)

    def _is_known_to_books(self, number):
        """Tell whether the payment of this very money is there, which no link claims.

        A memo alone is no proof. It has settled nothing else than the invoice of this
        number, and is of its customer, if that is there.
        """
        invoice = self._find_invoice(number)
        payments = self._find_payments_alike(
            ("company_id", "=", (invoice or self).company_id.id),
            ("memo", "like", self.payplug_id),
            ("state", "in", ("in_process", "paid")),
        ).filtered(
            lambda one: (
                self._is_named_by(one)
                and self._is_whole(one)
                and self._settled_entries(one.move_id) <= invoice
            )
        )
        customer = invoice.commercial_partner_id
        customers = payments.partner_id.commercial_partner_id
        return bool(payments if not invoice else customer & customers)

    def _find_invoice(self, number):
        """Return the invoice that Payplug's metadata name, if it is there."""
        company = ("company_id", "child_of", self.company_id.id)
        named = [company, ("move_type", "=", "out_invoice"), ("name", "=", str(number))]
        return self.env["account.move"].search(named, limit=1)

    def _schedule_unknown(self, number):
        """Ask what becomes of money for an invoice of this number, if it is there."""
        self._schedule_activity(
            messages.UNKNOWN_SUMMARY,
            messages.UNKNOWN,
            record=self._find_invoice(number),
            invoice=number or "",
        )
