"""The queue of invoices to send with their payment link, one row for each.

Odoo's own batch sending ignores the template, skips customers who are set to another
channel and lets one failing invoice block the others: hence a queue of ours.
"""

import logging
from datetime import timedelta
from smtplib import SMTPServerDisconnected

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, ConcurrencyError, UserError
from odoo.tools import mute_logger

from .. import payment_messages as messages
from ..payment_messages import text, user_error
from ..payplug_remote import PayplugError, PayplugUnavailable
from .payplug_process_mixin import CONFLICTS, RETRY_UNAVAILABLE
from .res_company import with_deadline

_logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 12  # at a Payplug that is silent: for an hour
KEPT_FOR = timedelta(days=30)  # what was sent or given up


class PayplugSending(models.Model):
    """An invoice that waits to be sent, was sent or could not be sent.

    One row is one transaction of `_cron_send`: claim it, judge the invoice again, get
    or create its link, print, store how it ended; the mail leaves at the commit.
    Several processes share the queue: a row that another one holds is passed over. A
    process that is killed leaves its row waiting; only what was being handed to the
    mail server at that moment may be mailed twice.
    """

    _name = "payplug.sending"
    _inherit = "payplug.process.mixin"
    _description = "Payment link to send"
    _order = "id"
    _rec_name = "move_id"

    move_id = fields.Many2one(
        "account.move", "Invoice", required=True, readonly=True, ondelete="cascade"
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    user_id = fields.Many2one("res.users", "Sent by", required=True, readonly=True)
    template_id = fields.Many2one("mail.template", "E-mail template", readonly=True)
    pdf_report_id = fields.Many2one("ir.actions.report", "Print model", readonly=True)
    # waiting ──▶ sent │ failed     by the cron, each in a transaction of its own
    # sent, failed ──▶ waiting      when somebody asks again
    state = fields.Selection(
        selection=[("waiting", "Being sent"), ("sent", "Sent"), ("failed", "Not sent")],
        default="waiting",
        required=True,
        readonly=True,
    )
    failure_reason = fields.Text(string="Why not", readonly=True)
    sent_at = fields.Datetime(string="Sent on", readonly=True)
    link_id = fields.Many2one("payplug.payment.link", readonly=True)
    message_id = fields.Many2one("mail.message", string="Mail", readonly=True)
    attempts = fields.Integer(string="Failed attempts", readonly=True)
    is_notified = fields.Boolean(
        string="Notice given",
        readonly=True,
        help="The user was told that all invoices sent together are through.",
    )

    _move_unique = models.UniqueIndex(
        "(move_id)", "This invoice is in the queue of payment links already."
    )
    _waiting_index = models.Index("(id) WHERE state = 'waiting'")
    _not_notified_index = models.Index("(user_id) WHERE NOT is_notified")

    # === ACTIONS === #

    def action_cancel(self):
        """Take these out of the queue, as a button."""
        moves = self.move_id
        moves.check_access("write")
        return moves.action_payplug_cancel_sending()

    def action_retry(self):
        """Put what could not be sent into the queue again, to be judged anew."""
        failed = self.filtered(lambda sending: sending.state == "failed")
        failed.move_id.check_access("write")
        if not failed:
            raise user_error(self.env, messages.NONE_FAILED)
        groups = failed.sudo().grouped(lambda one: (one.template_id, one.pdf_report_id))
        for (template, report), sendings_sudo in groups.items():
            sendings_sudo._enqueue(sendings_sudo.move_id, template, report)

    # === IN AND OUT === #

    @api.model
    def _enqueue(self, moves, template, report):
        """Let the invoices be sent in the background, those that wait already as well.

        Without a template, ours; without a report, the usual one.
        """
        user = self.env.user
        mine = template.with_user(user), report.with_user(user)
        self._check_template_and_report(*mine)
        values = {
            "state": "waiting",
            "user_id": user.id,
            "template_id": template.id,
            "pdf_report_id": report.id,
            "failure_reason": False,
            "retry_at": False,
            "attempts": 0,
            "is_notified": False,
        }
        known = self.search([("move_id", "in", moves.ids)])
        known.filtered(lambda sending: sending.state != "waiting").write(values)
        self._create_rows(moves - known.move_id, values)
        self._trigger_process()

    @api.model
    def _check_template_and_report(self, template, report):
        """Check, in the user's name, that these write and print invoices.

        A template or report of another model would show another model's record.
        """
        for record in (template, report):
            record.check_access("read")
            if record and record.model != "account.move":
                name = record.display_name
                raise user_error(self.env, messages.NOT_FOR_INVOICES, name=name)

    @api.model
    def _create_rows(self, moves, values):
        """Create a row for each invoice; Odoo tries again if somebody else just did."""
        rows = [
            {**values, "move_id": move.id, "company_id": move.company_id.id}
            for move in moves
        ]
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                self.create(rows)
        except psycopg2.errors.UniqueViolation as error:
            raise ConcurrencyError("invoices have just been queued") from error

    @api.model
    def _set_sent_by_hand(self, moves):
        """Remember that these invoices were mailed their link by hand just now."""
        for move in moves:
            values = {
                "state": "sent",
                "sent_at": fields.Datetime.now(),
                "link_id": move.sudo()._payplug_open_link().id,
                "user_id": self.env.user.id,
                "failure_reason": False,
                "is_notified": True,
            }
            known = self.search([("move_id", "=", move.id)])
            known.write(values)
            self._create_rows(move - known.move_id, values)

    def _cancel_sending(self):
        """Take out of the queue what nobody has begun to send; return the invoices."""
        waiting = self.filtered(lambda sending: sending.state == "waiting")
        mine = waiting.try_lock_for_update()
        moves = mine.move_id
        mine.unlink()
        return moves

    # === SENDING ONE INVOICE === #

    def _move_as_sender(self):
        """Return the invoice in its company, in the name and language of its sender."""
        return self.move_id.with_user(self.user_id).with_context(
            allowed_company_ids=self.company_id.ids,
            lang=self.user_id.lang,
            # A cron's mails would wait for the next run of the mail queue.
            mail_notify_force_send=True,
        )

    def _send(self):
        """Judge the invoice again, get or create its link, and mail it."""
        # In case that an addon commits while it sends: nobody else begins meanwhile.
        self.retry_at = fields.Datetime.now() + RETRY_UNAVAILABLE
        move = self._move_as_sender()
        move.check_access("write")
        if unmet := move._payplug_unmet():
            # Told on the invoice: its readers may not read the contact.
            told = [move._payplug_unmet_text(one, for_everyone=True) for one in unmet]
            raise UserError("\n".join(told))
        links = with_deadline(move.env["payplug.payment.link"])
        link_sudo = links._get_or_create(move).with_env(move.env).sudo()
        # What was learned of the link is kept.
        if link_sudo.problem:
            self._set_failed(link_sudo._problem_text())
        elif link_sudo.state == "paid":
            self._set_failed(move.env._(messages.CUSTOMER_HAS_PAID))
        else:
            self._mail(move, link_sudo)

    def _mail(self, move, link_sudo):
        """Print and mail the invoice; the mail leaves at the commit."""
        template = self._template(move)
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
                "failure_reason": False,
                "retry_at": False,
                "sent_at": fields.Datetime.now(),
                "link_id": link_sudo.id,
                "message_id": mails[:1].id,
            }
        )

    def _template(self, move):
        """Return the template, in the sender's name: it may name "user"."""
        template = (self.template_id or move._payplug_template()).with_env(move.env)
        if not template:
            raise user_error(move.env, messages.TEMPLATE_DELETED)
        self._check_template_and_report(template.sudo(), self.pdf_report_id)
        if not move.payment_link:
            raise user_error(move.env, messages.NOTHING_PAYABLE)
        return template

    def _set_failed(self, reason):
        """Store, and tell on the invoice, that it was not sent and why."""
        self.write({"state": "failed", "failure_reason": reason, "retry_at": False})
        move = self._move_as_sender().with_user(SUPERUSER_ID)  # whatever their rights
        move._message_log(body=text(move.env, messages.NOT_SENT, why=reason))

    def _failure_message(self, error):
        """Return for people, in the sender's language, what an error says."""
        move = self._move_as_sender().with_user(SUPERUSER_ID)  # whatever their rights
        if isinstance(error, PayplugError):
            return move.company_id._payplug_error_message(error)
        if isinstance(error, AccessError) or not self.user_id.active:
            names = {"user": self.user_id.name, "company": self.company_id.name}
            return text(move.env, messages.MAY_NOT_SEND, **names)
        if isinstance(error, UserError):
            return error.args[0]
        _logger.error("Invoice %s was not sent", move.id, exc_info=error)
        return move.env._(messages.UNEXPECTED)

    def _check_delivery(self):
        """Tell what the mail server, which comes after the commit, did not take."""
        notices = self.message_id.notification_ids.filtered(
            lambda notice: notice.notification_status in ("exception", "bounce")
        )
        if self.state != "sent" or not notices:
            return
        why = notices[:1].failure_reason or notices[:1].failure_type or ""
        env = self._move_as_sender().env
        self._set_failed(text(env, messages.MAIL_REFUSED, why=why))

    # === CRON === #

    @api.model
    def _domain_of_work(self):
        is_due = [
            "|",
            ("retry_at", "=", False),
            ("retry_at", "<=", fields.Datetime.now()),
        ]
        return [("state", "=", "waiting"), *is_due]

    def _is_to_process(self):
        # OVERRIDE payplug.process.mixin: not what was sent or put off meanwhile
        return bool(self.filtered_domain(self._domain_of_work()))

    def _process_succeeded(self):
        # OVERRIDE payplug.process.mixin: `_send` has stored how it ended
        pass

    def _process_failed(self, error):
        # EXTEND payplug.process.mixin: final, but for a Payplug that was silent
        is_silent = isinstance(error, PayplugUnavailable)
        waiting = self.filtered(lambda one: one.state == "waiting")
        again = waiting.filtered(lambda one: is_silent and one.attempts < MAX_ATTEMPTS)
        for sending in again:
            sending.attempts += 1
        for sending in waiting - again:
            sending._set_failed(sending._failure_message(error))
        return super(PayplugSending, again)._process_failed(error)

    def _process_one(self, process, key):
        # EXTEND payplug.process.mixin: the mail leaves at the commit; look how it went
        failure = None
        try:
            failure = super()._process_one(process, key)
            self.exists()._check_delivery()
            self.env["ir.cron"]._commit_progress()
        except CONFLICTS:
            self.env.cr.rollback()  # somebody has just put it into the queue again
        except (SMTPServerDisconnected, psycopg2.Error) as error:
            self.env.cr.rollback()
            kind = type(error).__name__
            _logger.warning("The mail of row %s leaves later: %s", self.id, kind)
        return failure

    @api.model
    def _cron_send(self):
        """Send what waits, one invoice after the other, while there is time."""
        waiting = self.search(self._domain_of_work())
        self.env["ir.cron"]._commit_progress(remaining=len(waiting))
        has_time = waiting._process_each(type(self)._send)
        self._notify_users()
        self._plan_next_run()
        if has_time:
            self.env["ir.cron"]._commit_progress(remaining=0)

    @api.autovacuum
    def _gc_done(self):
        """Forget after a month what was sent or given up."""
        before = fields.Datetime.now() - KEPT_FOR
        done = [("state", "!=", "waiting"), ("write_date", "<", before)]
        found = self.search(done, limit=10_000)
        found.unlink()
        return len(found), self.search_count(done, limit=1)

    # === NOTICES === #

    @api.model
    def _notify_users(self):
        """Tell each user whose invoices are all through how many were sent.

        As Odoo tells after its own sending in the background: by a notification.
        """
        waiting = [("state", "=", "waiting")]
        busy = {user for [user] in self._read_group(waiting, ["user_id"])}
        open_rows = [("is_notified", "=", False)]
        for [user] in self._read_group(open_rows, ["user_id"]):
            if user not in busy:
                self.search([*open_rows, ("user_id", "=", user.id)])._notify(user)

    def _notify(self, user):
        """Tell a user, once, how the sending of these rows ended."""
        self.env["ir.cron"]._commit_progress()
        try:  # the first statement of its transaction
            locked = self.try_lock_for_update()
        except CONFLICTS:
            self.env.cr.rollback()
            return  # another process has told it just now
        mine = locked.filtered(lambda sending: not sending.is_notified)
        if mine:
            mine.is_notified = True
            user.partner_id._bus_send("account_notification", mine._notification(user))
            self.env["ir.cron"]._commit_progress()

    def _notification(self, user):
        """Return the notice for a user whose sendings these are."""
        env = self.with_context(lang=user.lang).env
        failed = self.filtered(lambda sending: sending.state == "failed")
        counts = {"sent": len(self - failed), "failed": len(failed)}
        message = messages.SENT_AND_FAILED if failed else messages.SENT
        return {
            "type": "warning" if failed else "success",
            "title": env._(messages.PAYMENT_LINKS),
            "message": text(env, message, **counts),
            "action_button": {
                "name": env._(messages.OPEN),
                "action_name": env._(messages.PAYMENT_LINKS),
                "model": "account.move",
                "res_ids": (failed or self).move_id.ids,
            },
        }
