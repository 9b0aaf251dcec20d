"""The queue of invoices to send with their payment link, one row for each.

Odoo's own batch sending ignores the template, skips customers who are set to another
channel and lets one failing invoice block the others: hence a queue of ours.
"""

import logging
from datetime import timedelta
from functools import partial
from smtplib import SMTPServerDisconnected

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import mute_logger

from .. import payment_messages as messages
from ..payment_messages import REASON_SIZE, error_reason, one_line, text, user_error
from ..payment_rules import is_temporary, server_reply
from ..payplug_remote import PayplugError, PayplugUnavailable
from .payplug_process_mixin import (
    CONFLICTS,
    ORDER,
    RETRY_UNAVAILABLE,
    SENTENCES,
    ProcessFailed,
    isolated,
    log_failure,
    scheduled,
)
from .res_company import with_deadline

_logger = logging.getLogger(__name__)

# At a Payplug that is silent, for an hour; at a mail server that is, for three.
MAX_ATTEMPTS = 12
RETRY_MAIL = timedelta(minutes=15)
LEASE = timedelta(minutes=1)  # for one invoice
UNSENT = ("outgoing", "exception")  # states of a `mail.mail`
UNDELIVERED = [("notification_status", "in", ("exception", "bounce", "canceled"))]
JOB_CHANNEL = ("root", "payplug_paylink")
KEPT_FOR = timedelta(days=30)  # what was sent or given up


FEW = 10  # more rows than processes that may end at the same moment


def _followed(change):
    """Return what people's buttons on jobs call, followed by the rows of the jobs."""

    def change_and_follow(jobs, state, **options):
        result = change(jobs, state, **options)
        rows_sudo = jobs.env["payplug.sending"].sudo()  # only code writes rows
        found_sudo = rows_sudo.search([("job_uuid", "in", jobs.mapped("uuid"))])
        found_sudo._follow_job(state, jobs.env.user)
        return result

    return change_and_follow


class PayplugSending(models.Model):
    """An invoice that waits to be sent, was sent or could not be sent.

    One row is one transaction of `_cron_send`: claim it, judge the invoice again, get
    or create its link, print, store how it ended; the mail leaves at the commit. A
    process that is killed leaves its row waiting; only what was being handed to the
    mail server at that moment may be mailed twice. Where OCA's queue_job is installed,
    each row is a job of it.
    """

    _name = "payplug.sending"
    _inherit = "payplug.process.mixin"
    _description = "Payment link to send"
    _order = "id"
    _rec_name = "move_id"

    move_id = fields.Many2one(
        "account.move", "Invoice", required=True, readonly=True, ondelete="cascade"
    )
    # As the invoice shows it: the contact may be one that the user may not read.
    customer = fields.Char("Customer", related="move_id.invoice_partner_display_name")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, ondelete="cascade"
    )
    # Empty once they are deleted, which a row does not prevent.
    user_id = fields.Many2one("res.users", "Asked by", readonly=True)
    template_id = fields.Many2one("mail.template", "E-mail template", readonly=True)
    pdf_report_id = fields.Many2one("ir.actions.report", "Print model", readonly=True)
    # waiting ──▶ sent │ failed     each in a transaction of its own
    # sent ──▶ failed               when the mail comes back
    # sent, failed ──▶ waiting      when somebody asks again, or a server says: later
    state = fields.Selection(
        selection=[("waiting", "Being sent"), ("sent", "Sent"), ("failed", "Not sent")],
        default="waiting",
        required=True,
        readonly=True,
    )
    failure_reason = fields.Text(string="Why not", readonly=True)
    sent_at = fields.Datetime(string="Sent on", readonly=True)
    link_id = fields.Many2one("payplug.payment.link", readonly=True)
    message_id = fields.Many2one(
        "mail.message", string="Mail", index="btree_not_null", readonly=True
    )
    attempts = fields.Integer(string="Failed attempts", readonly=True)
    job_uuid = fields.Char(
        string="Job", readonly=True, index="btree_not_null", help="Of OCA's queue_job."
    )
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

    # === CRUD === #

    @api.model
    def _add_missing_default_values(self, values):
        # EXTEND base: a user's own default values, which Odoo fills in in sudo, too
        rows = self.with_user(SUPERUSER_ID)
        return super(PayplugSending, rows)._add_missing_default_values(values)

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
        if not all(one.template_id for one in failed.sudo()):
            raise user_error(self.env, messages.TEMPLATE_DELETED)
        groups = failed.sudo().grouped(lambda one: (one.template_id, one.pdf_report_id))
        for (template, report), sendings_sudo in groups.items():
            sendings_sudo._enqueue(sendings_sudo.move_id, template, report)

    def action_open_invoice(self):
        """Open the invoice, as a click on the row does."""
        return self.move_id._get_records_action()

    # === IN AND OUT === #

    @api.model
    def _enqueue(self, moves, template, report):
        """Let the invoices be sent in the background, those that wait already as well.

        Without a template, ours; without a report, the one of each invoice.
        """
        user = self.env.user
        template = template or moves._payplug_template()
        mine = template.with_user(user), report.with_user(user)
        self._check_template_and_report(*mine)
        usual = self.env["account.move.send"]._get_default_pdf_report_id
        values = {
            "state": "waiting",
            "user_id": user.id,
            "template_id": template.id,
            "failure_reason": False,
            "retry_at": False,
            "attempts": 0,
            "message_id": False,
            "is_notified": False,
        }
        known = self.search([("move_id", "in", moves.ids)])
        rows = self._create_rows(moves - known.move_id, values)
        rows += known.filtered(lambda sending: sending.state != "waiting")
        for row in rows:
            row.write({**values, "pdf_report_id": (report or usual(row.move_id)).id})
        rows._dispatch()

    @api.model
    def _check_template_and_report(self, template, report):
        """Check, in the user's name, that these write and print invoices.

        A template or report of another model would show another model's record.
        """
        for record in (template, report, *template.report_template_ids):
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
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                return self.create(rows)
        except psycopg2.errors.UniqueViolation as error:
            raise ConcurrencyError("invoices have just been queued") from error

    def _cancel_sending(self):
        """Take out of the queue what nobody has begun to send; return the invoices."""
        waiting = self.filtered(lambda sending: sending.state == "waiting")
        mine = waiting.try_lock_for_update()
        moves = mine.move_id
        jobs = mine._jobs_sudo()
        for sending in mine:  # what a mail server put off does not leave after all
            mails = sending._mails_of(sending._customer_notices())
            mails.filtered(lambda mail: mail.state in UNSENT).cancel()
        mine.unlink()
        if jobs:
            jobs.button_cancelled()
        return moves

    # === SENDING ONE INVOICE === #

    def _move_as_sender(self):
        """Return the invoice in its company, in the name and language of its sender."""
        return self.move_id.with_user(self.user_id).with_context(
            allowed_company_ids=self.company_id.ids,
            lang=self.user_id.lang,
            # A cron's mails would wait for the next run of the mail queue.
            mail_notify_force_send=True,
            payplug_print_at_once=True,
            payplug_link_required=True,
        )

    def _send(self):
        """Judge the invoice again, get or create its link, and mail it."""
        # In case that an addon commits while it sends: nobody else begins meanwhile.
        self.retry_at = fields.Datetime.now() + LEASE
        move = self._move_as_sender()
        self._check_sender(move)
        if unmet := move._payplug_unmet():
            # Told on the invoice: its readers may not read the contact.
            told = [move._payplug_unmet_text(one, for_everyone=True) for one in unmet]
            raise UserError(" ".join(told))
        if self.message_id and self._mail_again(move):
            return
        self._check_documents(move.env)
        links = with_deadline(move.env["payplug.payment.link"])
        link_sudo = links._get_or_create(move).with_env(move.env).sudo()
        # What was learned of the link is kept.
        if link_sudo.problem:
            self._set_failed(link_sudo._problem_text())
        elif link_sudo.state == "paid":
            self._set_failed(move.env._(messages.CUSTOMER_HAS_PAID))
        else:
            self._mail(move)

    def _check_sender(self, move):
        """Check that the sender is there, and may handle the invoice."""
        user, names = self.user_id, {"user": self.user_id.name or "?"}
        if not (user.active or user.id == SUPERUSER_ID):  # archived, or deleted
            raise user_error(move.env, messages.SENDER_GONE, **names)
        if self.company_id not in user.company_ids or not move.has_access("write"):
            names["company"] = self.company_id.name
            raise user_error(move.env, messages.MAY_NOT_SEND, **names)

    def _check_documents(self, env):
        """Check that the template and the print model are there, and the sender's."""
        documents = (self.template_id, self.pdf_report_id)
        if not all(documents):
            raise user_error(env, messages.TEMPLATE_DELETED)
        for record in documents:
            if not record.with_env(env).has_access("read"):
                names = {"user": self.user_id.name, "name": record.display_name}
                raise user_error(env, messages.MAY_NOT_READ, **names)
        self._check_template_and_report(*documents)

    def _mail(self, move):
        """Print and mail the invoice; the mail leaves at the commit."""
        self.message_id = False
        move.env["account.move.send"]._generate_and_send_invoices(
            move,
            mail_template=self.template_id.with_env(move.env),  # it may name "user"
            pdf_report=self.pdf_report_id.with_env(move.env),
            sending_methods=["email"],
            author_user_id=self.user_id.id,
            author_partner_id=self.user_id.partner_id.id,
        )
        if not self.message_id:
            raise user_error(move.env, messages.NO_RECIPIENT)
        self.is_notified = False

    def _mail_again(self, move):
        """Hand over again, for the customer alone, the mail that a server put off.

        :return: whether that was all there is to do
        :raise UserError: if that mail is gone, and nothing tells how to write another
        """
        notices = self._customer_notices()
        mail = self._mails_of(notices)[:1]
        is_kept = mail.state in UNSENT
        if is_kept and self._is_current(move):
            mine = notices.filtered(lambda one: one.mail_mail_id == mail)
            mail.recipient_ids = mine.res_partner_id
            mail.mark_outgoing()
            self.write({"state": "sent", "failure_reason": False, "retry_at": False})
            mail.send_after_commit()
            return True
        if is_kept:
            mail.cancel()  # of another amount, link or customer: write a new one
        elif self.message_id and not self.template_id:
            raise user_error(move.env, messages.MAIL_GONE)
        return False

    def _is_current(self, move):
        """Tell whether the mail that waits still says what is due, and to whom."""
        mail = self.message_id
        holds_link = move._payplug_holds_link(mail.subject, mail.body)
        return holds_link and self.link_id._matches_due()

    # === SENT IS A FACT === #

    # A mail to the invoice's own customer that holds the link, whose own notification
    # has not failed: whoever sent it, and whatever happened to its other recipients.

    @api.model
    def _store_mail(self, move, message, template):
        """Record a mail that holds an invoice's link, and judge it."""
        values = {
            "state": "sent",
            "template_id": template.id,
            "sent_at": fields.Datetime.now(),
            "link_id": move.sudo()._payplug_open_link().id,
            "message_id": message.id,
            "user_id": self.env.user.id,
            "failure_reason": False,
            "retry_at": False,
            "attempts": 0,
            "is_notified": True,  # who sends by hand sees it
        }
        sending = self.search([("move_id", "=", move.id)])
        sending = sending or self._create_rows(move, {})
        if not sending.pdf_report_id:
            report = self.env["account.move.send"]._get_default_pdf_report_id(move)
            values["pdf_report_id"] = report.id
        sending.write(values)
        sending._judge()

    def _judge_before_commit(self, message_ids):
        """Judge, as this transaction ends, the rows whose mails these are."""
        data, hooks = self.env.cr.precommit.data, self.env.cr.precommit
        if message_ids and "payplug.sending" not in data:
            hooks.add(self._judge_mails)
        if message_ids:
            data.setdefault("payplug.sending", set()).update(message_ids)

    def _judge_mails(self):
        ids = self.env.cr.precommit.data.pop("payplug.sending")
        # A mail that has left must not roll back, whatever becomes of this.
        try:
            with isolated(), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self.search([("message_id", "in", list(ids))])._judge()
        except CONFLICTS:  # somebody has just written the row
            self.env.cr.postcommit.add(partial(self._judge_anew, ids))
        except ProcessFailed as failure:
            log_failure(_logger, "A mail was not judged", failure.cause)

    def _judge_anew(self, ids):
        with self.pool.cursor() as cr:
            rows = self.with_env(self.env(cr=cr))
            rows._judge_before_commit(ids)

    def _judge(self):
        """Store whether the customers got their mail; let a mail be tried again."""
        for sending in self:
            notices = sending._customer_notices()
            failed = notices.filtered_domain(UNDELIVERED)
            if notices - failed:
                done = {"state": "sent", "failure_reason": False, "retry_at": False}
                sending.write(done if sending.state != "sent" else {})
                if not sending.move_id.is_move_sent:  # an earlier mail had failed
                    sending.move_id.is_move_sent = True
            elif sending._may_mail_again(failed):
                sending._postpone_mail(failed)
            elif sending.state != "failed":
                sending._set_failed(sending._undelivered_reason(failed))
                sending.move_id.is_move_sent = False  # set when the mail was written

    def _customer_notices(self):
        """Return what became of the mail for the customer, not for other followers."""
        customer = self.move_id.partner_id
        firm = customer.commercial_partner_id
        to = self.message_id.partner_ids
        to = to & customer or to.filtered(lambda one: one.commercial_partner_id == firm)
        return self.message_id.notification_ids.filtered(
            lambda one: one.res_partner_id in to and one.notification_type == "email"
        )

    def _may_mail_again(self, notices):
        """Tell whether another attempt may succeed: later, or without the others."""
        notice = notices[:1]
        return (
            self.attempts < MAX_ATTEMPTS
            and notice.notification_status == "exception"
            and self._mails_of(notice).state == "exception"
            and (
                self._has_other_recipients(notices)
                or is_temporary(notice.failure_type, notice.failure_reason)
            )
        )

    def _has_other_recipients(self, notices):
        return self._mails_of(notices).recipient_ids - notices.res_partner_id

    def _mails_of(self, notices):
        """Return the mails of these notices that are of this row's message.

        Whoever is mailed may write on the own notice which mail it is of.
        """
        mails = notices.mail_mail_id.exists()
        return mails.filtered(lambda mail: mail.mail_message_id == self.message_id)

    def _postpone_mail(self, notices):
        """Let the mail be handed over again, after a while if its server says so."""
        delay = timedelta() if self._has_other_recipients(notices) else RETRY_MAIL
        at = fields.Datetime.now() + delay
        values = {"state": "waiting", "retry_at": at, "attempts": self.attempts + 1}
        self.write({**values, "failure_reason": self._undelivered_reason(notices)})
        self._trigger_process(at)

    def _undelivered_reason(self, notices):
        """Return, in the sender's language, why the customer did not get the mail."""
        env = self._move_as_sender().env
        if not notices:
            return env._(messages.NO_RECIPIENT)
        notice = notices[:1].with_env(env).sudo()  # whoever is mailed
        said = server_reply(notice.failure_reason) or notice.format_failure_reason()
        return text(env, messages.MAIL_REFUSED, why=one_line(said)[:REASON_SIZE])

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
        if isinstance(error, SENTENCES):
            return error_reason(error)
        _logger.error("Invoice %s was not sent", move.id, exc_info=error)
        return move.env._(messages.UNEXPECTED)

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
        # EXTEND payplug.process.mixin: the mail leaves at the commit
        try:
            return super()._process_one(process, key)
        except (SMTPServerDisconnected, psycopg2.Error) as error:
            self.env.cr.rollback()
            kind = type(error).__name__
            _logger.warning("The mail of row %s leaves later: %s", self.id, kind)
            return None

    @api.model
    @scheduled
    def _cron_send(self):
        """Send what waits, one invoice after the other, while there is time."""
        waiting = self.search(self._domain_of_work(), order=ORDER)
        self.env["ir.cron"]._commit_progress(remaining=len(waiting))
        if self._has_jobs():
            waiting._dispatch()  # what came before queue_job, or lost its job
            has_time = True
        else:
            has_time = waiting._process_each(type(self)._send)
        self._notify_users()
        self._plan_next_run()
        if has_time:
            self.env["ir.cron"]._commit_progress(remaining=0)
        else:
            self._trigger_process()  # Odoo's own way to go on waits for a minute

    # === JOBS OF OCA'S QUEUE_JOB, where it is installed === #

    @api.model
    def _has_jobs(self):
        return "queue.job" in self.env

    def _dispatch(self):
        """Let these rows be sent soon: by a job each, else by the scheduled action."""
        if not self._has_jobs():
            self._trigger_process()
            return
        self._prepare_job_function()
        for sending in self.with_user(SUPERUSER_ID):
            number = sending.move_id.name
            job = sending.with_delay(
                channel=".".join(JOB_CHANNEL),
                identity_key=f"payplug_paylink.sending.{sending.id}",
                description=text(self.env, messages.JOB, invoice=number),
                max_retries=MAX_ATTEMPTS + 1,
            )._run_job()
            sending.job_uuid = job.uuid

    @api.model
    def _prepare_job_function(self):
        """Let our jobs commit, once: Odoo's own EDI addons do so while they send."""
        functions_sudo = self.env["queue.job.function"].sudo()  # whoever is the first
        function = {"model_id": self.env["ir.model"]._get_id(self._name)}
        if functions_sudo.search_count(
            [("model_id", "=", function["model_id"])], limit=1
        ):
            return
        channels_sudo = self.env["queue.job.channel"].sudo()
        own = [("complete_name", "=", ".".join(JOB_CHANNEL))]
        channel_sudo = channels_sudo.search(own) or channels_sudo.create(
            {
                "name": JOB_CHANNEL[1],
                "parent_id": self.env.ref("queue_job.channel_root").id,
            }
        )
        function |= {"method": "_run_job", "channel_id": channel_sudo.id}
        functions_sudo.create({**function, "allow_commit": True})

    def _run_job(self):
        """Send this row, as a job; the runner of jobs commits, and tries again.

        :raise RetryableJobError: if Payplug is silent, or the row is held elsewhere
        """
        # Not at the top: importing an addon that is not installed patches the server.
        from odoo.addons.queue_job.exception import RetryableJobError

        try:
            if not self.exists() or self.state != "waiting":
                return
            if not self._claim(self.id):
                raise RetryableJobError("held elsewhere", seconds=5)
            with isolated():  # no savepoint: an addon's commit would end it
                self._send()
                self.env.flush_all()
        except CONFLICTS as error:
            raise RetryableJobError(type(error).__name__, seconds=5) from error
        except ProcessFailed as failure:
            is_silent = isinstance(failure.cause, PayplugUnavailable)
            if is_silent and self._jobs_sudo().retry < MAX_ATTEMPTS:
                seconds = int(RETRY_UNAVAILABLE.total_seconds())
                raise RetryableJobError("Payplug is silent", seconds) from failure
            self.env.cr.rollback()
            if self._claim(self.id):
                self._set_failed(self._failure_message(failure.cause))
        # Its user is told by the scheduled action, which sees all rows; once the mail
        # has left.
        left = [("state", "=", "waiting"), ("user_id", "=", self.user_id.id)]
        if self.search_count(left, limit=FEW) < FEW:
            soon = fields.Datetime.now().replace(second=0) + timedelta(minutes=2)
            self._trigger_process(soon)

    def _jobs_sudo(self):
        """Return the jobs of these rows, in sudo: behind the rights on the rows."""
        if not self._has_jobs():
            return None
        jobs_sudo = self.env["queue.job"].sudo()
        return jobs_sudo.search([("uuid", "in", self.mapped("job_uuid"))])

    def _register_hook(self):
        """Let rows follow what people do with their jobs in queue_job's own screens.

        By a patch, as `base_automation` does: an addon cannot extend the model of one
        that it does not depend on.
        """
        result = super()._register_hook()
        if self._has_jobs():
            job_class = self.env.registry["queue.job"]
            job_class._change_job_state = _followed(job_class._change_job_state)
        return result

    def _follow_job(self, state, user):
        """Apply to these rows what a user made of their job: ended, or asked again."""
        for sending in self:
            if state == "pending" and sending.state == "failed":
                sending.write({"state": "waiting", "failure_reason": False})
            elif state != "pending" and sending.state == "waiting":
                why = text(self.env, messages.JOB_ENDED, user=user.name)
                sending._set_failed(why)

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
        # Not what a mail server has put off: that may take hours.
        waiting = [("state", "=", "waiting"), ("message_id", "=", False)]
        busy = {user for [user] in self._read_group(waiting, ["user_id"])}
        open_rows = [("is_notified", "=", False), ("state", "!=", "waiting")]
        for [user] in self._read_group(open_rows, ["user_id"]):
            if user not in busy:
                self.search([*open_rows, ("user_id", "=", user.id)])._notify(user)

    def _notify(self, user):
        """Tell a user, once, how the sending of these rows ended."""
        self.env["ir.cron"]._commit_progress()
        try:  # the first statement of its transaction
            locked = self._try_lock()
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
            "sticky": True,  # it leads to them, and people are at something else
            "title": "Payplug",
            "message": text(env, message, **counts),
            "action_button": {
                "name": env._(messages.OPEN),
                "action_name": env._(messages.SENDINGS),
                "model": self._name,
                "res_ids": (failed or self).ids,
            },
        }
