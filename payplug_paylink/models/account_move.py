"""The invoice: what it shows of its payment link."""

from odoo import api, fields, models
from odoo.tools import SQL

SET_BY_CODE = {"payplug_link_id", "payplug_link_ids"}


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
        check_company=True,
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

    # === ACCESS === #

    # `readonly` guards the screen only. Everything that follows a link does so in sudo,
    # so nobody but this addon's own code, in sudo too, may set one.

    def _has_field_access(self, field, operation):
        # EXTEND base: by write, create, import
        if field.name in SET_BY_CODE and operation == "write" and not self.env.su:
            return False
        return super()._has_field_access(field, operation)

    def _update_cache(self, values, validate=True):
        # EXTEND base: by an onchange
        self._check_payplug_link_is_not_set(values)
        return super()._update_cache(values, validate)

    def update(self, values):
        # EXTEND base: by an onchange of another record that shows this one
        self._check_payplug_link_is_not_set(values)
        return super().update(values)

    def _check_payplug_link_is_not_set(self, values):
        for name in SET_BY_CODE.intersection(values):
            self._check_field_access(self._fields[name], "write")

    def _traverse_related_sql(self, alias, field, query):
        # EXTEND base: it follows a link in sudo, to sort and group, and does not ask for
        # the groups of the field itself
        if field.related.startswith("payplug_link_id."):
            self._check_field_access(field, "read")
        return super()._traverse_related_sql(alias, field, query)

    # === COMPUTE AND SEARCH === #

    @api.depends("payplug_link_ids")
    def _compute_payplug_link_count(self):
        linked = self.filtered("payplug_link_id")  # spares the others a query
        (self - linked).payplug_link_count = 0
        for move in linked:
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

    def _get_alerts(self):
        # EXTEND account: banners at the top of the form
        alerts = super()._get_alerts()
        move_sudo = self.sudo()  # for everyone who sees the invoice
        banners = list(move_sudo.payplug_link_id._banners())
        if to_book_sudo := move_sudo._payplug_links_to_book():
            banners.append(to_book_sudo._to_book_banner())
        for name, level, message in banners:
            alerts[f"payplug_{name}"] = {"level": level, "message": message}
        return alerts
