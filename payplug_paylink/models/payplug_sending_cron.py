"""The workers of the queue, batch by batch: nothing is ever lost.

Several crons, on several hosts, share the queue by ``SKIP LOCKED``: identical rows of
`ir.cron` are as many workers. A worker that is killed leaves its invoice waiting; only
what was being handed to the mail server at that moment may be mailed twice.
"""

import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..payplug_remote import PayplugUnavailable
from ..transactions import CONFLICTS, attempt
from .res_company_client import in_a_hurry

_logger = logging.getLogger(__name__)

BATCH = 20  # invoices whose links are made at the same time
ASK_AGAIN = timedelta(minutes=5)  # when Payplug was silent, or others at work
PATIENCE = 3  # unanswered questions in a row


class PayplugSending(models.Model):
    _inherit = "payplug.sending"

    @api.model
    def _cron_send(self):
        """Send what waits, batch by batch, while there is time."""
        progress = self.env["ir.cron"]._commit_progress
        progress(remaining=self.search_count(self._domain_of_work()))
        has_time = True
        while has_time and (batch := self._next_batch()):
            handled, has_time = batch._handle_all()
            if not handled and batch.exists().filtered_domain(self._domain_of_work()):
                # All in other workers' hands, who go on; but one may be killed.
                self._trigger_crons(fields.Datetime.now() + ASK_AGAIN)
                break
        self._tell_users()
        self._plan_next_run()
        # While something remains Odoo calls again, but not for what others handle.
        progress(remaining=0 if has_time else self.search_count(self._domain_of_work()))

    @api.model
    def _domain_of_work(self):
        return [
            ("state", "=", "waiting"),
            "|",
            ("retry_at", "=", False),
            ("retry_at", "<=", fields.Datetime.now()),
        ]

    @api.model
    def _next_batch(self):
        """Return what no other worker holds at this moment, and leave him half."""
        upcoming = self.search(self._domain_of_work(), order="id", limit=2 * BATCH)
        if not upcoming:
            return upcoming  # and not without limit, as 0 would be
        upcoming._prepare_customers()
        share = min(BATCH, (len(upcoming) + 1) // 2)
        query = self._search(self._domain_of_work(), order="id", limit=share)
        claim = SQL("%s FOR UPDATE SKIP LOCKED", query.select())
        while True:
            try:
                self.env.cr.execute(claim, log_exceptions=False)
                return self.browse(row_id for [row_id] in self.env.cr.fetchall())
            except CONFLICTS:
                self.env.cr.rollback()  # one of them was sent just now

    def _prepare_customers(self):
        """Let Odoo write on new customers what it writes when it mails them first.

        Here, in a moment: two workers at the same new customer would conflict when both
        have done their work.
        """
        partners_sudo = self.move_id.partner_id.sudo()  # as Odoo, when it mails them
        new_sudo = partners_sudo.filtered(lambda partner: not partner.signup_type)
        self.env["ir.cron"]._commit_progress()
        try:  # the first statement of its transaction: nothing has changed since
            mine_sudo = new_sudo.try_lock_for_update(allow_referencing=True)
            mine_sudo.signup_get_auth_param()
            self.env["ir.cron"]._commit_progress()
        except CONFLICTS:
            self.env.cr.rollback()

    @api.model
    def _plan_next_run(self):
        """Let the workers come back when the first of what waits has its turn."""
        later = [("state", "=", "waiting"), ("retry_at", ">", fields.Datetime.now())]
        first = self.search(later, order="retry_at", limit=1)
        if first:
            self._trigger_crons(first.retry_at)

    # === LINKS === #

    def _prepare_links(self):
        """Make the links of the batch at the same time, and commit them.

        :return: the new link of each invoice that had none, or a `PayplugError`
        :rtype: dict
        """
        links = {}
        try:
            ready = self.filtered(lambda sending: sending._lacks_link())
            for sendings in ready.grouped("user_id").values():
                attempt(self.env, lambda ones=sendings: links.update(ones._request()))
            self.env["ir.cron"]._commit_progress()
        except CONFLICTS as conflict:
            self.env.cr.rollback()
            _logger.info("Links are being made elsewhere: %s", conflict)
            return {}
        return links

    def _lacks_link(self):
        """Tell whether a link can be made for this invoice, which has none to pay."""
        found = []
        attempt(self.env, lambda: found.extend(self._obstacles() or [""]))
        has_none = self.move_id._payplug_open_link().state != "pending"
        return found == [""] and has_none

    def _request(self):
        """Make the links of one user's invoices, in his name; it does not last."""
        links = in_a_hurry(self.env["payplug.payment.link"].with_user(self.user_id))
        return links._request_many(self.move_id)

    # === THE BATCH === #

    def _handle_all(self):
        """Send the invoices of a batch, one after the other.

        When Payplug is silent again and again, all that waits is set aside.

        :return: how many were this worker's, and whether there is time for more
        :rtype: tuple
        """
        moves = {sending: sending.move_id for sending in self}  # a row may vanish
        links = self._prepare_links()
        handled = silent = 0
        left = True
        for sending, move in moves.items():
            is_mine, error = sending._handle(links.get(move))
            left = self.env["ir.cron"]._commit_progress(1 if is_mine else 0)
            handled += is_mine
            if is_mine:
                silent = silent + 1 if isinstance(error, PayplugUnavailable) else 0
            if silent == PATIENCE:
                self._set_aside(error)
                break
            if not left:
                break
        return handled, bool(left)

    @api.model
    def _set_aside(self, error):
        """Let all that waits wait, or give it up: Payplug is silent.

        :param PayplugUnavailable error: its last answer
        """
        waiting = self.search(self._domain_of_work())
        try:
            for sending in waiting.try_lock_for_update():
                sending._set_failed(error)
            self.env["ir.cron"]._commit_progress()
        except CONFLICTS:
            self.env.cr.rollback()  # tried again with the next one
