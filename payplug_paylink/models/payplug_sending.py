"""The queue of invoices to send with their payment link, one row for each.

Odoo's own batch sending ignores the template, skips customers who are set to another
channel and lets one failing invoice block the others (design 8): hence a queue of ours.
"""

from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import mute_logger


class PayplugSending(models.Model):
    """An invoice that waits, was sent or could not be sent; see `_cron_send`."""

    _name = "payplug.sending"
    _description = "Payment link to send"
    _order = "id"
    _rec_name = "move_id"

    move_id = fields.Many2one(
        comodel_name="account.move",
        string="Invoice",
        required=True,
        readonly=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    user_id = fields.Many2one(
        "res.users", string="Sent by", required=True, readonly=True
    )
    template_id = fields.Many2one(
        "mail.template", string="E-mail template", readonly=True
    )
    pdf_report_id = fields.Many2one(
        "ir.actions.report", string="Print model", readonly=True
    )
    # waiting ──▶ sent │ failed     by the cron, each in a transaction of its own
    # sent, failed ──▶ waiting      when somebody asks again
    state = fields.Selection(
        selection=[
            ("waiting", "Being sent"),
            ("sent", "Sent"),
            ("failed", "Not sent"),
        ],
        default="waiting",
        required=True,
        readonly=True,
    )
    reason = fields.Text(string="Why not", readonly=True)
    sent_at = fields.Datetime(string="Sent on", readonly=True)
    link_id = fields.Many2one("payplug.payment.link", readonly=True)
    message_id = fields.Many2one("mail.message", string="Mail", readonly=True)
    retry_at = fields.Datetime(
        string="Not tried before",
        readonly=True,
        help="After a failure, or while a worker is at it.",
    )
    attempts = fields.Integer(string="Attempts in vain", readonly=True)
    is_told = fields.Boolean(
        string="Notice given",
        readonly=True,
        help="The user was told that all of his are through.",
    )

    _move_unique = models.UniqueIndex(
        "(move_id)", "This invoice is in the queue of payment links already."
    )
    _waiting_index = models.Index("(id) WHERE state = 'waiting'")
    _untold_index = models.Index("(user_id) WHERE NOT is_told")

    @api.model
    def _check_template_and_report(self, template, report):
        """Check, in the user's name, that these write and print invoices.

        A template or report of another model would show another model's record.

        :param template: the `mail.template`, may be empty
        :param report: the `ir.actions.report`, may be empty
        :raise UserError: if they are of another model
        :raise AccessError: if the user may not read them
        """
        for record in (template, report):
            record.check_access("read")
            if record and record.model != "account.move":
                raise UserError(
                    self.env._(
                        "%(name)s is not made for invoices: choose another one.",
                        name=record.display_name,
                    )
                )

    # === IN AND OUT === #

    @api.model
    def _enqueue(self, moves, template, report):
        """Let the invoices be sent in the background, those that wait already as well.

        :param moves: `account.move` records, whose conditions were checked
        :param template: the `mail.template`, empty for ours
        :param report: the `ir.actions.report` to print, empty for the usual one
        :raise UserError: if template or report are not for invoices
        """
        user = self.env.user
        self._check_template_and_report(
            template.with_user(user), report.with_user(user)
        )
        values = {
            "state": "waiting",
            "user_id": self.env.user.id,
            "template_id": template.id,
            "pdf_report_id": report.id,
            "reason": False,
            "retry_at": False,
            "attempts": 0,
            "is_told": False,
        }
        known = self.search([("move_id", "in", moves.ids)])
        known.filtered(lambda sending: sending.state != "waiting").write(values)
        self._create_rows(moves - known.move_id, values)
        self._trigger_crons()

    @api.model
    def _create_rows(self, moves, values):
        """Create a row for each invoice.

        :raise ConcurrencyError: if somebody else has just done so; Odoo tries again
        """
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                self.create(
                    [
                        {**values, "move_id": move.id, "company_id": move.company_id.id}
                        for move in moves
                    ]
                )
        except psycopg2.errors.UniqueViolation as error:
            raise ConcurrencyError("invoices have just been queued") from error

    @api.model
    def _set_sent(self, moves):
        """Remember that these invoices were mailed their link by hand just now."""
        for move in moves:
            values = {
                "state": "sent",
                "sent_at": fields.Datetime.now(),
                "link_id": move.sudo()._payplug_open_link().id,
                "user_id": self.env.user.id,
                "reason": False,
                "is_told": True,
            }
            known = self.search([("move_id", "=", move.id)])
            known.write(values)
            self._create_rows(move - known.move_id, values)

    def _take_back(self):
        """Take out of the queue what no worker has begun to send.

        :return: the invoices that will not be sent now
        """
        waiting = self.filtered(lambda sending: sending.state == "waiting")
        mine = waiting.try_lock_for_update()
        moves = mine.move_id
        mine.unlink()
        return moves

    @api.model
    def _trigger_crons(self, at=None):
        """Let all workers run as soon as this transaction is committed, or later.

        An administrator may have made copies of our cron: they share the queue.

        :param datetime at: when, UTC; a cron that comes at that moment is left alone
        """
        crons_sudo = self.env["ir.cron"].sudo()  # by whoever sends
        domain = [
            ("model_id.model", "=", self._name),
            ("code", "=", "model._cron_send()"),
        ]
        found_sudo = crons_sudo.search(domain)
        if at:
            triggers_sudo = self.env["ir.cron.trigger"].sudo()
            planned_sudo = triggers_sudo.search([("call_at", "=", at)])
            found_sudo -= planned_sudo.cron_id
        for cron_sudo in found_sudo:
            cron_sudo._trigger(at)

    @api.autovacuum
    def _gc_done(self):
        """Forget after a month what was sent or given up."""
        before = fields.Datetime.now() - timedelta(days=30)
        done = [("state", "!=", "waiting"), ("write_date", "<", before)]
        found = self.search(done, limit=10_000)
        found.unlink()
        return len(found), self.search_count(done, limit=1)

    def action_take_back(self):
        """Take these back, as a button.

        :raise UserError: if it is too late for all of them
        """
        moves = self.move_id
        moves.check_access("write")
        return moves.action_payplug_take_back()

    def action_retry(self):
        """Put what could not be sent into the queue again, to be judged anew."""
        failed = self.filtered(lambda sending: sending.state == "failed")
        failed.move_id.check_access("write")
        if not failed:
            raise UserError(self.env._("None of these has failed: nothing to do."))
        groups = failed.sudo().grouped(lambda one: (one.template_id, one.pdf_report_id))
        for (template, report), sendings_sudo in groups.items():
            sendings_sudo._enqueue(sendings_sudo.move_id, template, report)
