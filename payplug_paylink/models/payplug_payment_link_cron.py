"""The cron: withdraw what no longer asks for what is due, follow the rest, book.

The second chance of everything: a notification that never came, a refusal of
accounting, a link that the user could not cancel because Payplug was silent. One bad
record never stops the others; what is done is committed at once.

Odoo gives a job some seconds and calls it again while work remains. So nothing is
looked at twice in an hour (`checked_at`), what has failed is left alone for a while
(`retry_at`), and what was never looked at comes first.
"""

import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..payplug_remote import PayplugRejected, PayplugUnavailable
from ..transactions import CONFLICTS, attempt

_logger = logging.getLogger(__name__)

PATIENCE = 3  # unanswered questions in a row
LOOK_AGAIN = timedelta(minutes=50)  # a little less than the hour of the cron
TRY_AGAIN = timedelta(minutes=50)  # what accounting refuses, or people must see to
ASK_AGAIN = timedelta(minutes=5)  # Payplug when it was silent, a row that was busy
LOOK_AT_ENDED = timedelta(hours=23)  # the same for what ended
LATE_TRUTH = timedelta(days=1)  # for which a link is looked at after its days


class PayplugPaymentLink(models.Model):
    _inherit = "payplug.payment.link"

    @api.model
    def _trigger_cron(self, delay=None):
        """Let the cron run as soon as this transaction is committed, or later.

        :param timedelta delay: how much later
        """
        name = "payplug_paylink.ir_cron_follow"
        cron = self.env.ref(name, raise_if_not_found=False)
        if cron:  # accounting goes on where an administrator has deleted it
            at = fields.Datetime.now() + delay if delay else None
            cron.sudo()._trigger(at)  # by anyone

    @api.model
    def _cron_follow(self):
        """Book what is paid, withdraw what is outdated, follow the rest."""
        to_book, outdated, others = self._find_work()
        progress = self.env["ir.cron"]._commit_progress
        progress(remaining=len(to_book) + len(outdated) + len(others))
        has_time = (
            to_book._each(type(self)._register_payment)
            and outdated._each(type(self)._withdraw_if_outdated)
            and others._follow_accounts()
        )
        if has_time:
            progress(remaining=0)

    @api.model
    def _find_work(self):
        """Return the links to book, those to withdraw, and those to look at.

        Links that ended are looked at once a day until a little after their days: the
        late truth of Payplug's may come without a notification.
        """
        now = fields.Datetime.now()
        may_try = Domain("retry_at", "=", False) | Domain("retry_at", "<=", now)
        never = Domain("checked_at", "=", False)
        unseen = never | Domain("checked_at", "<", now - LOOK_AGAIN)
        unseen_today = never | Domain("checked_at", "<", now - LOOK_AT_ENDED)
        made = may_try & Domain("payplug_id", "!=", False)
        ended = Domain("state", "in", ("cancelled", "expired"))
        ended &= Domain("expires_at", ">", now - LATE_TRUTH)
        order = "checked_at NULLS FIRST, id"
        to_book = self.search(may_try & Domain("to_book", "=", True), order=order)
        pending = self.search(made & Domain("state", "=", "pending"), order=order)
        outdated = pending.filtered(lambda link: link._is_outdated())
        waiting = (pending - outdated).filtered_domain(unseen)
        return to_book, outdated, waiting + self.search(made & ended & unseen_today)

    def _is_outdated(self):
        """Tell whether a link must no longer be paid: cancelled, or another amount."""
        return self.state == "pending" and (
            self.to_cancel or not self._asks_what_is_due()
        )

    def _look(self):
        """Ask Payplug about this link alone."""
        self._refresh()

    def _withdraw_if_outdated(self):
        """Withdraw, unless somebody made the link right before its turn came."""
        if self._is_outdated():
            self._withdraw()

    # === ONE BY ONE === #

    def _each(self, act):
        """Do something to each link in a transaction of its own, while there is time.

        A failure is logged and concerns its link alone; when Payplug is silent again
        and again, the others wait for the next time.

        :param act: a function of one link, which may return an error
        :return: whether there is time for more
        """
        silent = 0
        keys = {link: link._lock_key() for link in self}
        rest = self
        self.env["ir.cron"]._commit_progress()
        for link, key in keys.items():
            rest -= link
            silent = 0 if link._do_alone(act, key) else silent + 1
            if not self.env["ir.cron"]._commit_progress(1):
                return False
            if silent == PATIENCE:
                return rest._set_aside(ASK_AGAIN)
        return True

    def _do_alone(self, act, key):
        """Lock the link first of all, then do something to it.

        :param act: a function of one link, which may return an error
        :param int key: what `_lock_key` said before this transaction
        :return: whether Payplug answered
        """

        def do():
            nonlocal refusal
            self._lock_invoice(key)
            refusal = act(self)

        refusal = None
        try:
            error = attempt(self.env, do) or refusal
            self._remember_attempt(error)
        except CONFLICTS as conflict:
            self.env.cr.rollback()
            _logger.info("Link %s is being handled elsewhere: %s", self.id, conflict)
            self._trigger_cron(ASK_AGAIN)
            return True
        return not isinstance(error, PayplugUnavailable)

    def _remember_attempt(self, error):
        """Leave a link alone for a while after a failure, which is logged.

        :param error: what went wrong, None if nothing did
        """
        now = fields.Datetime.now()
        if not error:
            self._update(checked_at=now, retry_at=False)
        elif isinstance(error, PayplugUnavailable):
            _logger.info("Link %s: Payplug is silent: %s", self.id, error)
            self._update(checked_at=now, retry_at=now + ASK_AGAIN)
            self._trigger_cron(ASK_AGAIN)
        else:
            self._update(checked_at=now, retry_at=now + TRY_AGAIN)
            self._log_failure(error)
        self.flush_recordset()

    def _log_failure(self, error):
        if isinstance(error, (PayplugRejected, UserError)):
            _logger.info("Link %s: %s", self.id, type(error).__name__)
        elif not self.to_book:  # booking has told it
            _logger.error("Link %s was left aside", self.id, exc_info=error)

    def _set_aside(self, delay):
        """Leave these links alone for a while; return whether time is left."""
        try:
            self.write({"retry_at": fields.Datetime.now() + delay})
            self._trigger_cron(delay)
            return bool(self.env["ir.cron"]._commit_progress(len(self)))
        except CONFLICTS:  # one of them is being handled: they come again
            self.env.cr.rollback()
            return False
