"""The window that sends the links of many invoices: who gets one, and who does not."""

from odoo import Command, api, fields, models

from .. import payment_messages as messages
from ..payment_messages import notification, text, user_error


class PayplugSendLinks(models.TransientModel):
    _name = "payplug.send.links"
    _description = "Send payment links"

    template_id = fields.Many2one(
        comodel_name="mail.template",
        string="E-mail template",
        required=True,
        ondelete="cascade",  # a window does not keep it
        domain=[("model", "=", "account.move")],
        default=lambda self: self.env["account.move"]._payplug_template(),
    )
    pdf_report_id = fields.Many2one(
        comodel_name="ir.actions.report",
        string="Print model",
        domain="[('id', 'in', available_report_ids)]",
    )
    available_report_ids = fields.Many2many(
        "ir.actions.report", compute="_compute_available_report_ids"
    )
    resend = fields.Boolean(
        string="Send again what was sent already",
        help="Invoices whose link was mailed and still waits to be paid.",
    )
    line_ids = fields.One2many("payplug.send.links.line", "wizard_id")
    ready_ids = fields.One2many(
        "payplug.send.links.line", compute="_compute_groups", string="To be sent"
    )
    refused_ids = fields.One2many(
        "payplug.send.links.line", compute="_compute_groups", string="Will not be sent"
    )
    ready_count = fields.Integer(compute="_compute_groups")
    refused_count = fields.Integer(compute="_compute_groups")
    ready_title = fields.Char(compute="_compute_titles")
    refused_title = fields.Char(compute="_compute_titles")
    has_credits = fields.Boolean(compute="_compute_groups")
    has_links = fields.Boolean(compute="_compute_groups")
    has_sent = fields.Boolean(compute="_compute_groups")
    is_test = fields.Boolean("Test mode", compute="_compute_groups")

    @api.constrains("template_id", "pdf_report_id")
    def _check_template_and_report(self):
        for wizard in self.with_user(self.env.user):  # constraints run in sudo
            queue = wizard.env["payplug.sending"]
            queue._check_template_and_report(wizard.template_id, wizard.pdf_report_id)

    @api.model
    def _open(self, moves):
        """Return the action that opens the window for these invoices, judged."""
        wizard = self.create({"line_ids": self._prepare_lines(moves)})
        name = self.env._(messages.SEND_LINKS)
        context = {"dialog_size": "extra-large"}
        return wizard._get_records_action(name=name, target="new", context=context)

    def _prepare_lines(self, moves):
        sent_on, waiting = moves._payplug_sent_on(), moves._payplug_waiting()
        credits = self._find_credits(moves)
        lines = []
        for move in moves:
            link_sudo = move.sudo().payplug_link_id  # who reads the one reads the other
            stuck = link_sudo._stuck_text()
            reasons = [waiting.get(move), stuck, *move._payplug_unmet_conditions()]
            line = {"move_id": move.id, "sent_at": sent_on.get(move)}
            line["credit"] = sum(
                credits.get((move.commercial_partner_id, account), 0)
                for account in self._receivables(move)
            )
            line["reasons"] = "\n".join(filter(None, reasons))
            lines.append(Command.create(line))
        return lines

    def _receivables(self, moves):
        accounts = moves.line_ids.account_id
        return accounts.filtered(lambda one: one.account_type == "asset_receivable")

    def _find_credits(self, moves):
        """Return what customers have as open credits, as Odoo offers them on invoices.

        :return: {(customer, account): amount in the company's currency, which is that
            of all invoices that can be sent}; of what the user may read
        """
        domain = [
            ("account_id", "in", self._receivables(moves).ids),
            ("partner_id", "in", moves.commercial_partner_id.ids),
            ("parent_state", "=", "posted"),
            ("reconciled", "=", False),
            ("balance", "<", 0),
            ("amount_residual", "!=", 0),
        ]
        found = self.env["account.move.line"]._read_group(
            domain, ["partner_id", "account_id"], ["amount_residual:sum"]
        )
        return {(partner, account): -amount for partner, account, amount in found}

    @api.depends("line_ids.reasons", "line_ids.sent_at", "resend")
    def _compute_groups(self):
        for wizard in self:
            lines = wizard.line_ids
            ready = lines.filtered(lambda line: not line.reasons)
            if not wizard.resend:
                ready = ready.filtered(lambda line: not line.sent_at)
            wizard.ready_ids = ready
            wizard.refused_ids = lines - ready
            wizard.ready_count = len(wizard.ready_ids)
            wizard.refused_count = len(wizard.refused_ids)
            wizard.has_credits = any(ready.mapped("credit"))
            wizard.has_links = any(ready.mapped("status"))
            wizard.has_sent = any(lines.mapped("sent_at"))
            companies = wizard.ready_ids.move_id.company_id
            wizard.is_test = not all(one._payplug_is_live() for one in companies)

    @api.depends("ready_count", "refused_count")
    def _compute_titles(self):
        for wizard in self:
            ready, refused = wizard.ready_ids, wizard.refused_count
            currency = ready.currency_id[:1]  # of all that can be sent
            total = currency and currency.format(sum(ready.mapped("amount")))
            wizard.ready_title = text(
                self.env, messages.WILL_BE_SENT, count=len(ready), total=total
            )
            wizard.refused_title = text(
                self.env, messages.WILL_NOT_BE_SENT, count=refused
            )

    @api.depends("line_ids")
    def _compute_available_report_ids(self):
        for wizard in self:
            moves = wizard.line_ids.move_id
            wizard.available_report_ids = moves._get_available_action_reports()

    def action_send(self):
        """Put what can be sent into the queue, and return at once."""
        self.ensure_one()
        moves = self.ready_ids.move_id
        moves.check_access("write")
        # By somebody else, while this window was open.
        done = set(moves._payplug_waiting())
        if not self.resend:
            done |= set(moves._payplug_sent_on())
        moves = moves.filtered(lambda move: move not in done)
        if not moves:
            raise user_error(self.env, messages.NONE_SENDABLE)
        queue_sudo = self.env["payplug.sending"].sudo()  # only code writes the queue
        queue_sudo._enqueue(moves, self.template_id, self.pdf_report_id)
        return notification(
            self.env._(messages.PAYMENT_LINKS),
            text(self.env, messages.QUEUED, count=len(moves)),
            "success",
            then={"type": "ir.actions.act_window_close"},
        )
