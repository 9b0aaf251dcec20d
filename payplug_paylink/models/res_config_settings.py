"""Settings ▸ Invoicing ▸ Customer Payments ▸ Payplug."""

import contextlib

from odoo import api, fields, models

from .. import payment_messages as messages
from ..payment_messages import notification, text, user_error
from ..payplug_remote import PayplugError, PayplugRejected
from .res_company import with_deadline

HIDDEN = "•" * 8


def mask(key):
    """Return what the screen shows of a secret key: its mode and two characters."""
    return f"{key[:8]}{HIDDEN}{key[-2:]}" if key else ""


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    payplug_root_id = fields.Many2one(
        related="company_id.root_id", string="Company of the Payplug account"
    )
    payplug_enabled = fields.Boolean(
        related="company_id.payplug_enabled", readonly=False
    )
    payplug_mode = fields.Selection(related="company_id.payplug_mode", readonly=False)
    payplug_account_name = fields.Char(related="company_id.payplug_account_name")
    payplug_journal_id = fields.Many2one(
        related="company_id.payplug_journal_id", readonly=False
    )
    payplug_book_test_payments = fields.Boolean(
        related="company_id.payplug_book_test_payments", readonly=False
    )
    payplug_link_target = fields.Selection(
        related="company_id.payplug_link_target", readonly=False
    )
    payplug_customer_renewal = fields.Boolean(
        related="company_id.payplug_customer_renewal", readonly=False
    )
    payplug_thank_customer = fields.Boolean(
        related="company_id.payplug_thank_customer", readonly=False
    )
    payplug_qr_code = fields.Boolean(
        related="company_id.payplug_qr_code", readonly=False
    )
    payplug_connection = fields.Char("Connection", compute="_compute_payplug_texts")
    payplug_url = fields.Char("Notifications", compute="_compute_payplug_texts")
    payplug_url_warning = fields.Char("Warning", compute="_compute_payplug_texts")
    # What the browser gets is a mask; what comes back changed is a new key.
    payplug_test_key = fields.Char(
        string="Test key",
        compute="_compute_payplug_keys",
        inverse=lambda self: self._payplug_store_key("test"),
        groups="base.group_system",
    )
    payplug_live_key = fields.Char(
        string="Live key",
        compute="_compute_payplug_keys",
        inverse=lambda self: self._payplug_store_key("live"),
        groups="base.group_system",
    )
    payplug_limits = fields.Char("Accepted amounts", compute="_compute_payplug_texts")

    @api.constrains("payplug_enabled", "payplug_mode", "payplug_live_key")
    def _check_payplug_live_key(self):
        self.company_id._payplug_check_live_key()  # both were stored, in any order

    @api.depends("company_id")
    def _compute_payplug_keys(self):
        for settings in self:
            settings.payplug_test_key = mask(settings.company_id.payplug_test_key)
            settings.payplug_live_key = mask(settings.company_id.payplug_live_key)

    @api.onchange("payplug_enabled")
    def _onchange_payplug_enabled(self):
        """Warn of links that customers then can no longer pay on the page."""
        company = self.company_id._origin  # as it is stored
        if self.payplug_enabled or not company.payplug_enabled:
            return None
        return self._warn_of_waiting(messages.LINKS_WAITING)

    @api.onchange("payplug_mode")
    def _onchange_payplug_mode(self):
        """Warn of links whose page then takes payments in another mode."""
        company = self.company_id._origin  # as it is stored
        was = company.payplug_mode
        mails_page = company.payplug_enabled and company.payplug_link_target == "page"
        if self.payplug_mode == was or not mails_page:
            return None
        return self._warn_of_waiting(messages.LINKS_OF_MODE[was], mode=was)

    def _warn_of_waiting(self, message, **values):
        """Return the warning of an onchange if links wait to be paid, else None."""
        links_sudo = self.env["payplug.payment.link"].sudo()  # whoever may set this
        company = self.company_id._origin
        waiting = [("state", "=", "pending"), ("company_id", "child_of", company.id)]
        waiting += [(name, "=", value) for name, value in values.items()]
        count = links_sudo.search_count(waiting)
        message = text(self.env, message, count=count)
        title = self.env._(messages.LINKS_WAITING_TITLE)
        return {"warning": {"title": title, "message": message}} if count else None

    @api.model_create_multi
    def create(self, vals_list):
        # EXTEND base: in an order of our own
        return super().create([self._payplug_in_order(vals) for vals in vals_list])

    def write(self, vals):
        # EXTEND base: as above
        return super().write(self._payplug_in_order(vals))

    @api.model
    def _payplug_in_order(self, vals):
        """Return values so that what makes room for another one is stored before it.

        Odoo stores them one by one, and tests are not booked beside a live key.
        """
        name = "payplug_book_test_payments"
        if not isinstance(vals, dict) or name not in vals:
            return vals  # Odoo tells what is no dict
        others = {other: value for other, value in vals.items() if other != name}
        own = {name: vals[name]}
        return others | own if vals[name] else own | others

    def _payplug_store_key(self, mode):
        """Store a key that was typed, if Payplug accepts it: it might be wrong."""
        for settings in self:
            company, field = settings.company_id, f"payplug_{mode}_key"
            key = (settings[field] or "").strip()
            if key == mask(company[field]):
                continue
            company[field] = key
            if key:
                settings._payplug_check_new_key(mode)

    def _payplug_check_new_key(self, mode):
        company = with_deadline(self.company_id)
        try:
            company._payplug_client(is_live=mode == "live").get_account()
        except PayplugRejected as error:
            word = company._payplug_mode_word(mode == "live")
            values = {"mode": word, "reason": error.reason}
            raise user_error(self.env, messages.NEW_KEY_REFUSED, **values) from error
        except PayplugError as error:
            raise company._payplug_user_error(error) from error

    def set_values(self):
        """Learn the limits of an account that was connected just now."""
        result = super().set_values()
        root_sudo = with_deadline(self.company_id._payplug_root())
        account = root_sudo._payplug_account_facts()
        is_ready = account.is_enabled and account.has_key and account.can_book
        if is_ready and not root_sudo.payplug_account_name:
            with contextlib.suppress(PayplugError):  # "Test the connection" remains
                root_sudo._payplug_read_account()
        return result

    @api.depends("company_id")
    def _compute_payplug_texts(self):
        for settings in self:
            company = settings.company_id
            settings.payplug_limits = company._payplug_limits_text()
            settings.payplug_connection = company._payplug_connection_text()
            is_reached, url = company._payplug_can_be_notified(), company.get_base_url()
            warning = text(self.env, messages.UNREACHABLE, url=url)
            settings.payplug_url_warning = not is_reached and warning
            settings.payplug_url = is_reached and text(
                self.env, messages.REACHABLE, url=url
            )

    def action_payplug_sign_in(self):
        """Open the window that fetches the keys with Payplug's own credentials.

        On an existing record: the web client empties what is not stored of a new one
        before the button runs.
        """
        window = self.env["payplug.sign.in"].create({"company_id": self.company_id.id})
        name = self.env._(messages.SIGN_IN)
        return window._get_records_action(name=name, target="new", context={})

    def action_payplug_test_connection(self):
        """Ask Payplug which account this is, store its limits, and tell."""
        company = with_deadline(self.company_id)
        try:
            account = company._payplug_read_account()
        except PayplugError as error:
            raise company._payplug_user_error(error) from error
        message = messages.LIVE_ALLOWED[account.live_allowed]
        is_stopped = company.payplug_mode == "live" and account.live_allowed is False
        return notification(
            company._payplug_connection_text(),
            text(self.env, message, limits=company._payplug_limits_text()),
            "warning" if is_stopped else "success",
            then=messages.SETTINGS,
        )
