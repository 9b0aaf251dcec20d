"""The invoice: what it shows of its payment link."""

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL

BUTTON = Markup(
    '<table border="0" cellpadding="0" cellspacing="0" role="presentation"'
    ' style="margin: 16px 0; border-collapse: separate;"><tbody><tr>'
    '<td style="background-color: #0b5cad; border-radius: 6px; text-align: center;">'
    '<a href="%(url)s" target="_blank" style="display: inline-block;'
    " padding: 12px 24px; color: #ffffff; font-family: Arial, sans-serif;"
    ' font-size: 16px; font-weight: bold; text-decoration: none;">%(label)s</a>'
    "</td></tr></tbody></table>%(note)s"
)
NOTE = Markup(
    '<p style="margin: 0; color: #8a5300; font-family: Arial, sans-serif;'
    ' font-size: 13px;"><strong>%s</strong></p>'
)


class AccountMove(models.Model):
    _inherit = "account.move"

    # The one column: everything else is read through it, so that installing computes
    # nothing and an invoice without a link costs nothing.
    payplug_link_id = fields.Many2one(
        comodel_name="payplug.payment.link",
        string="Payplug link",
        index="btree_not_null",
        readonly=True,
        copy=False,
        groups="base.group_user",
    )
    payplug_link_ids = fields.One2many(
        comodel_name="payplug.payment.link",
        inverse_name="move_id",
        string="Payplug links",
        readonly=True,
        groups="account.group_account_invoice,account.group_account_readonly",
    )
    payplug_link_count = fields.Integer(
        compute="_compute_payplug_link_count",
        groups="account.group_account_invoice,account.group_account_readonly",
    )
    payment_id = fields.Char(
        related="payplug_link_id.payplug_id",
        string="Payplug payment ID",
        groups="base.group_user",
    )
    online_payment = fields.Boolean(
        string="Online payment",
        compute="_compute_online_payment",
        search="_search_online_payment",
        groups="base.group_user",
        help="A Payplug payment link was made for this invoice.",
    )
    payplug_state = fields.Selection(
        related="payplug_link_id.state",
        string="Payplug link state",
        groups="base.group_user",
    )
    payplug_refusal = fields.Char(
        related="payplug_link_id.refusal",
        string="Payment refusal code",
        groups="base.group_user",
    )
    payplug_expires_at = fields.Datetime(
        related="payplug_link_id.expires_at",
        string="Payment link expected end",
        groups="base.group_user",
    )
    payplug_problem = fields.Selection(
        related="payplug_link_id.problem",
        string="Payment link problem",
        groups="base.group_user",
    )
    payplug_can_send_link = fields.Boolean(
        compute="_compute_payplug_can_send_link",
        groups="base.group_user",
    )
    payment_link = fields.Char(
        string="Payment link",
        compute="_compute_payment_link",
        search="_search_payment_link",
        compute_sudo=True,
        groups="base.group_user",
    )
    payment_link_button = fields.Html(
        string="Payment link button",
        compute="_compute_payment_link_button",
        search="_search_payment_link",
        compute_sudo=True,
        sanitize=False,
        groups="base.group_user",
    )

    # === COMPUTE AND SEARCH === #

    @api.depends("payplug_link_ids")
    def _compute_payplug_link_count(self):
        for move in self:
            move.payplug_link_count = len(move.payplug_link_ids)

    @api.depends("payplug_link_id")
    def _compute_online_payment(self):
        for move in self:
            move.online_payment = bool(move.payplug_link_id)

    @api.model
    def _search_online_payment(self, operator, value):
        if operator != "in":
            return NotImplemented  # Odoo asks again with the opposite
        return fields.Domain.OR(
            fields.Domain("payplug_link_id", "!=" if wanted else "=", False)
            for wanted in value
        )

    def _field_to_sql(self, alias, field_expr, query=None):
        # EXTEND base: group and sort by a column that is not stored
        if field_expr == "online_payment":
            link = super()._field_to_sql(alias, "payplug_link_id", query)
            return SQL("(%s IS NOT NULL)", link)
        return super()._field_to_sql(alias, field_expr, query)

    @api.depends("move_type", "payment_state", "state", "amount_residual")
    def _compute_payplug_can_send_link(self):
        for move in self:
            move.payplug_can_send_link = bool(
                move._payplug_amount_due()
                and move.company_id._payplug_root().payplug_enabled
            )

    @api.depends(
        "move_type",
        "payment_state",
        "state",
        "amount_residual",
        "payplug_link_id",
        "payplug_link_ids.state",
        "payplug_link_ids.problem",
        "payplug_link_ids.to_cancel",
        "payplug_link_ids.url",
    )
    def _compute_payment_link(self):
        for move in self:
            link = move.payplug_link_id and move._payplug_open_link()
            payable = move.payplug_can_send_link and link and link._is_current()
            move.payment_link = link.url if payable else False

    @api.depends("payment_link")
    @api.depends_context("lang")
    def _compute_payment_link_button(self):
        for move in self:
            move.payment_link_button = move._payplug_button_html()

    def _payplug_button_html(self):
        """Return the button for a mail: a table, as mail programs know little CSS."""
        if not self.payment_link:
            return False
        amount = self.currency_id.format(self._payplug_amount_due())
        note = "" if self.payplug_link_id.is_live else self.env._("Test: no real money")
        return BUTTON % {
            "url": self.payment_link,
            "label": self.env._("Pay %(amount)s by card", amount=amount),
            "note": note and NOTE % note,
        }

    @api.model
    def _search_payment_link(self, operator, value):
        # Past the rights on links: whoever reads invoices may use the search view.
        return [("payplug_link_id", "any!", [("url", operator, value)])]

    @api.model
    def mail_allowed_qweb_expressions(self):
        # EXTEND mail: billing users may put these into their templates
        return super().mail_allowed_qweb_expressions() + (
            "object.payment_link",
            "object.payment_link_button",
        )

    def _get_alerts(self):
        # EXTEND account: banners at the top of the form
        alerts = super()._get_alerts()
        link_sudo = self.sudo().payplug_link_id  # for everyone who sees the invoice
        for name, level, message in link_sudo._banners():
            alerts[f"payplug_{name}"] = {"level": level, "message": message}
        return alerts
