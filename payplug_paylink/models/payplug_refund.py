"""Money that goes back to the customer's card: one row for each Payplug refund."""

import contextlib
import logging
import re
from datetime import timedelta

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.fields import Domain
from odoo.tools import format_date, mute_logger

from .. import payment_messages as messages
from ..payment_messages import error_reason, text, user_error
from ..payment_rules import may_move_refund, unmet_refund
from ..payplug_remote import (
    UNREADABLE,
    PayplugError,
    PayplugRecorded,
    PayplugRejected,
    PayplugUnavailable,
    from_cents,
    to_cents,
)
from .payplug_payment_link import NOT_THROUGH
from .payplug_process_mixin import (
    CONFLICTS,
    ORDER,
    RETRY_REFUSED,
    RETRY_UNAVAILABLE,
    SENTENCES,
    ProcessFailed,
    isolated,
    log_failure,
    scheduled,
)
from .res_company import with_deadline

_logger = logging.getLogger(__name__)

# How long a process may be at it before another one goes on in its place.
LEASE = timedelta(minutes=1)
# By how much two clocks may differ: Payplug's and ours.
CLOCKS = timedelta(minutes=5)
UNDER_WAY = ("to_send", "unknown")
SENT = ("unknown", "recorded")  # Payplug may have it
CALL_SECONDS = 6  # for the call itself, whatever the looks before it took


class PayplugRefund(models.Model):
    """A refund, made from Odoo or seen in Payplug's portal.

    From Odoo: `_ask` stores what shall go back, and `_send` calls Payplug once that is
    committed: in the same request after its commit, else by `_cron_refund`. Payplug
    knows no key of idempotency. So before the call the row becomes *unknown*, which is
    committed, too; what is unknown is looked for in the payment's list of refunds, by
    the row's id in their metadata. It is never sent again by itself: what Payplug only
    records is in no list. From the portal: `_follow` makes a row for each refund of
    that list that no row has.
    """

    _name = "payplug.refund"
    _inherit = "payplug.process.mixin"
    _description = "Card refund"
    _order = "id desc"
    _rec_name = "payplug_id"

    link_id = fields.Many2one(
        "payplug.payment.link",
        string="Payment link",
        required=True,
        readonly=True,
        ondelete="restrict",  # money that went back is not forgotten
        index=True,
    )
    move_id = fields.Many2one(related="link_id.move_id", string="Invoice")
    credit_note_id = fields.Many2one(
        "account.move",
        string="Credit note",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    mode = fields.Selection(related="link_id.mode")
    # No totals: a refused refund, and the one that came after it, are one amount.
    amount = fields.Monetary(required=True, readonly=True, aggregator=None)
    payplug_id = fields.Char(string="Payplug refund ID", readonly=True)
    origin = fields.Selection(
        selection=[("odoo", "Odoo"), ("portal", "Payplug's portal")],
        required=True,
        readonly=True,
    )
    asked_by_id = fields.Many2one("res.users", string="Asked by", readonly=True)
    user_id = fields.Many2one("res.users", string="Confirmed by", readonly=True)
    database = fields.Char(
        readonly=True, help="In which it was confirmed: no copy of it sends it, too."
    )
    # The moves from state to state: `payment_rules.REFUND_SOURCES`.
    state = fields.Selection(
        selection=[
            ("to_send", "To send"),
            ("unknown", "Answer awaited"),
            ("recorded", "Recorded, processed by hand"),
            ("done", "Refunded"),
            ("refused", "Refused"),
        ],
        required=True,
        readonly=True,
    )
    failure_reason = fields.Text(string="Why not", readonly=True)
    sent_at = fields.Datetime(string="First sent on", readonly=True)
    is_answer_lost = fields.Boolean(
        string="Answer lost",
        readonly=True,
        help="It was sent, and not found at Payplug: somebody was called to decide.",
    )
    refunded_at = fields.Datetime(string="Refunded on", readonly=True)
    # As on the link: the money went, and the books are written, are two facts.
    to_book = fields.Boolean(readonly=True)
    account_payment_id = fields.Many2one(
        "account.payment", "Booked as", index="btree_not_null", readonly=True
    )
    # It stays when the payment is deleted.
    is_booked = fields.Boolean(string="Was booked", readonly=True)
    is_settled_otherwise = fields.Boolean(
        string="Booked otherwise",
        readonly=True,
        help="A person has booked in another way what the books had lost, or not had.",
    )
    is_missing = fields.Boolean(
        string="Not in the books", compute="_compute_is_missing", compute_sudo=True
    )
    is_superseded = fields.Boolean(
        string="Followed by another one",
        compute="_compute_is_superseded",
        compute_sudo=True,
        help="What it was for was refunded or settled after it.",
    )
    activity_id = fields.Many2one("mail.activity", readonly=True)

    _payplug_id_unique = models.UniqueIndex(
        "(payplug_id) WHERE payplug_id IS NOT NULL",
        "This Payplug refund has a row already.",
    )
    _one_under_way = models.UniqueIndex(
        "(link_id) WHERE state IN ('to_send', 'unknown')",
        "A refund of this payment is under way already.",
    )
    # What the cron looks for, and hardly any refund is.
    _to_book_index = models.Index("(id) WHERE to_book")

    # === COMPUTE === #

    @api.depends("payplug_id", "amount")
    def _compute_display_name(self):
        for refund in self:
            amount = refund.currency_id and refund.currency_id.format(refund.amount)
            refund.display_name = refund.payplug_id or amount

    @api.depends("state", "account_payment_id.move_id.state", "is_settled_otherwise")
    def _compute_is_missing(self):
        for refund in self:
            refund.is_missing = refund._is_outside_books()

    @api.depends("state", "link_id.refund_ids.state", "credit_note_id.amount_residual")
    def _compute_is_superseded(self):
        for refund in self:
            is_refused = refund.state == "refused"
            refund.is_superseded = is_refused and refund._is_superseded()

    # === CRUD === #

    @api.model
    def _add_missing_default_values(self, values):
        # EXTEND base: a user's own default values, which Odoo fills in in sudo, too
        rows = self.with_user(SUPERUSER_ID)
        return super(PayplugRefund, rows)._add_missing_default_values(values)

    # === ACTIONS === #

    def action_retry(self):
        """Try again what was refused, as far as it is still allowed."""
        self.ensure_one()
        self._check_may_confirm()
        self.sudo()._retry()  # only code writes refunds

    def action_close(self):
        """Give up a refund that is not through, if Payplug does not have it."""
        self.ensure_one()
        self._check_may_confirm()
        refund_sudo = with_deadline(self.sudo(), wait_for_lock=True)
        try:
            refund_sudo._close()
        except PayplugError as error:
            raise self.company_id._payplug_user_error(error) from error

    def action_settled_otherwise(self):
        """Leave a refund that is not in the books to who has booked it otherwise."""
        self.ensure_one()
        self._check_may_confirm()
        self.sudo()._settle_otherwise()  # only code writes refunds

    def _check_may_confirm(self):
        """Check the user's right to give money back, on this very record."""
        (self.credit_note_id | self.move_id).check_access("write")
        self.check_access("read")
        self._check_group()

    @api.model
    def _may_confirm(self):
        return self.env.user.has_group("payplug_paylink.group_refund")

    @api.model
    def _check_group(self):
        if not self._may_confirm():
            raise user_error(self.env, messages.REFUND_NOT_ALLOWED)

    # === FACTS === #

    def _move_to(self, state, **vals):
        """Move this refund, if it may get this state; return whether it did."""
        if not may_move_refund(self.state, state):
            told = (self.id, self.state, state)
            _logger.warning("Refund %s stays %s, %s was asked", *told)
            return False
        self.write({"state": state, **vals})
        self.flush_recordset(["state"])  # the next one must not meet it under way
        return True

    def _is_in_books(self):
        return self.link_id._holds(self.account_payment_id.move_id)

    def _is_outside_books(self):
        """Tell whether this went back, and the books know nothing of it."""
        is_gone = self.state == "done" and not self.is_settled_otherwise
        return is_gone and not self._is_in_books()

    def _is_missing_in_books(self):
        """Tell whether this was booked, and its payment is no longer there."""
        return self.is_booked and not self.to_book and self._is_outside_books()

    def _booked_amount(self):
        """Return how much of this the books say that the customer got."""
        lines = self.link_id._receivable_lines(self.account_payment_id.move_id)
        return self.currency_id.round(sum(lines.mapped("amount_currency")))

    def _unsettled(self):
        """Return how much of this, on its way or gone, settles nothing in the books.

        What the books have lost, or never had (trials that are not booked), was given
        back all the same. Not so what was seen before there were rows, and what a
        person has booked otherwise.
        """
        if self._is_in_books():
            unbooked = self.amount - self._booked_amount()  # an accountant changed it
            return self.currency_id.round(self._open_debit() + max(unbooked, 0))
        is_known = self.to_book or self.is_booked or self.origin == "odoo"
        is_gone = self._is_outside_books() and (is_known or not self.link_id.is_live)
        return self.amount if is_gone or self.state in NOT_THROUGH else 0.0

    def _is_for(self, credit_note):
        """Tell whether what this leaves unsettled is, or may be, of a credit note.

        :param credit_note: a posted one; empty for the surplus
        """
        if not credit_note:
            return not self.credit_note_id
        is_surplus = self.origin == "odoo" and not self.credit_note_id
        return not is_surplus and self._posted_note() <= credit_note

    def _unmet(self):
        """Return why this may not go back now, as an `Unmet`, or None."""
        facts = self.link_id._refund_facts(self.credit_note_id, but=self)
        return unmet_refund(facts, to_cents(self.amount), fields.Datetime.now())

    @api.model
    def _unmet_text(self, unmet, facts, link, document):
        """Return the sentence for an `Unmet` of `payment_rules.unmet_refund`.

        :param document: the `account.move` for which the link's money goes back
        """
        form = link.currency_id.format
        return text(
            self.env,
            messages.UNMET_REFUND[unmet.code],
            payment=link.payplug_id,
            account=link.company_id._payplug_root().display_name,
            mode=link.company_id._payplug_mode_word(link.is_live),
            left=form(from_cents(facts.left_cents)),
            asked=form(from_cents(max(facts.asked_cents, 0))),
            document=document.name,
            after=link._local_time(facts.after),
            until=link._local_time(facts.until),
        )

    def _documents(self):
        """Return the link and the document of this refund."""
        return self.link_id, self.credit_note_id or self.move_id

    # === ASKED IN ODOO === #

    @api.model
    def _ask(self, link, amount, credit_note):
        """Store that this amount shall go back, and let it go after the commit.

        :param link: the paid `payplug.payment.link`, in sudo
        :param float amount: in the link's currency
        :param credit_note: an `account.move`; empty for a surplus
        :raise UserError: if it may not
        :raise ConcurrencyError: if somebody else is at it
        """
        link._lock_refunds()
        if self.search_count([("link_id", "=", link.id), ("state", "in", UNDER_WAY)]):
            raise user_error(self.env, messages.REFUND_UNDER_WAY)
        self._check_met(link, amount, credit_note)
        document = credit_note or link.move_id
        refund = self._create_row(
            link,
            amount=amount,
            credit_note_id=credit_note.id,
            origin="odoo",
            state="to_send",
            asked_by_id=bool(link._asked_for(document)) and link.asked_by_id.id,
            user_id=self.env.user.id,
            database=link._database_uuid(),
            retry_at=fields.Datetime.now() + LEASE,
        )
        link._close_askings(document)
        refund._log(messages.LOG_REFUND_ASKED)
        refund._send_after_commit()
        return refund

    @api.model
    def _check_met(self, link, amount, credit_note):
        """Check that this amount of a link may go back, as `_ask` takes it.

        :raise UserError: if it may not
        """
        facts = link._refund_facts(credit_note)
        unmet = unmet_refund(facts, to_cents(amount), fields.Datetime.now())
        if unmet:
            document = credit_note or link.move_id
            raise UserError(self._unmet_text(unmet, facts, link, document))

    @api.model
    def _create_row(self, link, **values):
        copied = ("company_id", "partner_id", "currency_id")
        values = {**{name: link[name].id for name in copied}, **values}
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                return self.create({"link_id": link.id, **values})
        except psycopg2.errors.UniqueViolation as error:
            # By somebody whose commit this transaction is too old to see.
            raise ConcurrencyError(f"link {link.id} is being refunded") from error

    def _send_after_commit(self):
        """Send this when it is committed, in this request, as Odoo does with mails.

        The user sees how it ended. If nobody comes so far, the scheduled action does.
        """
        self._trigger_process(self.retry_at)
        self.env.cr.postcommit.add(self._send_now)

    def _send_now(self):
        try:
            with self.pool.cursor() as cr:
                context = {"lang": self.env.lang}
                refund = self.with_env(api.Environment(cr, SUPERUSER_ID, context))
                refund = with_deadline(refund, wait_for_lock=True)
                refund._process_each(type(self)._send)
        except CONFLICTS as conflict:
            _logger.info("Refund %s waits: %s", self.id, type(conflict).__name__)

    def _retry(self):
        """Let a refused refund be sent again, judged as at the first time."""
        self.link_id._lock_refunds()
        if self.state != "refused" or self.payplug_id:
            raise user_error(self.env, messages.REFUND_NOT_REFUSED)
        under_way = [("link_id", "=", self.link_id.id), ("state", "in", UNDER_WAY)]
        if self.search_count(under_way):
            raise user_error(self.env, messages.REFUND_UNDER_WAY)
        if unmet := self._unmet():
            facts = self.link_id._refund_facts(self.credit_note_id, but=self)
            raise UserError(self._unmet_text(unmet, facts, *self._documents()))
        values = {
            "failure_reason": False,
            "is_answer_lost": False,
            "user_id": self.env.user.id,
            "retry_at": fields.Datetime.now() + LEASE,
            "database": self.link_id._database_uuid(),
        }
        self._move_to("to_send", **values)
        self._close_activity()
        self._log(messages.LOG_REFUND_ASKED)
        self._send_after_commit()

    def _close(self):
        """Give up, unless Payplug's list shows that the money went after all.

        :raise UserError: if Payplug may still be at it: its list would not tell yet
        """
        self.link_id._lock_refunds()
        if self.state in SENT:
            # The key is gone, or another account's: the person has looked.
            with contextlib.suppress(PayplugRejected, UserError):
                self._follow(self.link_id)
        if self.state == "unknown" and not (self._is_due() or self.is_answer_lost):
            at = self.link_id._local_time(self.retry_at)
            raise user_error(self.env, messages.REFUND_TOO_EARLY, at=at)
        if self.state in (*UNDER_WAY, "recorded"):
            self._set_refused(text(self.env, messages.REFUND_CLOSED), is_known=True)

    def _settle_otherwise(self):
        """Count this as settled, though it is not in the books."""
        self.link_id._lock_refunds()
        if self._is_outside_books():
            self._close_activity()
            found = self.with_env(self.link_id._as_accountant().env)._find_payment()
            self.to_book = False
            if found:  # by hand: it is of no other refund of this amount
                self.write({"account_payment_id": found.id, "is_booked": True})
            self.is_settled_otherwise = not self._is_in_books()
            self._log(messages.LOG_REFUND_OTHERWISE)

    # === SENT TO PAYPLUG === #

    def _claim_key(self):
        # OVERRIDE payplug.process.mixin: the invoice's lock, as for all calls
        return self.link_id._claim_key()

    def _claim(self, key):
        # OVERRIDE payplug.process.mixin
        self.env["payplug.payment.link"]._lock_invoice(key)
        return bool(self.exists())

    def _is_to_process(self):
        # OVERRIDE payplug.process.mixin: not what ended, or another process began
        if self.state == "unknown":
            return self._is_due()
        return self.state == "to_send" or self.to_book

    def _is_due(self):
        return not self.retry_at or self.retry_at <= fields.Datetime.now()

    def _process_succeeded(self):
        # OVERRIDE payplug.process.mixin: `_send` and `_book_again` store when to retry
        pass

    def _process_failed(self, error):
        # EXTEND payplug.process.mixin: what may have gone stays unknown
        looked = self.filtered(lambda one: one.state == "unknown" and one._is_due())
        result = super()._process_failed(error)
        for refund in self:
            if not isinstance(error, (PayplugError, *SENTENCES)):
                _logger.error("Refund %s was left aside", refund.id, exc_info=error)
            if refund.state in UNDER_WAY:
                refund._store_reason(error, is_look=refund in looked)
        return result

    def _store_reason(self, error, is_look):
        """Tell why it is not through yet; end it if Payplug has never heard of it.

        :param bool is_look: whether it was looked for, some minutes after the call
        """
        reason = self._error_reason(error)
        is_final = isinstance(error, (PayplugRejected, UserError))
        if is_final and self.state == "to_send":
            self._set_refused(reason)
        else:
            self.failure_reason = reason
            since = self.sent_at or self.create_date
            is_late = since < fields.Datetime.now() - RETRY_REFUSED
            if is_look and (is_final or is_late):
                self._call_for_lost()
            elif is_late and self.state == "to_send" and not self.activity_id:
                summary, note = messages.LATE_REFUND_SUMMARY, messages.LATE_REFUND
                self._schedule_refunder(summary, note, why=reason)

    def _error_reason(self, error):
        """Return for people what an error says."""
        link = self.link_id._as_accountant()
        if isinstance(error, SENTENCES):
            return error_reason(error)
        if not isinstance(error, PayplugError):
            return link.env._(messages.UNEXPECTED)
        if error.status in (403, 404):
            return self._refusal(None)
        return link.company_id._payplug_error_message(error)

    def _send(self):
        """Give the money back, once: look first, commit that it begins, then call."""
        link = self.link_id
        if self.database != link._database_uuid():
            raise user_error(link._as_accountant().env, messages.REFUND_OF_COPY)
        remote = self._look(link)
        if self.state == "unknown":
            # Each run of the cron looks for it from now on.
            reason = text(link._as_accountant().env, messages.REFUND_LOST)
            self.write({"failure_reason": reason, "retry_at": False})
            self._call_for_lost()
        if self.state != "to_send":
            return  # it had gone, or may have
        unmet = self._unmet()
        if unmet or not link._matches_remote(remote):
            self._set_refused(self._refusal(unmet))
            return
        if self._begin():
            self._call(link)

    def _look(self, link):
        """Apply what went back of the invoice's payments; return this one's.

        :raise PayplugUnavailable: if its list does not tell all yet
        """
        client = link._client()  # before anything is written: its key may be gone
        remote = client.get_payment(link.payplug_id)
        link._apply_remote(remote)
        for other in link._paid_beside():
            self._check_seen(other, other._sync())
        if self.sent_at:
            self._follow(link)
        self._check_seen(link, remote)
        return remote

    def _check_seen(self, link, remote):
        """Check that all that went back of a payment is known, before more does.

        :param remote: the `RemotePayment`; None if Payplug does not know it
        """
        if self.state not in UNDER_WAY:
            return
        if not remote:
            env, name = link._as_accountant().env, link.payplug_id
            raise user_error(env, messages.REFUND_UNKNOWN_PAYMENT, payment=name)
        if remote.cents_refunded > to_cents(link.amount_refunded):
            raise PayplugUnavailable("refund not listed")

    def _call_for_lost(self):
        """Let a person decide, once, what becomes of a refund whose answer was lost."""
        if not self.is_answer_lost:
            self.is_answer_lost = True
            self._close_activity()
            self._schedule_refunder(messages.LOST_REFUND_SUMMARY, messages.LOST_REFUND)

    def _refusal(self, unmet):
        """Return why Payplug is not asked."""
        link = self.link_id._as_accountant()
        if unmet:
            facts = link._refund_facts(self.credit_note_id, but=self)
            refund = self.with_env(link.env)
            return refund._unmet_text(unmet, facts, *refund._documents())
        return text(link.env, messages.REFUND_UNKNOWN_PAYMENT, payment=link.payplug_id)

    def _begin(self):
        """Commit that the call begins: whoever finds this later looks first.

        A minute must pass for that: Payplug may still be at it when we are killed.

        :return: whether this process is still the one to call
        """
        self._close_activity()  # which told that it was not sent yet
        now, key = fields.Datetime.now(), self._claim_key()
        at = now + RETRY_UNAVAILABLE
        self._move_to(
            "unknown", sent_at=self.sent_at or now, retry_at=at, failure_reason=False
        )
        self._trigger_process(at)
        self.env["ir.cron"]._commit_progress()
        self._claim(key)  # the commit has released it
        self.env.invalidate_all()
        return self.state == "unknown" and self.retry_at == at  # nobody went on

    def _call(self, link):
        """Ask Payplug to give the money back, and store what it says."""
        client = link._client().renewed(CALL_SECONDS)
        cents = to_cents(self.amount)
        try:
            told = client.create_refund(link.payplug_id, cents, self._metadata())
        except PayplugRecorded as answer:
            env = link._as_accountant().env
            why = text(env, messages.PAYPLUG_SAYS, said=answer.details)
            self._move_to("recorded", failure_reason=why, retry_at=False)
            self._tell(messages.LOG_REFUND_RECORDED, why=why)
        except PayplugRejected as error:
            self._set_refused(self._error_reason(error))
        else:
            if not self._is_told(told):
                self._follow(link)  # what it says is not what was asked: look
                return
            refunded = to_cents(link.amount_refunded) + told.cents
            link.amount_refunded = from_cents(refunded)
            self._set_done(told)

    def _metadata(self):
        """Return what tells this refund from others in Payplug's list."""
        return {
            "refund_id": str(self.id),
            "database": self.link_id._database_uuid(),
            "document": (self.credit_note_id or self.move_id).name or "",
        }

    def _is_told(self, told):
        """Tell whether a `RemoteRefund` is of this amount and payment."""
        theirs = (told.payment_id, told.cents, told.currency, told.is_live)
        link = self.link_id
        ours = (link.payplug_id, to_cents(self.amount), self.currency_id.name)
        return theirs == (*ours, link.is_live)

    def _set_refused(self, reason, is_known=False):
        """Store that it does not go back, and call for help.

        :param bool is_known: whether a person has decided so
        """
        if self._move_to("refused", failure_reason=reason, retry_at=False):
            self._close_activity()
            self._tell(messages.LOG_REFUND_REFUSED, why=reason)
            if not is_known:
                summary, note = messages.REFUSED_REFUND_SUMMARY, messages.REFUSED_REFUND
                self._schedule_refunder(summary, note, why=reason)

    def _set_done(self, told, to_book=None):
        """Store that the money went, and write the books.

        :param RemoteRefund told: what Payplug says of it
        """
        must_be_booked = self.link_id._must_be_booked() if to_book is None else to_book
        done = self._move_to(
            "done",
            payplug_id=told.id,
            amount=from_cents(told.cents),
            refunded_at=told.created_at,
            failure_reason=False,
            retry_at=False,
            to_book=must_be_booked,
        )
        if done:
            self._close_activity()
            self._tell(messages.LOG_REFUNDED)
            self._register_payment()

    # === SEEN AT PAYPLUG === #

    @api.model
    def _follow(self, link):
        """Apply the list of a payment's refunds: ours, and those of the portal.

        :raise PayplugError: if Payplug is silent; nothing is stored then
        """
        refunds = link._client().list_refunds(link.payplug_id)
        mine = (link.payplug_id, link.currency_id.name, link.is_live)
        refunds = [
            one
            for one in sorted(refunds, key=lambda one: (one.created_at, one.id))
            if (one.payment_id, one.currency, one.is_live) == mine
        ]
        done = link.refund_ids.filtered(lambda refund: refund.state == "done")
        # What was seen before there were rows: an accountant was asked to book it.
        before = to_cents(link.amount_refunded) - sum(
            to_cents(refund.amount) for refund in done
        )
        total = sum(one.cents for one in refunds)
        if total > to_cents(link.amount):
            raise PayplugUnavailable(UNREADABLE)  # no such money had come
        if total > to_cents(link.amount_refunded):
            link.amount_refunded = from_cents(total)
        for told in refunds:
            is_old = 0 < told.cents <= before
            if self._apply(link, told, is_old) and is_old:
                before -= told.cents

    @api.model
    def _apply(self, link, told, is_old):
        """Store one refund of the list; return whether it was new."""
        refunds = link.refund_ids
        if told.id in refunds.mapped("payplug_id"):
            return False
        refund = self._match(refunds, told)
        is_old = is_old and not refund
        refund = refund or self._create_row(
            link, amount=from_cents(told.cents), origin="portal", state="recorded"
        )
        refund._set_done(told, to_book=False if is_old else None)
        return True

    def _match(self, refunds, told):
        """Return the row that a refund of the list is the outcome of; empty for none.

        By our mark. One without a mark, of the amount of a row whose answer was lost or
        that Payplug carries out by hand, is taken for it: if that is wrong, a person
        can ask again; the other mistake would give the money back twice.
        """
        is_ours = (
            told.metadata.get("database")
            == self.env["payplug.payment.link"]._database_uuid()
        )
        mark = str(told.metadata.get("refund_id") or "") if is_ours else ""
        unseen = refunds.filtered(lambda refund: not refund.payplug_id)
        if mark:  # whatever its amount: it is the one that was sent
            return unseen.filtered(lambda refund: str(refund.id) == mark)
        return unseen.filtered(
            lambda refund: (
                refund._is_told(told)
                and refund.state in SENT
                and told.created_at >= refund.sent_at - CLOCKS
            )
        )[-1:]

    # === BOOKING === #

    def _register_payment(self):
        """Book what went back; if accounting refuses, keep it and call for help."""
        for refund in self.filtered("to_book"):
            if refund.link_id.to_book:
                continue  # what came in first
            refund = refund.with_env(refund.link_id._as_accountant().env)
            if not refund.link_id._must_be_booked():
                refund.to_book = False
                continue
            if not (refund.move_id or refund.link_id.is_booked):  # nor was its money
                refund.to_book = False
                refund._schedule(messages.UNKNOWN_SUMMARY, messages.UNKNOWN_REFUNDED)
                continue
            try:
                with isolated(), self.env.cr.savepoint():
                    refund._book()
            except ProcessFailed as failure:  # the money went all the same
                refund._booking_failed(failure.cause)

    def _booking_failed(self, error):
        is_told = isinstance(error, SENTENCES)
        told = "Refund %s is not booked: %s"
        kind = type(error).__name__
        _logger.warning(told, self.id, kind, exc_info=None if is_told else error)
        self.retry_at = fields.Datetime.now() + RETRY_REFUSED
        if self.activity_id:  # a person's word that it is done is kept
            return
        why = error_reason(error) if is_told else self.env._(messages.TO_BOOK_UNKNOWN)
        try:
            with isolated(), self.env.cr.savepoint():
                self._schedule(
                    messages.BOOK_REFUND_SUMMARY, messages.BOOK_REFUND, why=why
                )
        except ProcessFailed as failure:
            log_failure(_logger, "Nobody was told of it", failure.cause)

    def _book(self):
        """Register the payment to the customer, reconcile it, and tell everyone."""
        lines = self._lines_to_settle()
        payment = self._find_payment() or self._create_payment(lines)
        if payment.state == "draft":
            payment.action_post()
        self._close_activity()
        values = {"to_book": False, "is_booked": True, "retry_at": False}
        self.write({"account_payment_id": payment.id, **values})
        self._settle(lines)
        self._log(
            messages.LOG_REFUND_BOOKED,
            payment=payment.display_name,
            journal=payment.journal_id.display_name,
            booked=format_date(self.env, payment.move_id.date or payment.date),
        )
        if self._open_debit():
            is_here = not self.move_id or self.link_id._matches_invoice()
            note = messages.CREDIT_REFUND if is_here else messages.EARLIER_REFUND
            self._schedule(messages.CREDIT_REFUND_SUMMARY, note)
        for link in self.link_id._of_invoice():
            link._drop_idle_askings()

    def _settle(self, lines):
        """Reconcile the payment with these lines, one after the other."""
        for line in lines:
            debit = self._debit_lines()
            if debit and not line.reconciled and line.account_id == debit.account_id:
                (debit | line).reconcile()
                if line.move_id.is_invoice():
                    # Nobody changes the note by hand, nor a line of it.
                    note = line.move_id.with_context(
                        skip_is_manually_modified=True, skip_invoice_sync=True
                    )
                    note.matched_payment_ids |= self.account_payment_id
        note = self._posted_note() or self._settled_notes()[:1]
        self.credit_note_id = note or self.credit_note_id

    def _settled_notes(self):
        """Return the credit notes that its payment settles: one or more."""
        settled = self.account_payment_id.reconciled_invoice_ids
        return settled & self.link_id._credit_notes()

    def _posted_note(self):
        """Return the credit note of this, as long as it is the customer's."""
        return self.credit_note_id & self.link_id._credit_notes()

    def _debit_lines(self):
        """Return what of the payment to the customer settles nothing yet."""
        entry = self.account_payment_id.move_id
        return self.link_id._open_lines(entry if self._is_in_books() else entry[:0])

    def _open_debit(self):
        """Return the amount for which there is no credit note yet."""
        return sum(self._debit_lines().mapped("amount_residual_currency"))

    def _lines_to_settle(self):
        """Return what this money settles: credit notes, then the payment's surplus.

        The surplus first, if that is what a user has refunded.
        """
        link = self.link_id
        notes = link._credit_notes().sorted(
            lambda note: (not self._is_of_amount(note.amount_residual), note.id)
        )
        notes = self._posted_note() | notes
        payments = link._of_invoice().account_payment_id
        credit = link._open_lines(payments.move_id)
        lines = [line for note in notes for line in link._open_lines(note)]
        is_surplus = self.origin == "odoo" and not self.credit_note_id
        return [*credit, *lines] if is_surplus else [*lines, *credit]

    def _is_of_amount(self, amount):
        return self.currency_id.compare_amounts(self.amount, amount) == 0

    def _find_payment(self):
        """Return the payment of this money that is in the books already, if any.

        What an earlier attempt left; or what an accountant has registered by hand in
        the Payplug journal, on a credit note of this invoice: after it was sent, if it
        was sent from here.
        """
        journal_sudo = self.company_id._payplug_root().payplug_journal_id
        found = self.env["account.payment"].search(
            [
                ("journal_id", "=", journal_sudo.id),
                ("company_id", "=", self.company_id.id),
                ("payment_type", "=", "outbound"),
                ("partner_type", "=", "customer"),
                ("partner_id", "in", (self.link_id._payer() | self.partner_id).ids),
                ("currency_id", "=", self.currency_id.id),
                ("state", "not in", ("canceled", "rejected")),
            ]
        )
        found = found.filtered(
            lambda one: (
                self._is_of_amount(one.amount)
                and not self.link_id._is_reversed(one.move_id)
                and self._settles_this_alone(one)
            )
        )
        found -= self.search([("account_payment_id", "in", found.ids)]).mapped(
            "account_payment_id"
        )
        notes = self._posted_note() or self.link_id._credit_notes()
        named = {one: set(re.findall(r"\bre_\w+", one.memo or "")) for one in found}
        marked = found.filtered(lambda one: self.payplug_id in named[one])
        sent = self.sent_at
        by_hand = found.filtered(
            lambda one: (
                one.reconciled_invoice_ids & notes
                and named[one] <= {self.payplug_id}
                and (not sent or one.create_date >= sent)
            )
        )
        return (marked or by_hand[len(self._settled_alike()) :])[:1]

    def _settled_alike(self):
        """Return the refunds of this amount of which a person said that they are booked
        otherwise: a payment by hand, which may come after that word, is theirs first,
        unless it is for another credit note.
        """
        note = self._posted_note()
        return self.link_id._of_invoice().refund_ids.filtered(
            lambda one: (
                one != self
                and one.is_settled_otherwise
                and not one._is_in_books()
                and self._is_of_amount(one.amount)
                and not (note and one._posted_note() - note)
            )
        )

    def _settles_this_alone(self, payment):
        """Tell whether a payment settles nothing, or what this is for."""
        link = self.link_id
        lines = link._receivable_lines(payment.move_id)
        settled = lines.matched_credit_ids.credit_move_id.move_id
        notes = self._posted_note() or link._credit_notes()
        paid = link._of_invoice().account_payment_id.move_id
        return link._is_whole(payment) and settled <= notes | paid

    def _create_payment(self, lines):
        """Create the payment to the customer."""
        link = self.link_id
        values = {
            **link._payplug_payment_vals(),
            **self._payplug_refund_vals(),
            "company_id": self.company_id.id,
            "date": link._local_date(self.refunded_at),
            "memo": self._booking_memo(),
            "payment_type": "outbound",
            "partner_type": "customer",
            "partner_id": self.link_id._payer().id,
        }
        # The invoice's, of which the credit note will be, too.
        account = link.account_payment_id.destination_account_id
        account = lines[0].account_id if lines else account
        if account:
            values["destination_account_id"] = account.id
        payments = self.env["account.payment"].with_context(skip_invoice_sync=True)
        return payments.create(values)

    def _payplug_refund_vals(self):
        """Return how much goes back by which line of the journal. Addons may extend."""
        root_sudo = self.company_id._payplug_root()
        root_sudo._payplug_check_can_book_refunds()
        line = root_sudo.payplug_journal_id._payplug_outbound_line()
        return {"amount": self.amount, "payment_method_line_id": line.id}

    def _booking_memo(self):
        document = self.credit_note_id or self.link_id._credit_notes()[:1]
        document = document or self.move_id
        return " ".join(filter(None, (document.name, self.payplug_id)))

    def _book_anew(self):
        """Book what was deleted or cancelled in the books, by a person's word."""
        self.link_id._lock_refunds()
        if self._is_missing_in_books():  # nobody else has done it meanwhile
            self._close_activity()  # which asked for a credit note
            self.write({"to_book": True, "account_payment_id": False})
            self._register_payment()

    def _settle_open(self):
        """Reconcile refunds that waited for a credit note with the one there is now."""
        for refund in self.filtered("account_payment_id"):
            refund = refund.with_env(refund.link_id._as_accountant().env)
            if refund._debit_lines():
                refund._settle(refund._lines_to_settle())
                refund._close_idle_activities()

    # === PEOPLE === #

    def _schedule(self, summary, note, **values):
        self.activity_id = self.link_id._schedule_activity(
            summary, note, **{**self._names(), **values}
        )

    def _schedule_refunder(self, summary, note, **values):
        """Call somebody who may try it again, or give it up."""
        user = self.user_id.filtered(self.link_id._can_refund)
        user = user or self.link_id._refunder()
        refund = self.with_env(self.link_id._as_accountant().env)
        refund = refund.with_context(lang=user.lang)
        refund._schedule(summary, note, user=user, **values)

    def _close_activity(self):
        self.link_id._close_activities(self.activity_id)
        self.activity_id = False  # the next trouble is another one

    def _close_idle_activities(self):
        """Close the calls of what people have mended in the books, or tried again."""
        for refund in self:
            is_settled = refund._is_in_books() and not refund._open_debit()
            if is_settled or refund.state == "refused" and refund._is_superseded():
                refund._close_activity()

    def _is_superseded(self):
        """Tell whether what this was refused for came after it in another way."""
        return self.link_id._refund_asked(self.credit_note_id, but=self) <= 0

    def _log(self, message, **values):
        """Write a sentence into the chatter of the invoice and of the credit note."""
        link = self.link_id._as_author()
        refund = self.with_env(link.env)
        body = text(link.env, message, **{**refund._names(), **values})
        for move in refund.move_id | refund.credit_note_id | refund._settled_notes():
            move._message_log(body=body)

    def _tell(self, message, **values):
        """Write how it ended into the chatter, and to who had asked for it."""
        self._log(message, **values)
        user = (self.asked_by_id - self.user_id).filtered(self.link_id._can_invoice)
        refund = self.with_env(self.link_id._as_accountant().env)
        refund = refund.with_context(lang=user.lang)
        values = {**refund._names(), **values}
        _link, document = refund._documents()
        if not (user and document.with_user(user).has_access("read")):
            return  # any more
        try:
            with isolated(), self.env.cr.savepoint():
                document.message_notify(
                    subject=text(refund.env, messages.REFUND_ASKED_ENDED, **values),
                    body=text(refund.env, message, **values),
                    partner_ids=user.partner_id.ids,
                )
        except ProcessFailed as failure:  # the money went, or not, all the same
            log_failure(_logger, "Who asked was not told", failure.cause)

    def _names(self):
        """Return what the sentences about this refund name."""
        link = self.link_id
        date = self.refunded_at and link._local_date(self.refunded_at)
        return {
            "amount": self.currency_id.format(self.amount),
            "payment": link.payplug_id,
            "refund": self.payplug_id or "",
            "date": format_date(self.env, date) if date else "",
            "open": self.currency_id.format(self._open_debit()),
        }

    def _banners(self, refunded):
        """Yield what forms say of these refunds: name, level, sentence.

        :param float refunded: how much of them is of the form's document
        """
        done = self.filtered(lambda refund: refund.state == "done")
        for refund in self - done:
            if refund.state == "refused" and refund._is_superseded():
                continue  # another one came after it
            level = "danger" if refund.state == "refused" else "warning"
            words = {**refund._names(), "why": refund.failure_reason or ""}
            said = text(self.env, messages.BANNER_REFUND[refund.state], **words)
            yield f"refund_{refund.id}", level, said.strip()
        for refund in done.filtered("to_book"):
            said = text(self.env, messages.BANNER_REFUND_TO_BOOK, **refund._names())
            yield f"to_book_{refund.id}", "danger", said
        for refund in done.filtered(lambda one: one._is_in_books()):
            booked = refund._booked_amount()
            if not refund._is_of_amount(booked):
                words = {**refund._names(), "booked": self.currency_id.format(booked)}
                said = text(self.env, messages.BANNER_REFUND_CHANGED, **words)
                yield f"changed_{refund.id}", "danger", said
        if done and refunded:
            real = done.filtered("link_id.is_live")
            last = (real or done).sorted("refunded_at")[-1:]
            amount = self.currency_id.format(refunded)
            words = {**last._names(), "amount": amount}
            message = messages.BANNER_REFUND["done"]
            yield "refunded", "info", text(self.env, message, **words)

    # === CRON === #

    @api.model
    @scheduled
    def _cron_refund(self):
        """Send what waits, look for what is unknown, book what accounting refused."""
        now = fields.Datetime.now()
        is_due = Domain("retry_at", "=", False) | Domain("retry_at", "<=", now)
        under_way = self.search(is_due & Domain("state", "in", UNDER_WAY), order=ORDER)
        to_book = self.search(is_due & Domain("to_book", "=", True), order=ORDER)
        progress = self.env["ir.cron"]._commit_progress
        progress(remaining=len(under_way) + len(to_book))
        has_time = under_way._process_each(type(self)._send) and to_book._process_each(
            type(self)._book_again
        )
        called = self.search([("activity_id.active", "=", True)])
        called._store(called._close_idle_activities)
        self._plan_next_run()
        if has_time:
            progress(remaining=0)

    def _book_again(self):
        """Book what accounting refused before; if it does so again, wait an hour."""
        self._register_payment()
        if self.to_book:
            self.retry_at = fields.Datetime.now() + RETRY_REFUSED
