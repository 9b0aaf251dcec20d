"""The placeholders: the payment link for subjects and texts, its button for mails.

Odoo renders them when a template is saved and when a window opens: they never raise,
and never ask Payplug.
"""

import re

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

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


PAGE_SHAPE = re.compile(r"/payplug/pay/([0-9]{1,9})/([0-9a-f]+)$")


class AccountMove(models.Model):
    _inherit = "account.move"

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
    payment_link_amount = fields.Monetary(
        string="Amount of the payment link",
        compute="_compute_payment_link_amount",
        compute_sudo=True,
        groups="base.group_user",
        help="What the customer is asked: the amount due, less what he has paid by "
        "links and the invoice does not show yet.",
    )
    payment_link_until = fields.Date(
        string="Payment link good until",
        compute="_compute_payment_link_until",
        compute_sudo=True,
        groups="base.group_user",
        help="Empty where the customer may renew the link, which then has no end.",
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
            url = move.payplug_can_send_link and move._payplug_link_url()
            move.payment_link = url or False

    def _payplug_link_url(self):
        """Return what customers are mailed: the stable page, or Payplug's own.

        :return: nothing if nothing can be paid there
        """
        if self._payplug_mails_page():
            return self._payplug_is_payable() and self._payplug_page_url()
        link = self.payplug_link_id and self._payplug_open_link()
        return link and link._is_current() and link.url

    def _payplug_mails_page(self):
        return self.company_id._payplug_root().payplug_link_target == "page"

    @api.depends("payment_link")
    @api.depends_context("lang")
    def _compute_payment_link_button(self):
        for move in self:
            move.payment_link_button = move._payplug_button_html()

    def _payplug_button_html(self):
        """Return the button for a mail: a table, as mail programs know little CSS."""
        if not self.payment_link:
            return False
        is_live = self.company_id._payplug_is_live()
        note = "" if is_live else self.env._("Test: no real money")
        return BUTTON % {
            "url": self.payment_link,
            "label": self._payplug_button_label(),
            "note": note and NOTE % note,
        }

    def _payplug_button_label(self):
        amount = self.currency_id.format(self._payplug_amount_due())
        return self.env._("Pay %(amount)s by card", amount=amount)

    @api.depends("payment_link")
    def _compute_payment_link_amount(self):
        for move in self:
            move.payment_link_amount = move._payplug_amount_due()

    @api.depends("payment_link")
    def _compute_payment_link_until(self):
        for move in self:
            link = move.payment_link and move._payplug_open_link()
            lasts = move._payplug_mails_page() and move._payplug_may_renew()
            move.payment_link_until = link and not lasts and link._ends_on()

    @api.model
    def _search_payment_link(self, operator, value):
        """Find the invoices with exactly these links: a part of one finds nothing."""
        self._check_field_access(self._fields["payment_link"], "read")
        if operator != "in":
            return NotImplemented  # Odoo asks again with the opposite, or refuses
        urls = {url for url in value if isinstance(url, str)}
        if urls != set(value):
            raise UserError(self.env._("A payment link is searched by its whole text."))
        # Past the rights on links: whoever reads an invoice may read its link.
        links_sudo = self.env["payplug.payment.link"].sudo()
        found = links_sudo._search([("url", "in", list(urls))]).subselect("move_id")
        pages = [self._payplug_id_of_page(url) for url in urls]
        return Domain("id", "in", found) | Domain("id", "in", pages)

    @api.model
    def _payplug_id_of_page(self, url):
        """Return the id of the invoice whose stable page this is, 0 if it is none."""
        shape = PAGE_SHAPE.search(url)
        links = self.env["payplug.payment.link"]
        is_ours = shape and links._is_signature("pay", *shape.groups())
        return int(shape[1]) if is_ours else 0

    @api.model
    def mail_allowed_qweb_expressions(self):
        # EXTEND mail: billing users may put these into their templates
        return super().mail_allowed_qweb_expressions() + (
            "object.payment_link",
            "object.payment_link_button",
        )
