"""The invoice and its payment link."""

import base64
from datetime import timedelta

from markupsafe import Markup, escape

from odoo import SUPERUSER_ID, Command, api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date, format_list
from odoo.tools.image import image_data_uri

from .. import payment_messages as messages
from ..colors import button_colors
from ..confidential import ConfidentialRedirectWarning, ConfidentialUserError
from ..payment_messages import notification, text, user_error
from ..payment_rules import (
    SMALLEST_REFUND,
    InvoiceFacts,
    PageFacts,
    page_state,
    unmet_conditions,
    unmet_refund,
)
from ..payment_status import (
    COLUMNS,
    FLUSHED,
    OF_ANY,
    OF_NOTE,
    STATUS,
    STATUSES,
    TABLES,
    WITH_REFUNDS,
    WITH_STATUS,
    StatusSelection,
)
from ..payplug_remote import PayplugError, PayplugUnavailable, from_cents, to_cents
from .payplug_payment_link import LOCK_SPACE, NOT_THROUGH
from .res_company import with_deadline

ADDON = "payplug_paylink"
PORTAL_URL = "https://portal.payplug.com/"
REFUNDED_TYPES = ("out_invoice", "out_refund")
PDF = "invoice.pdf"  # behind the address of the pay page
PRINT_SPACE = LOCK_SPACE + 2  # of advisory locks: who prints an invoice for a visitor
USERS = "base.group_user"
READERS = "account.group_account_invoice,account.group_account_readonly"
# A table, as mail programs know little CSS.
BUTTON = Markup(
    '<table border="0" cellpadding="0" cellspacing="0" role="presentation"'
    ' style="margin: 16px 0; border-collapse: separate;"><tbody><tr>'
    '<td style="background-color: %(background)s; border-radius: 6px;'
    ' text-align: center;">'
    '<a href="%(url)s" target="_blank" style="display: inline-block;'
    " padding: 12px 24px; background-color: %(background)s; color: %(color)s;"
    " border-radius: 6px; font-family: Arial, sans-serif;"
    ' font-size: 16px; font-weight: bold; text-decoration: none;">%(label)s</a>'
    "</td></tr></tbody></table>%(note)s"
)
NOTE = Markup(
    '<p style="margin: 0; font-family: Arial, sans-serif; font-size: 13px;">'
    '<strong style="padding: 2px 6px; background-color: #fff3cd; color: #664d03;">'
    "%s</strong></p>"
)


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = ["account.move", "payplug.link.guard.mixin"]

    # The one column: everything else is read through it, so that installing computes
    # nothing and an invoice without a link costs nothing.
    payplug_link_id = fields.Many2one(
        comodel_name="payplug.payment.link",
        string="Payplug link",
        index="btree_not_null",
        readonly=True,
        copy=False,
        check_company=True,
        groups=USERS,
    )
    payplug_link_ids = fields.One2many(
        comodel_name="payplug.payment.link",
        inverse_name="move_id",
        string="Payment links",
        readonly=True,
        groups=READERS,
    )
    payplug_link_count = fields.Integer(
        compute="_compute_payplug_link_count", groups=READERS
    )
    payment_id = fields.Char(
        "Payplug payment ID", related="payplug_link_id.payplug_id", groups=USERS
    )
    online_payment = fields.Boolean(
        related="payplug_link_id.online_payment",
        string="Online payment",
        groups=USERS,
        help="A Payplug payment link was made for this invoice.",
    )
    payplug_state = fields.Selection(
        related="payplug_link_id.state", string="Payplug link state", groups=USERS
    )
    payplug_refusal = fields.Char(
        "Payment refusal code", related="payplug_link_id.refusal", groups=USERS
    )
    payplug_expires_at = fields.Datetime(
        "Payment link expires on", related="payplug_link_id.expires_at", groups=USERS
    )
    payplug_problem = fields.Selection(
        related="payplug_link_id.problem", string="Payment link problem", groups=USERS
    )
    payplug_status = StatusSelection(
        selection=STATUSES,
        string="Payment link status",
        compute="_compute_payplug_status",
        search="_search_payplug_status",
        groups=USERS,
    )
    payplug_status_detail = fields.Char(
        string="Payment link details",
        compute="_compute_payplug_status_detail",
        groups=USERS,
    )
    payplug_mode = fields.Selection(
        related="payplug_link_id.mode", string="Payment link mode", groups=USERS
    )
    payplug_can_send_link = fields.Boolean(
        compute="_compute_payplug_can_send_link", groups=USERS
    )
    payplug_is_missing = fields.Boolean(
        string="Card payment missing in the books",
        compute="_compute_payplug_is_missing",
        groups=USERS,
        help="Payplug holds money of the customer, whose payment was deleted or "
        "cancelled here.",
    )
    payment_link = fields.Char(
        string="Payment link",
        compute="_compute_payment_link",
        search="_search_payment_link",
        groups=USERS,
    )
    payment_link_button = fields.Html(
        string="Payment link button",
        compute="_compute_payment_link_button",
        search="_search_payment_link",
        sanitize=False,
        groups=USERS,
    )
    payment_link_amount = fields.Monetary(
        string="Amount of the payment link",
        compute="_compute_payment_link_amount",
        groups=USERS,
        help="What the customer is asked: the amount due, less what was paid by links "
        "and the invoice does not show yet.",
    )
    payment_link_until = fields.Date(
        string="Payment link good until",
        compute="_compute_payment_link_until",
        groups=USERS,
        help="Empty where the customer may renew the link, which then has no end.",
    )
    payplug_sending_state = fields.Selection(
        selection=[("waiting", "Being sent"), ("sent", "Sent"), ("failed", "Not sent")],
        string="Payment link sending",
        compute="_compute_payplug_sending_state",
        search="_search_payplug_sending_state",
        groups=USERS,
    )
    payplug_sending_reason = fields.Text(
        string="Why the payment link was not sent",
        compute="_compute_payplug_sending_state",
        groups=USERS,
    )

    payplug_refund_ids = fields.One2many(
        comodel_name="payplug.refund",
        inverse_name="credit_note_id",
        string="Refunds by card",
        readonly=True,
        groups=READERS,
    )
    payplug_refund_count = fields.Integer(
        compute="_compute_payplug_refund_count", groups=READERS
    )
    payplug_amount_refunded = fields.Monetary(
        string="Refunded by card",
        compute="_compute_payplug_refunded",
        search="_search_payplug_amount_refunded",
        groups=USERS,
    )
    payplug_refund_state = fields.Selection(
        selection=[
            ("under_way", "Being refunded"),
            ("partial", "Refunded in part"),
            ("full", "Refunded in full"),
        ],
        string="Card refund",
        compute="_compute_payplug_refunded",
        groups=USERS,
    )
    payplug_can_refund = fields.Boolean(
        compute="_compute_payplug_can_refund", groups=USERS
    )

    def _traverse_related_sql(self, alias, field, query):
        # EXTEND base: it follows a link in sudo, to sort and group, and never asks for
        # the groups of the field itself
        if field.related.startswith("payplug_link_id."):
            self._check_field_access(field, "read")
        return super()._traverse_related_sql(alias, field, query)

    # === COMPUTE AND SEARCH === #

    def _compute_field_value(self, field):
        # EXTEND base: a template or an onchange, of which anybody may send one, names
        # whatever invoice it likes, and our fields are read past the rights on links
        if ADDON in field._modules:
            self._payplug_check_reader(field)
        return super()._compute_field_value(field)

    def _payplug_check_reader(self, field):
        """Check the user's right on these, and on what an onchange brings along.

        Odoo follows a link in sudo. Then who asks is not told from code in sudo, which
        is believed in the name of customers, who have no windows.
        """
        is_employee = field.compute_sudo and self.env.user._is_internal()
        asked = self.sudo(False) if is_employee else self
        asked._origin.check_access("read")

    def _compute_payment_state(self):
        # EXTEND account: what is paid, reset or due again, in whatever way
        result = super()._compute_payment_state()
        # Our fields do not depend on what accounting computes, or Odoo would ask about
        # each of them at each step of each booking.
        self.modified(["payplug_link_id"])
        self._payplug_trigger_sync()
        return result

    @api.depends("payplug_link_ids")
    def _compute_payplug_link_count(self):
        for move in self:
            move.payplug_link_count = len(move._payplug_links())

    @api.depends("state", "payplug_link_id")
    def _compute_payplug_can_send_link(self):
        for move in self:
            move.payplug_can_send_link = bool(
                move._payplug_amount_due()
                and move.company_id._payplug_root().payplug_enabled
            )

    @api.depends(
        "state",
        "payplug_link_id",
        *(
            f"payplug_link_ids.{name}"
            for name in FLUSHED["payplug.payment.link"]
            if name != "payplug_id"
        ),
        "payplug_link_ids.refund_ids.state",
    )
    def _compute_payplug_status(self):
        self.payplug_status = False
        invoices = self.filtered(lambda move: move.move_type == "out_invoice")
        values = invoices._origin._payplug_column_values(["payplug_status"])
        for move in invoices:  # those of a form that is being edited, too
            move.payplug_status = values.get(move._origin.id, {}).get("payplug_status")

    @api.depends("payplug_status")
    @api.depends_context("lang")
    def _compute_payplug_status_detail(self):
        for move in self:
            told = move.currency_id and move.sudo()._payplug_status_detail()
            move.payplug_status_detail = told

    def _compute_payplug_is_missing(self):
        for move in self:
            move.payplug_is_missing = bool(move._payplug_links_missing())

    @api.depends(
        "state",
        "payplug_link_id",
        "payplug_link_ids.state",
        "payplug_link_ids.problem",
        "payplug_link_ids.to_cancel",
        "payplug_link_ids.url",
    )
    @api.depends_context("uid")
    def _compute_payment_link(self):
        for move, move_sudo in zip(self, self.sudo(), strict=True):
            url = (
                move._origin  # an onchange may bring anything, and no currency
                and move.currency_id
                and move._payplug_is_address_told()
                and move_sudo.payplug_can_send_link
                and move_sudo._payplug_link_url()
            )
            move.payment_link = url or False

    @api.depends("payment_link")
    @api.depends_context("lang", "uid")
    def _compute_payment_link_button(self):
        for move, move_sudo in zip(self, self.sudo(), strict=True):
            url = move_sudo.payment_link
            move.payment_link_button = url and move_sudo._payplug_button_html(url)

    @api.depends("payment_link")
    def _compute_payment_link_amount(self):
        for move, move_sudo in zip(self, self.sudo(), strict=True):
            move.payment_link_amount = move_sudo._payplug_amount_due()

    @api.depends("payment_link")
    def _compute_payment_link_until(self):
        for move, move_sudo in zip(self, self.sudo(), strict=True):
            link_sudo = move_sudo.payment_link and move_sudo._payplug_customer_link()
            lasts = move_sudo._payplug_mails_page() and move_sudo._payplug_may_renew()
            ends = link_sudo and not lasts and link_sudo.expires_at
            move.payment_link_until = ends and link_sudo._local_date(ends)

    def _payplug_is_address_told(self):
        """Tell whether the user may know the payment link, though Odoo reads in sudo.

        As it does for the text of a window: an employee who is shown it needs the right
        on the invoice. In the name of anybody else Odoo writes mails, and no windows.
        """
        user = self.env.user
        if not self.env.su or not user._is_internal():
            return True
        return self._origin.with_user(user).has_access("read")

    def _compute_payplug_sending_state(self):
        # One query for all rows of a list, and in sudo: whoever sees the invoices. Set
        # for all at once: most have no row.
        self.payplug_sending_state = self.payplug_sending_reason = False
        sendings = {one.move_id.id: one for one in self._payplug_sendings_sudo()}
        for move in self.filtered(lambda move: move._origin.id in sendings):
            sending = sendings[move._origin.id]
            move.payplug_sending_state = sending.state
            move.payplug_sending_reason = sending.failure_reason

    @api.depends("payplug_refund_ids", "payplug_link_ids.refund_ids")
    def _compute_payplug_refund_count(self):
        for move in self:
            # whoever sees the document: its invoice may be another branch's
            move.payplug_refund_count = len(move.sudo()._payplug_refunds())

    @api.depends(
        "payplug_link_id",  # as all that is shown: told of each new reconciliation
        "payplug_link_ids.amount_refunded",
        "payplug_refund_ids.state",
    )
    def _compute_payplug_refunded(self):
        for move, move_sudo in zip(self, self.sudo(), strict=True):
            refunded, whole = move_sudo._payplug_refunded()
            under_way = refunded < whole and any(
                refund.state in NOT_THROUGH for refund in move_sudo._payplug_refunds()
            )
            done = refunded and ("full" if refunded >= whole else "partial")
            move.payplug_amount_refunded = refunded
            move.payplug_refund_state = "under_way" if under_way else done or False

    @api.depends("state", "payplug_link_id", "payplug_refund_state")
    def _compute_payplug_can_refund(self):
        for move in self:
            # whoever sees the document: opening the window checks the right
            move.payplug_can_refund = bool(move.sudo()._payplug_refundable_link())

    @api.model
    def _search_payplug_amount_refunded(self, operator, value):
        self._check_field_access(self._fields["payplug_amount_refunded"], "read")
        find = self._search_payplug_amount_refunded
        if operator == "in":  # "=" as well
            return Domain.OR(
                find("<=", one or 0.0) & (find(">=", one) if one else Domain.TRUE)
                for one in value
            )
        if operator in ("<", "<="):
            return ~find(">=" if operator == "<" else ">", value)
        if operator not in (">", ">="):
            return NotImplemented
        field = self._fields["payplug_amount_refunded"]
        try:  # as with Odoo's own amounts
            value = field.convert_to_cache(value, self.browse())
        except (TypeError, ValueError, OverflowError) as error:
            name = field._description_string(self.env)
            raise user_error(self.env, messages.SEARCH_AMOUNT, field=name) from error
        # Past the rights on links: whoever reads an invoice may read its refunds.
        self._payplug_flush_status()
        query = f"""SELECT move.id FROM {TABLES} WHERE move.id IN ({WITH_REFUNDS})
                       AND {OF_ANY} {operator} %s"""
        return Domain("id", "in", SQL(f"({query})", value))

    @api.model
    def _search_payment_link(self, operator, value):
        """Find invoices by Payplug's own page, whole: a part of it finds nothing."""
        self._check_field_access(self._fields["payment_link"], "read")
        if operator != "in":
            return NotImplemented  # Odoo asks again with the opposite, or refuses
        urls = [url for url in value if url is not False]
        if not all(isinstance(url, str) for url in urls):
            name = self._fields["payment_link"]._description_string(self.env)
            raise user_error(self.env, messages.SEARCH_WHOLE, field=name)
        # Past the rights on links: whoever reads an invoice may read its link.
        links_sudo = self.env["payplug.payment.link"].sudo()
        with_url = links_sudo._search([("url", "in", urls)])
        found = Domain("id", "in", with_url.subselect("move_id"))
        if False in value:
            found |= Domain("payplug_link_id", "=", False)
        return found

    @api.model
    def _search_payplug_status(self, operator, value):
        self._check_field_access(self._fields["payplug_status"], "read")
        if operator != "in":
            return NotImplemented  # Odoo asks again with the opposite
        self._payplug_flush_status()
        found = Domain("id", "in", self._payplug_with_status([v for v in value if v]))
        if False in value:
            found |= Domain("id", "not in", self._payplug_with_status(None))
        return found

    @api.model
    def _payplug_with_status(self, statuses):
        """Return the query of the invoices with one of these statuses, or with any."""
        query = f"SELECT move.id FROM {TABLES} WHERE move.id IN ({WITH_STATUS})"
        if statuses is None:
            return SQL(f"({query} AND {STATUS} IS NOT NULL)")
        return SQL(f"({query} AND {STATUS} = ANY(%s))", [str(one) for one in statuses])

    @api.model
    def _search_payplug_sending_state(self, operator, value):
        self._check_field_access(self._fields["payplug_sending_state"], "read")
        if operator != "in":
            return NotImplemented  # Odoo asks again with the opposite
        queue_sudo = self.env["payplug.sending"].sudo()  # as the field itself
        known = queue_sudo._search([("state", "in", [v for v in value if v])])
        found = Domain("id", "in", known.subselect("move_id"))
        if False in value:
            found |= Domain("id", "not in", queue_sudo._search([]).subselect("move_id"))
        return found

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        # EXTEND account
        moves = super().create(vals_list)
        moves._payplug_check_reversed()
        return moves

    def write(self, vals):
        # EXTEND account: Odoo takes invoices to the company of which a person becomes a
        # contact, and not back. It does so in sudo: a user's own word is not followed.
        company_id = self.env.su and vals.get("commercial_partner_id")
        links_sudo = self.payplug_link_ids if company_id else ()
        own_sudo = [link for link in links_sudo if link._is_of_payer(link.move_id)]
        result = super().write(vals)
        for link_sudo in own_sudo:
            link_sudo.payer_id = company_id
        if "reversed_entry_id" in vals:
            self._payplug_check_reversed()
        return result

    @api.constrains("journal_id", "company_id")
    def _check_payplug_company(self):
        """Check that no document with links changes the company, by its journal say."""
        for move in self:
            links_sudo = move.sudo()._payplug_links()  # whoever changes the journal
            others_sudo = links_sudo.company_id - move.company_id
            if others_sudo:
                names = {"invoice": move.display_name, "company": others_sudo[:1].name}
                raise user_error(self.env, messages.LINKS_OF_COMPANY, **names)

    def _payplug_check_reversed(self):
        """Check the user's right on the invoices that these credit notes name.

        What was refunded of those is settled with them, in sudo.
        """
        if not self.env.su:
            reversed_sudo = self.sudo().reversed_entry_id
            reversed_sudo.with_env(self.env).check_access("read")

    def _read_format(self, fnames, load="_classic_read"):
        # EXTEND base: a list's rows. Cell by cell, our columns would take half as long
        # as all of Odoo's own. `read` has checked the rights on them.
        columns = COLUMNS.keys() & set(fnames)
        if len(self) == 1 or not columns or not all(self._ids):  # of an onchange
            return super()._read_format(fnames, load)
        others = [name for name in fnames if name not in columns]
        rows = super()._read_format(others, load)
        values = self._payplug_column_values(columns)
        # As Odoo: what was deleted meanwhile is left out.
        return [{**row, **values[row["id"]]} for row in rows if row["id"] in values]

    def _payplug_column_values(self, names):
        """Return the values of some of `COLUMNS` by invoice."""
        if not self:
            return {}
        self._payplug_flush_status()
        columns = ", ".join(COLUMNS[name] for name in names)
        query = f"""SELECT move.id, move.move_type = 'out_refund', {columns}
                      FROM {TABLES} WHERE move.id = ANY(%s)"""
        rows = self.env.execute_query(SQL(query, list(self._ids)))
        found = {
            number: {
                name: False if value is None else value
                for name, value in zip(names, values, strict=True)
            }
            for number, _is_note, *values in rows
        }
        notes = [number for number, is_note, *_values in rows if is_note]
        if notes and "payplug_amount_refunded" in names:
            query = f"SELECT id, {OF_NOTE} FROM account_move move WHERE id = ANY(%s)"
            for number, amount in self.env.execute_query(SQL(query, notes)):
                found[number]["payplug_amount_refunded"] = amount
        return found

    @api.model
    def _payplug_flush_status(self):
        """Write to the database what `COLUMNS` depend on."""
        for model, depends in FLUSHED.items():
            self.env[model].flush_model(depends)

    def _post(self, soft=True):
        # EXTEND account: what was refunded may wait for this credit note
        posted = super()._post(soft)
        for move_sudo in posted.sudo().filtered("payplug_link_id"):  # only code sets it
            move_sudo._payplug_set_current_link()
        notes = posted.filtered(lambda move: move.move_type == "out_refund")
        # whoever confirms it: only code writes refunds
        for refund_sudo in notes.sudo().reversed_entry_id.payplug_link_ids.refund_ids:
            refund_sudo._settle_open()
        posted._payplug_settle_refunds()
        return posted

    def _payplug_set_current_link(self):
        """Show a link of the present customer, not that of an earlier one."""
        if not self.payplug_link_id._matches_invoice():
            own = self.payplug_link_ids.filtered(lambda link: link._matches_invoice())
            paid = own.filtered(lambda link: link.state == "paid")
            if own:
                (paid or own).sorted("is_live", reverse=True)[:1]._set_as_current()

    def _payplug_settle_refunds(self):
        """Reconcile the refunds whose payments these are: they may have been redone."""
        payments = self.origin_payment_id.filtered(
            lambda one: one.payment_type == "outbound"
        )
        if payments:
            # whoever posts them: only code reads all refunds
            refunds_sudo = self.env["payplug.refund"].sudo()
            booked = [("account_payment_id", "in", payments.ids)]
            refunds_sudo.search(booked)._settle_open()

    def button_cancel(self):
        # EXTEND account: nobody needs to confirm its refund any more
        result = super().button_cancel()
        notes = self.filtered(lambda move: move.move_type == "out_refund")
        # whoever cancels it: only code closes what it has opened
        notes.sudo().reversed_entry_id.payplug_link_ids._drop_idle_askings()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_payplug_refunded(self):
        """Keep the credit notes whose money went back, or may go: they say for what."""
        for move in self:
            # whoever may delete it: only code reads all of a document's refunds
            refunds_sudo = move.sudo().payplug_refund_ids
            refund_sudo = refunds_sudo.filtered(lambda one: one.state != "refused")[:1]
            if refund_sudo:
                raise user_error(
                    self.env,
                    messages.REFUNDED_NOTE,
                    document=move.display_name,
                    refund=refund_sudo.display_name,
                )

    def unlink(self):
        # EXTEND account
        self._payplug_trigger_sync()
        return super().unlink()

    # === ACTIONS === #

    def action_payplug_send_link(self):
        """Make or reuse the payment link, then open Odoo's Send window with it.

        Of several, open the window that sends them in the background.
        """
        self.check_access("write")
        if len(self) != 1:
            return self.env["payplug.send.links"]._open(self)
        self._payplug_check_conditions()
        return self._payplug_prepare_link() or self._payplug_send_window()

    def action_payplug_copy_link(self):
        """Make or reuse the payment link and copy its address; nobody is mailed."""
        self.ensure_one()
        self.check_access("write")
        self._payplug_check_conditions(to_send=False)
        obstacle = self._payplug_prepare_link()
        if obstacle:
            return obstacle
        self.message_subscribe(self.env.user.partner_id.ids)  # as who sends it
        if not self.payment_link:
            name = self.display_name
            raise user_error(self.env, messages.NOTHING_TO_COPY, invoice=name)
        return {
            "type": "ir.actions.client",
            "tag": "payplug_paylink.copy",
            "params": {"text": self.payment_link, "next": messages.RELOAD},
        }

    def action_payplug_refresh(self):
        """Ask Payplug how the invoice's link stands."""
        self.check_access("write")
        for link_sudo in self._payplug_link_in_hand_sudo():
            try:
                link_sudo._sync()
            except PayplugError as error:
                raise link_sudo.company_id._payplug_user_error(error) from error

    def action_payplug_cancel_link(self):
        """Make the link unpayable: on the spot, or as soon as Payplug answers."""
        self.check_access("write")
        for link_sudo in self._payplug_link_in_hand_sudo():
            if link_sudo.state != "pending":  # on a form that is out of date
                return None
            link_sudo.write({"to_cancel": True, "cancelled_by_id": self.env.uid})
            try:
                link_sudo._cancel()
                if link_sudo.problem:
                    return link_sudo._problem_notification()
            except PayplugUnavailable:
                link_sudo._trigger_process()
                title = self.env._(messages.CANCEL_LATER_TITLE)
                return notification(title, self.env._(messages.CANCEL_LATER))
            except PayplugError as error:
                raise link_sudo.company_id._payplug_user_error(error) from error
        return None

    def action_payplug_close_link(self):
        """Close a link that cannot be followed, so that a new one can be made.

        Payplug is asked to abort it all the same, whatever it answers.
        """
        self.check_access("write")
        link_sudo = self._payplug_link_in_hand_sudo()
        if link_sudo.problem and link_sudo.state == "pending":
            link_sudo.cancelled_by_id = self.env.user
            link_sudo._force_cancel()

    def action_payplug_book_again(self):
        """Book what Payplug holds and the books have lost, or take over its payment."""
        self.check_access("write")
        for link_sudo in self._payplug_links_missing():
            link_sudo._book_anew()
        for refund_sudo in self.sudo()._payplug_refunds_missing():
            refund_sudo._book_anew()

    def action_payplug_settled_otherwise(self):
        """Ask again for what Payplug holds: it was given back, or used elsewhere."""
        self.check_access("write")
        for link_sudo in self._payplug_links_missing():
            link_sudo.is_settled_otherwise = True
            link_sudo._log(messages.LOG_SETTLED_OTHERWISE)

    def action_payplug_cancel_sending(self):
        """Take these invoices out of the queue, as far as they have not been sent."""
        self.check_access("write")
        sendings_sudo = self._payplug_sendings_sudo()
        cancelled = sendings_sudo._cancel_sending()
        if not cancelled:
            is_late = "waiting" in sendings_sudo.mapped("state")
            why = messages.TOO_LATE_TO_CANCEL if is_late else messages.NONE_WAITING
            raise user_error(self.env, why)
        for move in cancelled:
            move._message_log(body=self.env._(messages.LOG_SENDING_CANCELLED))
        return notification(
            self.env._(messages.SENDING_CANCELLED_TITLE),
            text(self.env, messages.SENDING_CANCELLED, count=len(cancelled)),
        )

    def action_payplug_open_links(self):
        """Show the links of this invoice."""
        self.env["payplug.payment.link"].check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "payplug_paylink.payplug_payment_link_action"
        )
        return {**action, "domain": [("move_id", "in", self.ids)]}

    def action_payplug_open_portal(self):
        """Open Payplug's own site, where the merchant sees the payments."""
        self.env["payplug.payment.link"].check_access("read")
        return {"type": "ir.actions.act_url", "url": PORTAL_URL, "target": "new"}

    def action_payplug_refund(self):
        """Open the window that gives money back to the customer's card.

        On a credit note, or on an invoice of which a payment by link left a surplus.
        """
        self.ensure_one()
        self._payplug_refund_documents().check_access("write")
        link_sudo = self.sudo()._payplug_refundable_link()
        try:
            for one in link_sudo | link_sudo._paid_beside():
                with_deadline(one, wait_for_lock=True)._sync()
        except PayplugError as error:
            raise self.company_id._payplug_user_error(error) from error
        if not self.sudo()._payplug_refundable_link():  # the portal may have refunded
            name = self.display_name
            raise user_error(self.env, messages.REFUND_NOTHING, document=name)
        return self.env["payplug.refund.by.card"]._open(self)

    def action_payplug_open_refunds(self):
        """Show the refunds by card of this invoice or credit note."""
        self.env["payplug.refund"].check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "payplug_paylink.payplug_refund_action"
        )
        return {**action, "domain": [("id", "in", self._payplug_refunds().ids)]}

    def action_payplug_prepare_credit_note(self):
        """Open a draft credit note of what was refunded by card without one."""
        self.ensure_one()
        self.check_access("write")
        if not self.sudo()._payplug_missing_credit():  # readers see it in a banner
            name = self.display_name
            raise user_error(self.env, messages.REFUND_NOTHING, document=name)
        note = self._payplug_note_for_refunds()
        if missing := not note and self.sudo()._payplug_missing_credit():
            note = self._payplug_create_credit_note(missing)
        return (note or self)._get_records_action()

    def _payplug_note_for_refunds(self):
        """Return a credit note that is there for what was refunded: a second one would
        give it back again. What can be reconciled with it is.
        """
        refunds_sudo = self.sudo()._payplug_refunds()  # only code reads all of them
        links_sudo = refunds_sudo.filtered(lambda one: one._open_debit()).link_id
        refunds_sudo._settle_open()
        notes_sudo = links_sudo.mapped(lambda link: link._credit_notes())
        if not self.sudo()._payplug_missing_credit():
            return notes_sudo[:1].with_env(self.env)
        is_open = notes_sudo.filtered(lambda note: note._payplug_credit_left())
        drafts = self.reversal_move_ids.filtered(
            lambda note: note.state == "draft" and links_sudo[:1]._is_of_payer(note)
        )
        return is_open[:1].with_env(self.env) or drafts[:1]

    def action_toggle_block_payment(self):
        # EXTEND account: on hold, nothing is asked
        result = super().action_toggle_block_payment()
        self._payplug_trigger_sync()
        return result

    def _payplug_trigger_sync(self):
        """Let the cron look, and decide, at once if one of these has a pending link."""
        # Whoever does the accounting. Most invoices have no link: no query for those.
        linked_sudo = self._origin.sudo().filtered("payplug_link_id")
        if linked_sudo and "pending" in linked_sudo.payplug_link_ids.mapped("state"):
            self.env["payplug.payment.link"]._trigger_process()

    def _payplug_link_in_hand_sudo(self):
        """Return the link that a button concerns, in sudo: only code writes links."""
        self.ensure_one()
        link_sudo = self.sudo()._payplug_open_link()
        return with_deadline(link_sudo, wait_for_lock=True)

    def _payplug_prepare_link(self):
        """Make or reuse the link; return the action that tells what is in the way."""
        links = self.env["payplug.payment.link"]
        try:
            link_sudo = with_deadline(links, wait_for_lock=True)._get_or_create(self)
        except PayplugError as error:
            if error.link_ended:
                return self._payplug_no_new_link(error)
            raise self.company_id._payplug_user_error(error) from error
        if link_sudo.problem:
            return link_sudo._problem_notification()
        if link_sudo.state == "paid":
            title = self.env._(messages.ALREADY_PAID_TITLE)
            values = {"invoice": self.display_name}
            return notification(title, text(self.env, messages.ALREADY_PAID, **values))
        return None

    def _payplug_send_window(self):
        """Open Odoo's Send window with our template, by e-mail."""
        action = self.action_send_and_print()
        # Customers set to another channel would get no mail.
        action["context"]["default_sending_methods"] = ["email"]
        action["context"]["default_payplug_with_link"] = True
        template = self._payplug_template()
        if template:
            action["context"]["default_template_id"] = template.id
        return action

    def _payplug_template(self):
        """Return our template; empty if somebody has deleted it."""
        template = self.env.ref(
            "payplug_paylink.mail_template_payment_link", raise_if_not_found=False
        )
        return template or self.env["mail.template"]

    def _payplug_no_new_link(self, error):
        """Tell that the earlier link has ended and there is no new one, which stays."""
        why = self.company_id._payplug_error_reason(error)
        if error.details:
            why = text(self.env, messages.PAYPLUG_SAYS, said=error.details)
        values = {"invoice": self.display_name, "why": why}
        message = text(self.env, messages.NO_NEW_LINK, **values)
        return notification(self.env._(messages.NO_NEW_LINK_TITLE), message)

    # === AMOUNTS AND LINKS === #

    def _payplug_amount_due(self):
        """Return what may be asked of the customer; the only source of it.

        What the customer has paid by a link is not asked again, whether the books know
        it or not. In the invoice's currency, 0 if nothing may be asked.
        """
        due = self._payplug_residual()
        if not due:
            return 0.0  # a form may have no currency yet
        return max(self.currency_id.round(due - self._payplug_paid_ahead()), 0.0)

    def _payplug_paid_ahead(self):
        """Return what was paid by links and does not lower the residual.

        It waits for the books; or it lies there as the customer's credit, because the
        invoice was a draft, say, when it came.
        """
        links_sudo = self.sudo()._payplug_links()  # whoever asks what is due
        return sum((link_sudo._paid_ahead() for link_sudo in links_sudo), 0.0)

    def _payplug_residual(self):
        """Return what the books say is left to pay by the customer.

        With Odoo's Accounting app a paid invoice may keep its residual while its
        payment is on the way (``in_payment``): the residual alone would ask twice.
        """
        self.ensure_one()
        is_open = self.payment_state in ("not_paid", "partial")
        is_posted = self.move_type == "out_invoice" and self.state == "posted"
        return self.amount_residual if is_posted and is_open else 0.0

    def _payplug_credit_left(self):
        """Return what is left to give back of credit notes.

        Nothing of what the Accounting app calls ``in_payment``, as above.
        """
        is_open = self.filtered(
            lambda one: one.payment_state in ("not_paid", "partial")
        )
        return sum(is_open.mapped("amount_residual"))

    def _payplug_links_to_book(self):
        """Return, in sudo, the links that the customer paid and are not booked yet."""
        # whoever asks what is due
        links_sudo = self.sudo()._payplug_links().filtered("to_book")
        return links_sudo.filtered(lambda link: link._matches_invoice())

    def _payplug_links_missing(self):
        """Return, in sudo, the links whose money is no longer in the books."""
        # whoever asks what is due
        links_sudo = self.sudo()._payplug_links()
        return links_sudo.filtered(lambda link: link._is_missing_in_books())

    def _payplug_links(self):
        """Return all links; none costs no query, as the last one is on the invoice."""
        return self.payplug_link_id and self.payplug_link_ids

    def _payplug_open_link(self):
        """Return the link that may still be paid, else the one that the form shows.

        They differ when an earlier link was paid late.
        """
        links = self._payplug_links()
        pending = links.filtered(lambda link: link.state == "pending")
        return pending[:1] or self.payplug_link_id

    def _payplug_customer_link(self):
        """Return the same, for the customer: nothing of an earlier customer's link."""
        return self._payplug_open_link().filtered(lambda link: link._matches_invoice())

    # === STATUS === #

    def _payplug_status_detail(self):
        """Return what there is to say beside the status, in the company's time."""
        status, link = self.payplug_status, self.payplug_link_id
        if status == "not_sent":
            return self.payplug_sending_reason
        if status in ("reopened", "cancelled"):
            is_ours = link.is_withdrawn or link.state == "pending"
            status = "withdrawn" if is_ours else "in_portal"
            status = "cancelled" if link.cancelled_by_id else status
        if status not in messages.STATUS_DETAILS:
            return False
        sent_at = self._payplug_sendings_sudo().sent_at or link.create_date
        if status == "sent" and link.is_made_by_customer:
            status, sent_at = "made_by_customer", link.create_date
        refunded, paid = self._payplug_refunded()
        return text(
            self.env,
            messages.STATUS_DETAILS[status],
            **link._names(),
            refunded=self.currency_id.format(refunded),
            paid=self.currency_id.format(paid),
            net=self.currency_id.format(paid - refunded),
            due=self.currency_id.format(self._payplug_residual()),
            refusal=link.refusal_text,
            sent=link._local_time(sent_at),
            until=link._local_time(link.expires_at),
            user=link.cancelled_by_id.name,
        )

    # === CONDITIONS === #

    def _payplug_facts(self, due=None, to_send=True):
        """Return what decides whether this invoice may be paid by a link.

        :param bool to_send: whether the contact counts, too
        """
        self.ensure_one()
        due = self._payplug_amount_due() if due is None else due
        contact = self.partner_id
        may_read = not to_send or contact.has_access("read")
        terms = self.line_ids.filtered(
            lambda line: (
                line.display_type == "payment_term"
                and line.amount_currency
                and not line.reconciled
            )
        )
        return InvoiceFacts(
            move_type=self.move_type,
            state=self.state,
            currency=self.currency_id.name or "",
            company_currency=self.company_id.currency_id.name,
            residual_cents=to_cents(self._payplug_residual()),
            due_cents=to_cents(due),
            total_cents=to_cents(self.amount_total),
            is_to_book=bool(self._payplug_links_to_book()),
            is_missing=bool(self._payplug_links_missing()),
            due_dates=tuple(sorted(set(terms.mapped("date_maturity")) - {False})),
            has_contact_access=may_read,
            is_contact_archived=may_read and bool(contact) and not contact.active,
            email=contact._payplug_email() if to_send and may_read else "",
        )

    def _payplug_unmet(self, due=None, to_send=True):
        """Return what keeps this invoice from being paid by a link, as `Unmet`."""
        account = self.company_id._payplug_account_facts()
        return unmet_conditions(self._payplug_facts(due, to_send), account, to_send)

    def _payplug_unmet_conditions(self):
        """Return a sentence for each unmet condition: the value found, what to do."""
        return [self._payplug_unmet_text(unmet) for unmet in self._payplug_unmet()]

    def _payplug_check_conditions(self, to_send=True):
        """Raise an error that names every unmet condition, if there is one.

        It leads to the contact where that is all there is to correct.

        :param bool to_send: whether the link is mailed, so that an address is needed
        """
        found = self._payplug_unmet(to_send=to_send)
        if not found:
            return
        reasons = "\n".join(f"• {self._payplug_unmet_text(unmet)}" for unmet in found)
        names = {"invoice": self.display_name, "reasons": reasons}
        refused = messages.CANNOT_SEND if to_send else messages.CANNOT_COPY
        message = text(self.env, refused, **names)
        if self.partner_id and {unmet.code for unmet in found} <= {"email", "archived"}:
            name = self.partner_id.display_name
            contact = self.partner_id._get_records_action(target="new", name=name)
            button = self.env._(messages.OPEN_CONTACT)
            raise ConfidentialRedirectWarning(message, contact, button)
        raise ConfidentialUserError(message)

    def _payplug_unmet_text(self, unmet, for_everyone=False):
        """Return the sentence for an unmet condition.

        :param payment_rules.Unmet unmet: of this invoice
        :param bool for_everyone: whether people read it who may not read the contact
        """
        if for_everyone and unmet.code in messages.UNMET_FOR_EVERYONE:
            return self.env._(messages.UNMET_FOR_EVERYONE[unmet.code])
        template = messages.UNMET[unmet.code]
        if unmet.code == "email" and not self.partner_id.email:
            template = messages.UNMET_NO_EMAIL
        return text(self.env, template, **self._payplug_unmet_values(unmet))

    def _payplug_unmet_values(self, unmet):
        """Return what the sentences of the conditions name, as far as it is asked."""
        if unmet.code in ("disabled", "no_key", "journal"):
            return self.company_id._payplug_account_values()
        if unmet.code == "amount":
            return {
                "amount": self.currency_id.format(from_cents(unmet.found["cents"])),
                "limits": self.company_id._payplug_limits_text(),
            }
        if unmet.code == "due_dates":
            days = [format_date(self.env, day) for day in unmet.found["dates"]]
            return {"count": len(days), "dates": format_list(self.env, days)}
        if unmet.code in ("email", "archived"):
            contact = self.partner_id
            return {
                "contact": contact.display_name or self.env._(messages.NO_CONTACT),
                "email": messages.visible(contact.email or ""),
            }
        labels = ("move_type", "state", "payment_state")
        return {
            **{name: self._payplug_label(name) for name in labels},
            "payment": self.sudo().payment_id,
            "currency": self.currency_id.name,
            "company": self.company_id.name,
            "books": self.company_id.currency_id.name,
        }

    def _payplug_label(self, name):
        """Return the words for the value of a selection field."""
        words = dict(self._fields[name]._description_selection(self.env))
        return words.get(self[name], "")

    # === PLACEHOLDERS === #

    # Odoo renders them when a template is saved and when a window opens: they never
    # raise, never ask Payplug and never write.

    def _payplug_link_url(self):
        """Return the page that customers are mailed, if something can be paid there."""
        if self._payplug_mails_page():
            return self._payplug_is_payable() and self._payplug_page_url()
        link = self.payplug_link_id and self._payplug_open_link()
        return link and link._is_payable_now() and link.url

    def _payplug_holds_link(self, *texts):
        """Tell whether one of these texts, maybe HTML, leads to where one can pay."""
        url = self.sudo().payment_link  # whoever sends the invoice
        found = (url in said or escape(url) in said for said in texts if url and said)
        return any(found)

    def _payplug_mails_page(self):
        return self.company_id._payplug_root().payplug_link_target == "page"

    def _payplug_button_html(self, url):
        is_live = self.company_id._payplug_is_live()
        note = "" if is_live else self.env._(messages.PAY_BUTTON_TEST)
        background, color = self._payplug_button_colors()
        return BUTTON % {
            "url": url,
            "background": background,
            "color": color,
            "label": self._payplug_button_label(self._payplug_amount_due()),
            "note": note and NOTE % note,
        }

    def _payplug_button_colors(self):
        """Return background and label of our buttons: as Odoo's own in this mail."""
        company = self.company_id
        return button_colors(company.email_secondary_color, company.email_primary_color)

    def _payplug_button_label(self, due):
        return text(self.env, messages.PAY_BUTTON, amount=self.currency_id.format(due))

    @api.model
    def mail_allowed_qweb_expressions(self):
        # EXTEND mail: billing users may put these into their templates
        return super().mail_allowed_qweb_expressions() + (
            "object.payment_link",
            "object.payment_link_button",
        )

    # === THE PAY PAGE === #

    # Always current, the same address as long as the invoice lives. Everything is
    # answered from what Odoo knows; only `_payplug_start_payment` asks Payplug.

    def _payplug_page_url(self):
        """Return the absolute address of this invoice's pay page."""
        return self.company_id.get_base_url() + self._payplug_page_path()

    def _payplug_page_path(self):
        """Return the same on whatever host the visitor is: the path alone."""
        self.ensure_one()
        signature = self.env["payplug.payment.link"]._signature("pay", self)
        return f"/payplug/pay/{self.id}/{signature}"

    def _payplug_page_state(self, due=None):
        """Return what the pay page shows, a code of `payment_rules.page_state`."""
        self.ensure_one()
        due = self._payplug_amount_due() if due is None else due
        link, pending = self._payplug_customer_link(), self._payplug_open_link()
        pending = pending.filtered(lambda link: link.state == "pending")
        # That of an earlier customer has to end before another one is made.
        is_stuck = pending._is_stuck() or (pending - link)._is_examined()
        return page_state(
            PageFacts(
                is_settled=self._payplug_is_settled(due),
                is_being_checked=self._payplug_is_being_checked(),
                is_barred=bool(link.to_cancel or is_stuck),
                is_met=not self._payplug_unmet(due, to_send=False),
                link_state=link.state or "",
                has_refusal=bool(link.refusal) and not link._is_of_other_mode(),
                may_renew=self._payplug_may_renew(),
            )
        )

    def _payplug_is_payable(self, due=None):
        """Tell, to whoever sees the invoice, whether its pay page takes payments."""
        return self.sudo()._payplug_page_state(due) in ("payable", "refused")

    def _payplug_may_renew(self):
        """Tell whether customers may make a new link after the old one's end."""
        return self.company_id._payplug_root().payplug_customer_renewal

    def _payplug_is_settled(self, due):
        """Tell whether the customer has paid, in the books or not yet."""
        if self.state != "posted" or self.move_type != "out_invoice":
            return False
        if self._payplug_is_paid():
            return True
        return bool(self._payplug_residual()) and (
            not due or bool(self._payplug_recorded_link(due))
        )

    def _payplug_is_paid(self):
        return self.payment_state in ("paid", "in_payment")

    def _payplug_recorded_link(self, due=None):
        """Return the link whose payment of all that is due was recorded, not booked."""
        link = self._payplug_open_link()  # a later one may still be paid
        recorded = (
            link.state == "paid"
            and not (link.is_booked or link.to_book)
            and link.is_live == self.company_id._payplug_is_live()
            and link._has_amount_due(due)
        )
        return link if recorded else link.browse()

    def _payplug_is_being_checked(self):
        """Tell whether a payment is under way, by Payplug or by another provider."""
        if self._payplug_customer_link()._is_examined():
            return True
        return self._payplug_has_native_payment() and any(
            transaction.state in ("pending", "authorized")
            or (transaction.state == "done" and not transaction.is_post_processed)
            for transaction in self.transaction_ids
            if transaction.provider_code not in ("none", "custom")
        )

    def _payplug_paid_on(self):
        """Return the day of the last payment, by Payplug's dates; False if unknown."""
        entries = self.line_ids.matched_credit_ids.credit_move_id.move_id
        payments = self.matched_payment_ids | entries.origin_payment_id
        links = self._payplug_links_that_paid()
        booked = links.account_payment_id
        dates = [link._booking_date() for link in links]
        dates += (payments - booked).mapped("date")
        dates += (entries - booked.move_id).mapped("date")
        return max(dates, default=False)

    def _payplug_links_that_paid(self):
        """Return the links whose money settles this invoice, booked or not yet."""
        entries = self.line_ids.matched_credit_ids.credit_move_id.move_id
        payments = self.matched_payment_ids | entries.origin_payment_id
        booked = self.payplug_link_ids.filtered(
            lambda link: link.account_payment_id in payments and link._matches_invoice()
        )
        return self._payplug_links_to_book() | self._payplug_recorded_link() | booked

    def _payplug_start_payment(self):
        """Return the address of Payplug's page for what is due today.

        The pending payment is reused, or a new one made, under the invoice's lock.

        :return: "" if there is nothing to pay there: the pay page tells why
        :raise PayplugError: if Payplug is silent or refuses
        :raise UserError: if an earlier payment is not known to be at its end
        :raise ConcurrencyError: if somebody else is at it
        """
        if not self._payplug_is_payable():
            return ""
        link = known = self._payplug_open_link()
        if not (link._is_fresh("started_at") and link._is_payable_now()):
            links = with_deadline(self.env["payplug.payment.link"], wait_for_lock=True)
            link = links._get_or_create(self, for_customer=True)
            (link & known).started_at = fields.Datetime.now()  # a new one was not asked
        # Payplug may have told just now that it examines what was paid there.
        return link.url if link._matches_due() and not link.is_being_checked else ""

    def _payplug_log_refusal(self, error):
        """Tell the company, once a day, that a customer could not pay and why."""
        # As OdooBot: the visitor is no author, and the line is for the company.
        move = self.with_user(SUPERUSER_ID).with_context(
            lang=self.company_id.partner_id.lang or self.env.lang
        )
        why = move.company_id._payplug_error_message(error)
        body = text(move.env, messages.LOG_CUSTOMER_COULD_NOT_PAY, why=why)
        since = fields.Datetime.now() - timedelta(days=1)
        lines = self.message_ids.filtered(lambda line: line.date > since)
        if not any(escape(body) in (line.body or "") for line in lines):
            move._message_log(body=body)

    def _payplug_page_values(self):
        """Return what the pay page's template needs, as plain values."""
        company = self.company_id
        link = self._payplug_customer_link()
        due = self._payplug_amount_due()
        today = fields.Date.context_today(self)
        background, color = self._payplug_button_colors()
        state = self._payplug_page_state(due)
        return {
            "state": state,
            "number": self.name if self.name != "/" else "",
            "company": company.name,
            "company_id": company.id,  # for its logo
            "path": self._payplug_page_path(),
            "amount": self.currency_id.format(due),
            "button": self._payplug_button_label(due),
            "button_style": f"background-color: {background};"
            f" border-color: {background}; color: {color};",
            "pdf": self._payplug_shows_pdf() and f"{self._payplug_page_path()}/{PDF}",
            "due_date": self.invoice_date_due,
            "is_late": self.invoice_date_due and self.invoice_date_due < today,
            "paid_on": self._payplug_paid_on(),
            "total": self.currency_id.format(self.amount_total),
            "receipts": [
                {"amount": link.currency_id.format(link.amount), "id": link.payplug_id}
                for link in self._payplug_links_that_paid()
            ],
            "is_test": self._payplug_page_is_test(state),
            "is_trial": state == "paid" and bool(due) and not self._payplug_is_paid(),
            **self._payplug_page_refund(),
            "refusal": text(self.env, messages.PAGE_REFUSAL, why=link.refusal_text),
            "email": company.email,
            "phone": company.phone,
        }

    def _payplug_page_is_test(self, state):
        """Tell whether no real money is paid there, or none was: what it shows."""
        if state in ("payable", "refused", "expired"):
            return not self.company_id._payplug_is_live()
        if state == "checking":  # else another provider's payment is
            link = self._payplug_customer_link()
            return link._is_examined() and not link.is_live
        refunded, _paid = self._payplug_refunded()
        links = self._payplug_links_that_paid()
        links |= self._payplug_paid_links() if refunded else links
        return bool(links) and not any(links.mapped("is_live"))

    def _payplug_shows_pdf(self):
        """Tell whether the pay page shows the invoice itself, as it was confirmed."""
        return self.move_type == "out_invoice" and self.state == "posted"

    def _payplug_pdf(self):
        """Return the PDF that Odoo's portal gives of this invoice.

        The stored one, if it was sent; else it is printed, and nothing is stored. One
        visitor at a time has an invoice printed: the others leave the workers free.

        :return: ``filename``, ``filetype`` and ``content``; None while it is printed
            for somebody else
        :rtype: dict or None
        """
        stored = self._get_invoice_legal_documents("pdf")
        if stored or not self._payplug_may_print():
            return stored
        move = self.with_context(payplug_print_at_once=True)
        return move._get_invoice_legal_documents("pdf", allow_fallback=True)

    def _payplug_may_print(self):
        """Take the turn to print this invoice until the transaction ends, if free."""
        lock = SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", PRINT_SPACE, self.id)
        [[is_free]] = self.env.execute_query(lock)
        return is_free

    # === REFUNDS === #

    def _payplug_refunds(self):
        """Return the refunds by card of this invoice or credit note.

        Not those of another company, or customer, whose it was: they are not for it.
        """
        move = self._origin  # not as an onchange has it: it may name anybody's invoice
        is_note = move.move_type == "out_refund"
        invoice = move.reversed_entry_id if is_note else move
        refunds = invoice._payplug_links().refund_ids
        if is_note:
            of_note = refunds.filtered(lambda one: move in one._settled_notes())
            refunds = move.payplug_refund_ids | of_note
        return refunds.filtered(lambda one: one.link_id._matches(move))

    def _payplug_refunds_missing(self):
        """Return those of which the books have lost the payment."""
        return self._payplug_refunds().filtered(lambda one: one._is_missing_in_books())

    def _payplug_refunded(self):
        """Return what was refunded by card, and of how much that is a part."""
        if self.move_type == "out_refund":
            values = self._origin._payplug_column_values(["payplug_amount_refunded"])
            row = values.get(self._origin.id, {})
            return row.get("payplug_amount_refunded", 0.0), self.amount_total
        paid = self._payplug_paid_links()
        return sum(paid.mapped("amount_refunded")), sum(paid.mapped("amount"))

    def _payplug_paid_links(self):
        """Return the links that the customer paid; trials, if none with real money."""
        links = self._payplug_links() or self.payplug_link_id
        paid = links.filtered(
            lambda link: link.state == "paid" and link._matches_invoice()
        )
        return paid.filtered("is_live") or paid

    def _payplug_refund_documents(self):
        """Return what a user needs the right on: a credit note has its invoice's money.

        Whoever may write a credit note says of which invoice it is.
        """
        # only their ids: the right on them is checked next
        return self | self.sudo().reversed_entry_id.with_env(self.env)

    def _payplug_refundable_link(self):
        """Return the paid link whose money may go back for this document, if any."""
        is_note = self.move_type == "out_refund"
        # A cancelled invoice leaves all that was paid.
        states = ["posted"] if is_note else ["posted", "cancel"]
        if self.state not in states or self.move_type not in REFUNDED_TYPES:
            return self.payplug_link_id.browse()
        note = self if is_note else self.browse()
        links = (self.reversed_entry_id if is_note else self)._payplug_links()
        # A credit note may come from another company, whose money is not for this one.
        links = links.filtered(lambda link: link.company_id == self.company_id)
        links = links.sorted("is_live", reverse=True)  # trials last
        asked = links.filtered(lambda link: link._refund_facts(note).is_asked)
        met = asked.filtered(
            lambda link: (
                not unmet_refund(
                    link._refund_facts(note), SMALLEST_REFUND, fields.Datetime.now()
                )
            )
        )
        return (met or asked)[:1]  # the window tells why no money can go back

    def _payplug_missing_credit(self):
        """Return what was refunded by card, and no credit note settles."""
        if self.move_type != "out_invoice":
            return 0.0
        return sum(refund._open_debit() for refund in self._payplug_refunds())

    def _payplug_create_credit_note(self, amount):
        """Return a draft credit note of so much, for a person to look at and confirm.

        A part of the invoice is the same part of each of its lines.
        """
        today = fields.Date.context_today(self)
        ref = text(self.env, messages.CREDIT_NOTE_REF, invoice=self.name)
        note = self._reverse_moves([{"invoice_date": today, "date": today, "ref": ref}])
        part = amount / self.amount_total if self.amount_total else 1.0
        if self.currency_id.compare_amounts(amount, self.amount_total) < 0:
            for line in note.invoice_line_ids:
                if line.display_type == "product":
                    line.price_unit *= part
            note.invoice_cash_rounding_id = False  # the cents that went, no others
            note._payplug_round_to(amount)
        return note

    def _payplug_round_to(self, amount):
        """Let a draft credit note be of this amount to the cent, by its tax if any."""
        cents = self.currency_id.round(amount - self.amount_total)
        taxes = self.line_ids.filtered(lambda line: line.display_type == "tax")
        if cents and taxes:
            taxes[0].amount_currency += cents
        elif cents:
            lines = self.invoice_line_ids
            last = lines.filtered(lambda line: line.display_type == "product")[-1:]
            price = self.currency_id.round(last.price_subtotal + cents)
            last.write({"quantity": 1, "discount": 0, "price_unit": price})

    def _payplug_page_refund(self):
        """Return what the pay page says of refunds."""
        refunded, paid = self._payplug_refunded()
        done = self._payplug_paid_links().refund_ids.filtered("refunded_at")
        days = [one.link_id._local_date(one.refunded_at) for one in done]
        return {
            "refunded": self.currency_id.format(refunded) if refunded else "",
            "is_refunded": bool(refunded) and refunded >= paid,
            "refunded_on": max(days, default=False),
        }

    def _payplug_refund_alerts(self):
        """Return the banner, with its button, for refunds without a credit note."""
        alerts = self._payplug_lost_refund_alerts()
        missing = self.sudo()._payplug_missing_credit()  # for every reader
        if not missing:
            return alerts
        amount = self.currency_id.format(missing)
        message = text(self.env, messages.BANNER_NO_CREDIT_NOTE, open=amount)
        refunds_sudo = self.sudo()._payplug_refunds()  # for every reader, as well
        notes_sudo = refunds_sudo.link_id.mapped(lambda link: link._credit_notes())
        if settled_sudo := notes_sudo - refunds_sudo.credit_note_id:
            names = ", ".join(settled_sudo.mapped("name"))
            message += " " + text(self.env, messages.BANNER_NOTE_SETTLED, names=names)
        alert = {"level": "warning", "message": message}
        if self.has_access("write"):
            alert["action_text"] = self.env._(messages.PREPARE_CREDIT_NOTE)
            alert["action"] = self._payplug_server_action("prepare_credit_note")
        return {**alerts, "payplug_no_credit_note": alert}

    def _payplug_lost_refund_alerts(self):
        """Return the banner, with its button, for refunds that the books have lost."""
        lost_sudo = self.sudo()._payplug_refunds_missing()  # for every reader
        if not lost_sudo:
            return {}
        amount = self.currency_id.format(sum(lost_sudo.mapped("amount")))
        message = text(self.env, messages.BANNER_REFUND_MISSING, amount=amount)
        alert = {"level": "danger", "message": message}
        if self.has_access("write"):
            alert["action_text"] = self.env._(messages.BOOK_AGAIN)
            alert["action"] = self._payplug_server_action("book_again")
        return {"payplug_refund_missing": alert}

    def _payplug_server_action(self, name):
        """Return what calls one of our actions on this document, from a banner."""
        xml_id = f"payplug_paylink.account_move_action_payplug_{name}"
        action = self.env.ref(xml_id, raise_if_not_found=False)
        context = {"active_model": self._name, "active_id": self.id}
        context["active_ids"] = self.ids
        return action and {
            "type": "ir.actions.server",
            "id": action.id,
            "context": context,
        }

    # === PORTAL AND PAPER === #

    def _payplug_shows_portal_button(self):
        """Tell whether the portal shows *Pay by card*: not beside Odoo's *Pay Now*."""
        # A bank transfer, which "custom" stands for, is another thing.
        return self._payplug_is_payable() and not (
            self._payplug_other_providers() - {"custom"} and self._has_to_be_paid()
        )

    def _payplug_other_providers(self):
        """Return the codes of the providers that Odoo's own *Pay Now* offers customers.

        As they see them, whoever asks: published, and with a method for their country
        and currency. Odoo shows the others to employees only, for whom it also takes a
        record that it read as superuser. Of several invoices: what pays all at once.
        """
        if not self._payplug_has_native_payment():
            return set()
        move_sudo = self.sudo()  # providers are not for the portal's users to read
        customer, currency = move_sudo.partner_id[:1], move_sudo.currency_id[:1]
        found_sudo = move_sudo.env["payment.provider"]._get_compatible_providers(
            move_sudo.company_id[:1].id,
            customer.id,
            sum(move_sudo.mapped("amount_total")),
            currency_id=currency.id,
        )
        found_sudo = found_sudo.filtered("is_published")
        methods_sudo = move_sudo.env["payment.method"]._get_compatible_payment_methods(
            found_sudo.ids, customer.id, currency_id=currency.id
        )
        return set((found_sudo & methods_sudo.provider_ids).mapped("code"))

    @api.model
    def _payplug_has_native_payment(self):
        """Tell whether account_payment is there, with buttons of its own."""
        return "transaction_ids" in self._fields

    def _payplug_bars_pay_overdue(self):
        """Tell whether *Pay overdue* leads nowhere, and ours takes these invoices."""
        return (
            self._payplug_has_native_payment()
            and not self._payplug_other_providers()
            and any(move._payplug_is_payable() for move in self)
        )

    def _has_to_be_paid(self):
        # EXTEND account_payment, where it is installed: its *Pay Now* leads nowhere
        # without a provider, and then ours takes its place
        native = getattr(super(), "_has_to_be_paid", None)
        if not (native and native()):
            return False
        if self.sudo()._payplug_is_under_way():
            return False  # nobody pays twice
        return not self._payplug_is_payable() or bool(self._payplug_other_providers())

    def _payplug_is_under_way(self):
        """Tell whether money came, or may, that the invoice does not show yet."""
        if self._payplug_customer_link()._is_examined():
            return True
        # An earlier link may have been paid beside one that is still payable.
        return bool(self._payplug_paid_ahead() or self._payplug_recorded_link())

    def _payplug_shows_qr_code(self):
        """Tell whether the printed invoice carries the QR code of its pay page."""
        root_sudo = self.company_id._payplug_root()
        return root_sudo.payplug_qr_code and self._payplug_is_payable()

    def _payplug_qr_code(self):
        """Return the QR code of the pay page, which lasts as paper does, as a PNG."""
        url, reports = self._payplug_page_url(), self.env["ir.actions.report"]
        picture = reports.barcode("QR", url, width=256, height=256, quiet=False)
        return image_data_uri(base64.b64encode(picture))

    # === SENDING === #

    def _payplug_sendings_sudo(self):
        """Return these invoices' rows in the queue, in sudo: only code writes them."""
        queue_sudo = self.env["payplug.sending"].sudo()
        invoices = self._origin.filtered(lambda move: move.move_type == "out_invoice")
        if not invoices:
            return queue_sudo
        return queue_sudo.search_fetch(
            [("move_id", "in", invoices.ids)],
            ["move_id", "state", "failure_reason", "sent_at", "user_id", "link_id"],
        )

    def _payplug_sent_on(self):
        """Return, by invoice, when it was mailed a link that still can be paid.

        Or when the customer made one, on the page: as the status has it.
        """
        sendings_sudo = self._payplug_sendings_sudo()
        failed_sudo = sendings_sudo.filtered(lambda one: one.state == "failed").move_id
        links_sudo = (self.sudo() - failed_sudo).payplug_link_id
        found = {
            link.move_id.with_env(self.env): link.create_date
            for link in links_sudo.filtered("is_made_by_customer")
            if link._is_payable_now()
        }
        return found | {
            sending.move_id.with_env(self.env): sending.sent_at
            for sending in sendings_sudo
            if sending.state == "sent" and sending.link_id._is_payable_now()
        }

    def _payplug_waiting(self):
        """Return, by invoice in the queue, that it need not be sent again."""
        message = messages.ALREADY_SENDING
        return {
            sending.move_id.with_env(self.env): text(
                self.env, message, user=sending.user_id.name
            )
            for sending in self._payplug_sendings_sudo()
            if sending.state == "waiting"
        }

    def _payplug_tell_followers(self, names, is_due=False):
        """Tell those who follow what is paid by link; the chatter says it anyhow.

        :param bool is_due: whether it was a trial that is not booked
        """
        paid = self.env.ref("payplug_paylink.mail_message_subtype_paid", False)
        told = [
            ("res_model", "=", self._name),
            ("res_id", "=", self.id),
            ("subtype_ids", "in", paid and paid.ids),
        ]
        if paid and self.env["mail.followers"].search_count(told, limit=1):
            names = {**names, "invoice": self.name}
            told = messages.PAID_BY_LINK_TRIAL if is_due else messages.PAID_BY_LINK
            subject, body = (text(self.env, words, **names) for words in told)
            self.message_post(
                subject=subject,
                body=body,
                subtype_id=paid.id,
                model_description=self.type_name,
            )

    def _payplug_thank_customer(self):
        """Mail the customer a thank-you with the invoice, if the company ticked it."""
        template = self.env.ref(
            "payplug_paylink.mail_template_payment_received", raise_if_not_found=False
        )
        if not (template and self.company_id._payplug_root().payplug_thank_customer):
            return
        # Of another model it would show, and be mailed to, another record. And Odoo
        # digs an address out of anything: the invoice goes to no stranger.
        if template.model != self._name or not self.partner_id._payplug_email():
            return
        pdf = self.invoice_pdf_report_id  # as the customer got it
        mail = template.send_mail(
            self.id,
            email_values={"attachment_ids": [Command.link(pdf.id)] if pdf else []},
        )
        self.env["mail.mail"].browse(mail).send_after_commit()

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        # EXTEND base: whoever types a payment's id and presses Enter finds its invoice,
        # whatever other addons search by that first field
        arch, view = super()._get_view(view_id, view_type, **options)
        if (
            view_type == "search"
            and arch.find(".//field[@name='payment_id']") is not None
        ):
            for node in arch.xpath("//field[@name='name'][@filter_domain]"):
                domain = node.get("filter_domain").strip().removeprefix("[")
                found = f"['|', ('payment_id', '=', self), {domain}"
                node.set("filter_domain", found)
        return arch, view

    def _get_alerts(self):
        # EXTEND account: banners at the top of the form
        alerts = super()._get_alerts()
        if not self.env.user._is_internal():
            return alerts  # Odoo's field has no groups: the portal's users may read it
        if not self._origin.has_access("read"):
            return alerts  # of what an onchange brings along
        for name, level, message in self.sudo()._payplug_banners():  # for every reader
            alerts[f"payplug_{name}"] = {"level": level, "message": message}
        return {**alerts, **self._payplug_refund_alerts()}

    def _payplug_banners(self):
        """Yield what the form says first of link and sending: name, level, sentence."""
        yield from self.payplug_link_id._of_present_customer()._banners()
        for link in self._payplug_links().filtered("to_book"):
            why = link.booking_error or self.env._(messages.TO_BOOK_UNKNOWN)
            yield "to_book", "danger", text(self.env, messages.BANNER_TO_BOOK, why=why)
        for link in self._payplug_links_missing():
            yield f"missing_{link.id}", "danger", link._missing_text()
        refunds = self._payplug_refunds()
        yield from refunds._banners(self._payplug_refunded()[0])
        is_note = self.move_type == "out_refund"
        paid = self.reversed_entry_id if is_note else self
        links = paid.payplug_link_id and paid.payplug_link_ids
        asked = links._asked_for(self)
        if is_note:
            asked |= links.asking_activity_ids.filtered("active") & self.activity_ids
        for activity in asked:
            yield f"refund_asked_{activity.id}", "info", links._asked_text(activity)
        done = refunds.filtered(lambda refund: refund.state == "done")
        if is_note and not all(done.mapped("link_id.is_live")):
            yield "test_refund", "warning", self.env._(messages.BANNER_TEST_REFUND)
        if self.payplug_status == "being_sent":
            yield "waiting", "info", self.env._(messages.BANNER_SENDING)
        if self.payplug_status == "not_sent":
            why = self.payplug_sending_reason
            yield "not_sent", "warning", text(self.env, messages.NOT_SENT, why=why)
