"""The workers of the queue: one invoice at a time, and nothing is ever lost.

Several crons, on several hosts, share the queue by ``SKIP LOCKED``: identical rows of
`ir.cron` are as many workers. A worker that is killed leaves its invoice waiting; only
what was being handed to the mail server at that moment may be mailed twice.
"""

import logging
from datetime import timedelta
from smtplib import SMTPServerDisconnected

import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL

from ..payplug_remote import PayplugError, PayplugUnavailable
from ..transactions import CONFLICTS, attempt
from .res_company_client import in_a_hurry

_logger = logging.getLogger(__name__)

BATCH = 20  # invoices whose links are made at the same time
LEASE = timedelta(minutes=10)  # for which an invoice is a worker's, come what may
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
            if not handled and batch.exists():
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
        try:
            new_sudo.try_lock_for_update(allow_referencing=True).signup_get_auth_param()
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

    # === ONE BY ONE === #

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

    def _handle(self, link):
        """Send one invoice of the batch.

        :param link: as for `_send_alone`
        :return: whether it was this worker's turn, and what kept it from being sent
        :rtype: tuple
        """
        try:
            result = self._send_alone(link)
            self.env["ir.cron"]._commit_progress()
            self.exists()._check_delivery()
            self.env["ir.cron"]._commit_progress()
        except CONFLICTS as conflict:
            self.env.cr.rollback()
            _logger.info("Row %s is handled elsewhere: %s", self.id, conflict)
            self._give_back()
            return True, None
        except (SMTPServerDisconnected, psycopg2.Error) as error:
            # After the commit: the mail waits in Odoo's own queue.
            self.env.cr.rollback()
            _logger.warning("The mail of row %s will leave later: %s", self.id, error)
            return True, None
        return result

    def _give_back(self):
        """End a lease that was committed: the row's turn comes again at once."""
        try:
            self._take_turn().retry_at = False
            self.env.flush_all()
        except CONFLICTS:
            self.env.cr.rollback()

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

    def _send_alone(self, link):
        """Send one invoice, unless it was taken back or another worker is faster.

        :param link: its link that was just made, or what kept it from being made; None
            if it must be asked for
        :return: whether it was this worker's turn, and what kept it from being sent
        :rtype: tuple
        """
        # Looked at before it is locked: who holds the lease must find it free.
        free = self.exists().filtered_domain(self._domain_of_work())
        mine = free._take_turn().filtered_domain(self._domain_of_work())
        if not mine:
            return False, None
        # In case that this transaction is committed before its end: by asking for the
        # link, or by an addon while it sends.
        mine.retry_at = fields.Datetime.now() + LEASE
        error = link if isinstance(link, PayplugError) else None
        if not error and not (link and link._is_current()):
            link, error = mine._ask_for_link()
            # Kept, whatever becomes of the mail.
            self.env["ir.cron"]._commit_progress()
            mine = self._take_turn()
        if mine and not error:
            error = attempt(self.env, lambda: mine._send(link), alone=True)
            mine = self._take_turn() if error else mine
        if mine and error:
            mine._set_failed(error)
        return True, error

    def _take_turn(self):
        """Lock this row in this transaction; return it, or nothing if it is gone."""
        mine = self.exists().try_lock_for_update()
        return mine.filtered(lambda sending: sending.state == "waiting")

    def _ask_for_link(self):
        """Return the link, made or reused as by the button, or what prevents it.

        :rtype: tuple
        """
        found = []

        def ask():
            move = self._move_of_worker()
            self._check_conditions(move)
            found.append(move.env["payplug.payment.link"]._request(move))

        error = attempt(self.env, ask)
        link_sudo = found[0] if found and not error else None
        return link_sudo, error or self._reason_against(link_sudo)

    def _send(self, link):
        """Judge the invoice again, print and mail it with its link.

        :raise UserError: if it cannot be sent, telling why
        """
        move = self._move_of_worker()
        self._check_conditions(move)
        template = self._check_template(move)
        before = move.message_ids
        move.env["account.move.send"]._generate_and_send_invoices(
            move,
            mail_template=template,
            pdf_report=self.pdf_report_id or None,
            sending_methods=["email"],
            author_user_id=self.user_id.id,
            author_partner_id=self.user_id.partner_id.id,
        )
        mails = (move.message_ids - before).filtered("notified_partner_ids")
        self.write(
            {
                "state": "sent",
                "reason": False,
                "retry_at": False,
                "sent_at": fields.Datetime.now(),
                "link_id": link.id,
                "message_id": mails[:1].id,
            }
        )

    def _move_of_worker(self):
        """Return the invoice in its company, in the name and tongue of who sent it."""
        return self.move_id.with_user(self.user_id).with_context(
            allowed_company_ids=self.company_id.ids,
            lang=self.user_id.lang,
            # A cron's mails would wait for the next run of the mail queue.
            mail_notify_force_send=True,
        )

    def _obstacles(self):
        """Return why this invoice cannot be sent today, in the sender's language."""
        move = self._move_of_worker()
        move.check_access("write")
        return move._payplug_unmet_conditions()
