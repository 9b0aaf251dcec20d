"""One invoice in its turn: claimed, judged again, sent, or told why not."""

import logging
from datetime import timedelta
from smtplib import SMTPServerDisconnected

import psycopg2

from odoo import fields, models

from ..payplug_remote import PayplugError
from ..transactions import CONFLICTS, attempt
from .payplug_sending_cron import ASK_AGAIN

_logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)  # for which an invoice is a worker's, come what may
TRIES = 2  # at one invoice, when other transactions get in the way


class PayplugSending(models.Model):
    _inherit = "payplug.sending"

    def _handle(self, link):
        """Send one invoice of the batch, and see what the mail server said.

        :param link: as for `_send_alone`
        :return: whether it was this worker's, and what kept it from being sent
        :rtype: tuple
        """
        result = self._try_to_send(link)
        try:
            self.exists()._check_delivery()
            self.env["ir.cron"]._commit_progress()
        except CONFLICTS:
            self.env.cr.rollback()  # somebody has just put it into the queue again
        return result

    def _try_to_send(self, link):
        """Send and commit, once more after a conflict; then later.

        Not again and again: a person's request may hold the invoice for seconds.

        :return: as `_handle`
        :rtype: tuple
        """
        for _try in range(TRIES):
            try:
                result = self._send_alone(link)
                self.env["ir.cron"]._commit_progress()
                return result
            except CONFLICTS as conflict:
                self.env.cr.rollback()
                _logger.info("Row %s is handled elsewhere: %s", self.id, conflict)
                self._give_back()
            except (SMTPServerDisconnected, psycopg2.Error) as error:
                # After the commit: the mail waits in Odoo's own queue.
                self.env.cr.rollback()
                _logger.warning(
                    "The mail of row %s leaves later: %s", self.id, type(error).__name__
                )
                return True, None
        self._give_back(fields.Datetime.now() + ASK_AGAIN)
        return False, None

    def _give_back(self, until=False):
        """End a lease that was committed.

        :param datetime until: when the row's turn comes again; False for at once
        """
        try:
            self._take_turn().retry_at = until
            self.env.flush_all()
        except CONFLICTS:
            self.env.cr.rollback()

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
        self._check_template_and_report(template.sudo(), self.pdf_report_id)
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
