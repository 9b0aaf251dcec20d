"""The workers of the queue: one invoice in a transaction, and nothing is ever lost.

Several crons, on several hosts, share the queue by ``SKIP LOCKED``: identical rows of
`ir.cron` are as many workers. A worker that is killed leaves its invoice waiting; only
what was being handed to the mail server at that moment may be mailed twice.
"""

import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..payplug_remote import PayplugError, PayplugUnavailable
from ..transactions import CONFLICTS, attempt

_logger = logging.getLogger(__name__)

BATCH = 20  # invoices whose links are made at the same time
LEASE = timedelta(minutes=10)  # for which an invoice is a worker's, come what may
ASK_AGAIN = timedelta(minutes=5)  # after Payplug was silent
MOST_ATTEMPTS = 12  # so for an hour


class PayplugSending(models.Model):
    _inherit = "payplug.sending"

    @api.model
    def _cron_send(self):
        """Send what waits, batch by batch, while there is time."""
        progress = self.env["ir.cron"]._commit_progress
        progress(remaining=self.search_count(self._domain_of_work()))
        while batch := self._next_batch():
            if not batch._send_each(batch._prepare_links()):
                break
        self._tell_users()

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
        waiting = self.search(self._domain_of_work(), limit=10 * BATCH)
        share = min(BATCH, (len(waiting) + 1) // 2)
        return waiting.try_lock_for_update(limit=share)

    def _prepare_links(self):
        """Make the links of the batch at the same time, and commit them.

        :return: the new link of each invoice that had none, or a `PayplugError`
        :rtype: dict
        """
        ready = self.filtered(
            lambda sending: (
                not sending._obstacles()
                and sending.move_id._payplug_open_link().state != "pending"
            )
        )
        links = {}
        try:
            for sendings in ready.grouped("user_id").values():
                attempt(self.env, lambda ones=sendings: links.update(ones._request()))
            self.env["ir.cron"]._commit_progress()
        except CONFLICTS as conflict:
            self.env.cr.rollback()
            _logger.info("Links are being made elsewhere: %s", conflict)
            return {}
        return links

    def _request(self):
        """Make the links of one user's invoices, in his name."""
        links = self.env["payplug.payment.link"].with_user(self.user_id)
        return links._request_many(self.move_id)

    def _send_each(self, links):
        """Send each invoice of the batch alone.

        :param dict links: as `_prepare_links` returned it
        :return: whether there is time left, and something was this worker's
        """
        count = 0
        for sending in self:
            done = sending._send_alone(links.get(sending.move_id))
            count += done
            if not self.env["ir.cron"]._commit_progress(done):
                return False
        return bool(count)

    def _send_alone(self, link):
        """Send one invoice in this transaction, if it still waits and nobody is at it.

        :param link: its link that was just made, or what kept it from being made; None
            if it must be asked for
        :return: 1 if it was this worker's, else 0
        :rtype: int
        """
        try:
            mine = self.try_lock_for_update().filtered_domain(self._domain_of_work())
            if not mine:
                return 0
            # Some addons commit while they send: nobody else takes it meanwhile.
            mine.retry_at = fields.Datetime.now() + LEASE
            error = link if isinstance(link, PayplugError) else None
            mine._remember(error or attempt(self.env, lambda: mine._send(link)))
            mine.flush_recordset()
        except CONFLICTS as conflict:
            self.env.cr.rollback()
            _logger.info("Invoice %s is handled elsewhere: %s", self.id, conflict)
            self._trigger_crons(ASK_AGAIN)
            return 0
        return 1

    def _send(self, link_sudo):
        """Judge the invoice again, make or reuse its link, print and mail it.

        :param link_sudo: its link that was just made, None if it must be asked for
        :raise PayplugError: if Payplug is silent or refuses
        :raise UserError: if it cannot be sent, telling why
        """
        move = self._move_of_worker()
        obstacles = self._obstacles()
        if obstacles:
            raise UserError("\n".join(obstacles))
        if not link_sudo:
            link_sudo = move.env["payplug.payment.link"]._request(move)
        if link_sudo.problem:
            raise UserError(link_sudo._problem_sentence())
        if link_sudo.state != "pending":
            return  # paid, as Payplug has just said: nothing to send any more
        move.env["account.move.send"]._generate_and_send_invoices(
            move,
            # In the sender's name as well: templates may speak of "user".
            mail_template=self.template_id.with_env(move.env)
            or move._payplug_template(),
            pdf_report=self.pdf_report_id or None,
            sending_methods=["email"],
            author_user_id=self.user_id.id,
            author_partner_id=self.user_id.partner_id.id,
        )
        self.write({"sent_at": fields.Datetime.now(), "link_id": link_sudo.id})

    def _move_of_worker(self):
        """Return the invoice in its company, in the name and tongue of who sent it."""
        return self.move_id.with_user(self.user_id).with_context(
            allowed_company_ids=self.company_id.ids,
            lang=self.user_id.lang,
            # A cron's mails would wait for the next run of the mail queue.
            mail_notify_force_send=True,
        )

    def _obstacles(self):
        """Return why this invoice cannot be sent today, in the author's language."""
        return self._move_of_worker()._payplug_unmet_conditions()

    def _remember(self, error):
        """Store what became of it; what failed is told on the invoice.

        :param error: what kept it from being sent, None if nothing did
        """
        if error is None:
            self.write({"state": "sent", "reason": False, "retry_at": False})
        elif isinstance(error, PayplugUnavailable) and self.attempts < MOST_ATTEMPTS:
            self.retry_at = fields.Datetime.now() + ASK_AGAIN
            self.attempts += 1
            self._trigger_crons(ASK_AGAIN)
        else:
            self.write(
                {"state": "failed", "reason": self._why(error), "retry_at": False}
            )
            self._tell_failed()

    def _why(self, error):
        """Return for people what an error says."""
        move = self._move_of_worker()
        if isinstance(error, PayplugError):
            return move.company_id._payplug_explain(error)
        if isinstance(error, UserError):
            return str(error)
        _logger.error("Invoice %s was not sent", move.id, exc_info=error)
        return move.env._(
            "An unexpected error, which the server's log tells: call the administrator."
        )
