"""The company's Payplug account: keys, mode, limits, journal, and its client."""

import time
from ipaddress import ip_address
from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .. import payment_messages as messages
from ..confidential import ConfidentialUserError
from ..payment_messages import text, user_error
from ..payment_rules import AccountFacts
from ..payplug_api import API_URL, PayplugClient
from ..payplug_remote import KEY_SHAPE, PayplugRejected, SecretKey, from_cents
from ..whole_char import WholeChar

INTERNAL_DOMAINS = (".local", ".localhost", ".internal", ".lan", ".home", ".test")
USERS = "base.group_user"
REQUEST_SECONDS = 9  # what all calls of one request may take together

# Cents: the limits of this addon for everybody. An account's own only narrow them.
MIN_CENTS, MAX_CENTS = 100, 2_000_000


class Deadline(float):
    """A moment of `time.monotonic`; a type, as no request can put one in a context."""


def with_deadline(records, wait_for_lock=False):
    """Return the records for a request in which somebody waits: its calls all end soon.

    :param records: any recordset from which `_payplug_client` is reached; if they have
        a deadline already, they keep it
    :param bool wait_for_lock: for a person who would see an error page where another
        request holds the invoice's lock
    """
    context = {"payplug_wait_for_lock": wait_for_lock}
    if _deadline(records) is None:
        context["payplug_deadline"] = Deadline(time.monotonic() + REQUEST_SECONDS)
    return records.with_context(**context)


def _deadline(records):
    found = records.env.context.get("payplug_deadline")
    return found if isinstance(found, Deadline) else None


def is_public(url):
    """Tell whether an absolute address looks as if the Internet could reach it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https"):
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(INTERNAL_DOMAINS)


class ResCompany(models.Model):
    _inherit = "res.company"

    payplug_enabled = fields.Boolean(
        string="Payplug payment links",
        copy=False,
        help="Send customers a link to pay their invoice by card on Payplug's page.",
        groups=USERS,
    )
    payplug_mode = fields.Selection(
        selection=[("test", "Test: no real money"), ("live", "Live")],
        string="Payplug mode",
        default="test",
        required=True,
        copy=False,
        groups=USERS,
    )
    payplug_test_key = WholeChar(
        string="Payplug test key", groups="base.group_system", copy=False
    )
    payplug_live_key = WholeChar(
        string="Payplug live key", groups="base.group_system", copy=False
    )
    # Where following the links goes on, by mode, as JSON: see `link_polling`.
    payplug_polling = WholeChar(
        string="Payplug links: next page", groups="base.group_system", copy=False
    )
    payplug_account_name = fields.Char(
        string="Payplug account", readonly=True, copy=False, groups=USERS
    )
    # As Payplug gives them: of the account behind the key in use, once it was asked.
    payplug_min_cents = fields.Integer(
        "Payplug minimum (cents)", default=MIN_CENTS, copy=False, groups=USERS
    )
    payplug_max_cents = fields.Integer(
        "Payplug maximum (cents)", default=MAX_CENTS, copy=False, groups=USERS
    )
    payplug_journal_id = fields.Many2one(
        comodel_name="account.journal",
        string="Payplug journal",
        domain="[('type', '=', 'bank'), ('company_id', '=', id)]",
        check_company=True,
        copy=False,
        help="Where payments by Payplug are booked until Payplug pays them out.",
        groups=USERS,
    )
    payplug_link_target = fields.Selection(
        selection=[
            ("page", "The invoice's page on this Odoo, always current"),
            ("payplug", "Payplug's page itself, good for 7 days"),
        ],
        string="Payplug link in e-mails",
        default="page",
        required=True,
        copy=False,
        groups=USERS,
    )
    payplug_customer_renewal = fields.Boolean(
        string="Payplug links renewed by customers",
        default=True,
        copy=False,
        help="After a link's end, the customer can go on to pay without you. Instead "
        "of a link that was cancelled in Payplug's portal, or by Odoo, the customer "
        "may make another one in any case; not of one that you cancel here.",
        groups=USERS,
    )
    payplug_thank_customer = fields.Boolean(
        string="Thank customers for Payplug payments",
        copy=False,
        help="Who has paid by a link gets an e-mail with the paid invoice.",
        groups=USERS,
    )
    payplug_qr_code = fields.Boolean(
        string="Payplug QR code on invoices",
        copy=False,
        help="Invoices carry a QR code and a link to their payment page.",
        groups=USERS,
    )
    payplug_book_test_payments = fields.Boolean(
        string="Book test payments",
        copy=False,
        help="For trials on a database without real accounts.",
        groups=USERS,
    )

    @api.constrains("payplug_test_key", "payplug_live_key")
    def _check_payplug_keys(self):
        for company_sudo in self.sudo():  # the keys are for administrators only
            for mode in ("test", "live"):
                key = company_sudo[f"payplug_{mode}_key"]
                if key:
                    company_sudo._payplug_check_key(key, mode)

    def _payplug_check_key(self, key, mode):
        """Check, before a secret key is stored or sent, its shape and its mode."""
        shape = KEY_SHAPE.fullmatch(key)
        word = self._payplug_mode_word(mode == "live")
        if not shape:
            values = {"mode": word, "start": f"sk_{mode}_"}
            raise ValidationError(text(self.env, messages.KEY_SHAPE, **values))
        if shape["mode"] != mode:
            values = {"mode": word, "found": self._payplug_mode_word(mode != "live")}
            raise ValidationError(text(self.env, messages.KEY_OF_OTHER_MODE, **values))

    @api.constrains("payplug_enabled")
    def _check_payplug_currency(self):
        for company in self.filtered("payplug_enabled"):
            if company.currency_id.name != "EUR":
                message, name = messages.COMPANY_NOT_IN_EUROS, company.display_name
                values = {"company": name, "currency": company.currency_id.name}
                raise ValidationError(text(self.env, message, **values))

    def _payplug_check_live_key(self):
        """Check that live mode has its key: called when mode and keys are stored."""
        for company_sudo in self.sudo():  # the key is for administrators only
            is_live = company_sudo.payplug_enabled and company_sudo._payplug_is_live()
            if is_live and not company_sudo._payplug_key(is_live):
                name = company_sudo.display_name
                raise user_error(self.env, messages.LIVE_WITHOUT_KEY, company=name)

    @api.constrains("payplug_book_test_payments", "payplug_live_key")
    def _check_payplug_book_test_payments(self):
        for company_sudo in self.sudo():  # the key is for administrators only
            books_tests = company_sudo.payplug_book_test_payments
            if books_tests and company_sudo.payplug_live_key:
                company_sudo._payplug_check_key(company_sudo.payplug_live_key, "live")
                message = messages.TEST_PAYMENTS_WITH_LIVE_KEY
                name = company_sudo.display_name
                raise ValidationError(text(self.env, message, company=name))

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        companies.filtered("payplug_enabled")._payplug_set_up_journals()
        return companies

    def write(self, vals):
        in_use = {company: company._payplug_key_in_use() for company in self}
        result = super().write(vals)
        if "payplug_book_test_payments" in vals:
            self.env["payplug.payment.link"]._trigger_process()  # some may wait for it
        for company, key in in_use.items():
            if company._payplug_key_in_use() != key:
                company._payplug_forget_account()
        if {"payplug_enabled", "payplug_journal_id"} & vals.keys():
            self.filtered("payplug_enabled")._payplug_set_up_journals()
        return result

    @api.model
    def _sql_error_to_message(self, exc):
        # EXTEND base: PostgreSQL quotes the row that it refuses, which holds the keys,
        # and Odoo sends what it says to whoever wrote the company, or its contact
        exc.args = (exc.diag.message_primary,)
        return super()._sql_error_to_message(exc)

    def _payplug_key_in_use(self):
        company_sudo = self.sudo()  # to compare, whoever writes whatever
        is_live = company_sudo.payplug_mode == "live"
        return company_sudo[f"payplug_{'live' if is_live else 'test'}_key"]

    def _payplug_forget_account(self):
        """Forget name and limits: they are those of another key, maybe account."""
        self.sudo().write(  # whoever may change the key
            {
                "payplug_account_name": False,
                "payplug_min_cents": MIN_CENTS,
                "payplug_max_cents": MAX_CENTS,
            }
        )

    def _payplug_set_up_journals(self):
        """Give each of these companies a Payplug journal, or check the one it has."""
        for company_sudo in self.sudo():  # settings, not bookkeeping: any admin may
            if company_sudo.payplug_journal_id:
                company_sudo._payplug_check_journal()
                continue
            company_sudo._payplug_check_accounts()
            journal = company_sudo.env["account.journal"]._payplug_create(company_sudo)
            company_sudo.payplug_journal_id = journal  # setting it checks it

    def _payplug_check_accounts(self):
        accounts = self.env["account.account"]
        own = accounts._check_company_domain(self)
        if not (self.chart_template or accounts.search_count(own, limit=1)):
            name = self.display_name
            raise user_error(self.env, messages.NO_ACCOUNTS, company=name)

    def _payplug_check_journal(self):
        self._payplug_check_can_book()
        journal = self.payplug_journal_id
        if journal.type != "bank" or journal._payplug_shares_account():
            name = journal.display_name
            raise user_error(self.env, messages.SHARED_JOURNAL, journal=name)
        if not journal._payplug_outbound_line().payment_account_id:
            journal._payplug_set_outbound_account()
        self._payplug_check_can_book_refunds()

    def _payplug_check_can_book(self):
        """Check that the Payplug journal can take payments; raise what is missing."""
        if not self.payplug_journal_id._payplug_can_book():
            values = self._payplug_account_values()
            raise user_error(self.env, messages.UNMET["journal"], **values)

    def _payplug_check_can_book_refunds(self):
        """Check the same for money that goes back; raise what is missing."""
        if not self.payplug_journal_id._payplug_can_book_refunds():
            values = self._payplug_account_values()
            raise user_error(self.env, messages.REFUND_JOURNAL, **values)

    # === THE ACCOUNT === #

    def _payplug_root(self):
        """Return, in sudo, the company whose account serves this one.

        Branches use their root's; a branch's user may not read it.
        """
        return self.sudo().root_id

    def _payplug_key(self, is_live):
        """Return the secret key of a mode, "" if none; both modes are kept."""
        root_sudo = self._payplug_root()
        return root_sudo.payplug_live_key if is_live else root_sudo.payplug_test_key

    def _payplug_is_live(self):
        """Tell whether new links are for real money."""
        return self._payplug_root().payplug_mode == "live"

    def _payplug_mode_word(self, is_live):
        return self.env._(messages.LIVE if is_live else messages.TEST)

    def _payplug_account_facts(self):
        """Return what decides whether a link can be made for this company."""
        root_sudo = self._payplug_root()
        min_cents, max_cents = self._payplug_limits()
        return AccountFacts(
            is_enabled=root_sudo.payplug_enabled,
            has_key=bool(root_sudo._payplug_key(root_sudo._payplug_is_live())),
            can_book=root_sudo.payplug_journal_id._payplug_can_book(),
            min_cents=min_cents,
            max_cents=max_cents,
        )

    def _payplug_account_values(self):
        """Return what the sentences about this company's account name."""
        root_sudo = self._payplug_root()
        no_journal = self.env._(messages.NO_JOURNAL)
        return {
            "account": root_sudo.display_name,
            "mode": self._payplug_mode_word(root_sudo._payplug_is_live()),
            "journal": root_sudo.payplug_journal_id.display_name or no_journal,
        }

    def _payplug_limits(self):
        """Return the limits of a payment in cents: the account's only narrow ours."""
        root_sudo = self._payplug_root()
        return (
            max(root_sudo.payplug_min_cents, MIN_CENTS),
            min(root_sudo.payplug_max_cents, MAX_CENTS),
        )

    def _payplug_limits_text(self):
        """Return the smallest and the largest amount of a payment, for people."""
        euro = self.env.ref("base.EUR")
        minimum, maximum = map(from_cents, self._payplug_limits())
        amounts = {"minimum": euro.format(minimum), "maximum": euro.format(maximum)}
        return text(self.env, messages.LIMITS, **amounts)

    def _payplug_account_label(self):
        """Return the merchant's name or, where Payplug gives none, the number."""
        name = self._payplug_root().payplug_account_name or ""
        if name.isdigit():
            return text(self.env, messages.ACCOUNT_NUMBER, number=name)
        return name

    def _payplug_connection_text(self):
        """Return whether, as whom and in which mode the company is connected."""
        is_live = self._payplug_is_live()
        if not self._payplug_key(is_live):
            word = self._payplug_mode_word(is_live)
            return text(self.env, messages.NOT_CONNECTED, mode=word)
        name = self._payplug_account_label()
        message = messages.CONNECTED[is_live] if name else messages.NOT_TESTED
        return text(self.env, message, name=name)

    # === THE CLIENT === #

    def _payplug_client(self, is_live=None):
        """Return a client for this company's account.

        :param bool is_live: the mode; by default the one that is set
        :raise UserError: if there is no key of that mode
        """
        is_live = self._payplug_is_live() if is_live is None else is_live
        key = self._payplug_key(is_live)
        if not key:
            root_sudo, word = self._payplug_root(), self._payplug_mode_word(is_live)
            values = {"account": root_sudo.display_name, "mode": word}
            raise user_error(self.env, messages.UNMET["no_key"], **values)
        return PayplugClient(SecretKey(key), self._payplug_api_url(), _deadline(self))

    @api.model
    def _payplug_api_url(self):
        """Return where the API is; only an administrator can point it elsewhere."""
        params_sudo = self.env["ir.config_parameter"].sudo()  # not for everyone to read
        return params_sudo.get_param("payplug_paylink.api_url") or API_URL

    def _payplug_can_be_notified(self):
        """Tell whether Payplug, or an emulator beside us, can notify this Odoo."""
        return self._payplug_api_url() != API_URL or is_public(self.get_base_url())

    def _payplug_read_account(self):
        """Ask Payplug about the account of the key in use; store what we need of it."""
        account = self._payplug_client().get_account()
        root_sudo = self._payplug_root()
        root_sudo.payplug_account_name = account.name
        if account.min_cents:
            root_sudo.payplug_min_cents = account.min_cents
        if account.max_cents:
            root_sudo.payplug_max_cents = account.max_cents
        return account

    def _payplug_user_error(self, error):
        """Return a `PayplugError` as what a user is shown; it may quote a customer."""
        return ConfidentialUserError(self._payplug_error_message(error))

    def _payplug_error_message(self, error):
        """Return what a `PayplugError` means for a user: what happened, what to do."""
        if not isinstance(error, PayplugRejected):
            message = messages.UNAVAILABLE
        elif error.status == 401:
            message = messages.KEY_REFUSED
        elif error.details:
            message = messages.REJECTED_WITH_DETAILS
        else:
            message = messages.REJECTED
        reason = self._payplug_error_reason(error)
        values = {"account": self._payplug_root().display_name, "reason": reason}
        return text(self.env, message, details=error.details, **values)

    def _payplug_error_reason(self, error):
        """Return, for people, why a call failed: a few words or the HTTP status."""
        known = messages.REASONS.get(error.reason)
        return self.env._(known) if known else error.reason
