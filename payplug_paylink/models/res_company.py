"""The company's Payplug account: keys, mode, limits and journal."""

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..payplug_remote import KEY_SHAPE, from_cents

# Cents: the limits of this addon for everybody. An account's own only narrow them.
MIN_CENTS, MAX_CENTS = 100, 2_000_000


class ResCompany(models.Model):
    _inherit = "res.company"

    payplug_enabled = fields.Boolean(
        string="Payplug payment links",
        copy=False,
        help="Send customers a link to pay their invoice by card on Payplug's page.",
        groups="base.group_user",
    )
    payplug_mode = fields.Selection(
        selection=[("test", "Test: no real money"), ("live", "Live")],
        string="Payplug mode",
        default="test",
        required=True,
        copy=False,
        groups="base.group_user",
    )
    payplug_test_key = fields.Char(
        string="Payplug test key", groups="base.group_system", copy=False
    )
    payplug_live_key = fields.Char(
        string="Payplug live key", groups="base.group_system", copy=False
    )
    payplug_account_name = fields.Char(
        string="Payplug account", readonly=True, copy=False, groups="base.group_user"
    )
    # As Payplug gives them: of the account behind the key in use, once it was asked.
    payplug_min_cents = fields.Integer(
        string="Payplug minimum (cents)", default=MIN_CENTS, copy=False, groups="base.group_user"
    )
    payplug_max_cents = fields.Integer(
        string="Payplug maximum (cents)", default=MAX_CENTS, copy=False, groups="base.group_user"
    )
    payplug_journal_id = fields.Many2one(
        comodel_name="account.journal",
        string="Payplug journal",
        domain="[('type', '=', 'bank'), ('company_id', '=', id)]",
        check_company=True,
        copy=False,
        help="Where payments by Payplug are booked until Payplug pays them out.",
        groups="base.group_user",
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
        groups="base.group_user",
    )
    payplug_customer_renewal = fields.Boolean(
        string="Payplug links renewed by customers",
        default=True,
        copy=False,
        help="After a link's end, the customer can go on to pay by himself.",
        groups="base.group_user",
    )
    payplug_qr_code = fields.Boolean(
        string="Payplug QR code on invoices",
        copy=False,
        help="Invoices carry a QR code and a link to their payment page.",
        groups="base.group_user",
    )
    payplug_book_test_payments = fields.Boolean(
        string="Book test payments",
        copy=False,
        help="For trials on a database without real accounts.",
        groups="base.group_user",
    )

    @api.constrains("payplug_test_key", "payplug_live_key")
    def _check_payplug_keys(self):
        for company_sudo in self.sudo():  # the keys are for administrators only
            for mode in ("test", "live"):
                key = company_sudo[f"payplug_{mode}_key"]
                if key:
                    company_sudo._payplug_check_key(key, mode)

    def _payplug_check_key(self, key, mode):
        """Check the shape of a secret key, before it is stored or sent anywhere.

        :param str mode: ``test`` or ``live``
        :raise ValidationError: if this is no key of Payplug, or one of the other mode
        """
        shape = KEY_SHAPE.fullmatch(key)
        if not shape:
            raise ValidationError(
                self.env._(
                    "This is not a %(mode)s key of Payplug: it must start with "
                    "%(start)s and go on with letters and digits only. Copy it again "
                    "from Payplug's portal. The stored key was kept.",
                    mode=self._payplug_mode_word(mode == "live"),
                    start=f"sk_{mode}_",
                )
            )
        if shape["mode"] != mode:
            raise ValidationError(
                self.env._(
                    "This is a %(found)s key of Payplug, and it was given as the "
                    "%(mode)s key. Put it into the other field. The stored key was "
                    "kept.",
                    found=self._payplug_mode_word(shape["mode"] == "live"),
                    mode=self._payplug_mode_word(mode == "live"),
                )
            )

    @api.constrains("payplug_book_test_payments", "payplug_live_key")
    def _check_payplug_book_test_payments(self):
        for company_sudo in self.sudo():  # the key is for administrators only
            if company_sudo.payplug_book_test_payments and (
                company_sudo.payplug_live_key
            ):
                raise ValidationError(
                    self.env._(
                        "Test payments cannot be booked in %(company)s, which has a "
                        "live key: no real money stands behind them. Switch off "
                        '"Book test payments", or remove the live key.',
                        company=company_sudo.display_name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        companies.filtered("payplug_enabled")._payplug_set_up_journals()
        return companies

    def write(self, vals):
        in_use = {company: company._payplug_key_in_use() for company in self}
        result = super().write(vals)
        if "payplug_book_test_payments" in vals:
            self.env["payplug.payment.link"]._trigger_cron()  # some may wait for it
        for company, key in in_use.items():
            if company._payplug_key_in_use() != key:
                company._payplug_forget_account()
        if {"payplug_enabled", "payplug_journal_id"} & vals.keys():
            self.filtered("payplug_enabled")._payplug_set_up_journals()
        return result

    def _payplug_key_in_use(self):
        company_sudo = self.sudo()  # to compare, whoever writes whatever
        return company_sudo[f"payplug_{company_sudo.payplug_mode}_key"]

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
        """Give each of these companies a Payplug journal, or check the one it has.

        :raise UserError: if the company has no accounts yet, or if the journal cannot
            take Payplug's payments
        """
        for company_sudo in self.sudo():  # settings, not bookkeeping: any admin may
            if not company_sudo.payplug_journal_id:
                company_sudo._payplug_check_accounts()
                journals_sudo = company_sudo.env["account.journal"]
                journal_sudo = journals_sudo._payplug_create(company_sudo)
                company_sudo.payplug_journal_id = journal_sudo  # which checks it
            else:
                company_sudo._payplug_check_journal()

    def _payplug_check_accounts(self):
        accounts = self.env["account.account"]
        own = accounts._check_company_domain(self)
        if not (self.chart_template or accounts.search_count(own, limit=1)):
            raise UserError(
                self.env._(
                    "%(company)s has no accounts yet, and Payplug needs a journal to "
                    "book payments in. Choose the fiscal localization in Settings ▸ "
                    "Invoicing first, then switch Payplug on.",
                    company=self.display_name,
                )
            )

    def _payplug_check_journal(self):
        journal = self.payplug_journal_id
        obstacle = journal._payplug_obstacle(self)
        if obstacle:
            raise UserError(obstacle)
        if journal.type != "bank" or journal._payplug_shares_account():
            raise UserError(
                self.env._(
                    "The journal %(journal)s is not for Payplug alone: it must be a "
                    "bank journal whose outstanding account for incoming payments no "
                    "other journal uses. Choose another one, or empty the field: Odoo "
                    "then makes one.",
                    journal=journal.display_name,
                )
            )

    # Connection

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
        return self.env._("live") if is_live else self.env._("test")

    def _payplug_obstacle(self):
        """Return why no link can be made for this company, "" if one can.

        :rtype: str
        """
        root_sudo = self._payplug_root()
        names = {
            "company": root_sudo.display_name,
            "mode": self._payplug_mode_word(root_sudo.payplug_mode == "live"),
        }
        if not root_sudo.payplug_enabled:
            return self.env._(
                "Payplug is switched off for %(company)s: an administrator can switch "
                "it on in Settings ▸ Invoicing ▸ Payplug.",
                **names,
            )
        if not root_sudo._payplug_key(root_sudo._payplug_is_live()):
            return self.env._(
                "%(company)s has no %(mode)s key of Payplug: an administrator can "
                "sign in to Payplug in Settings ▸ Invoicing ▸ Payplug.",
                **names,
            )
        return root_sudo.payplug_journal_id._payplug_obstacle(root_sudo)

    def _payplug_limits(self):
        """Return the smallest and the largest amount of a payment, in cents.

        Both may be paid. What Payplug's account allows beyond 1 to 20 000 € does not
        count (ARCHITECTURE.rst, Conditions).

        :rtype: tuple
        """
        root_sudo = self._payplug_root()
        return (
            max(root_sudo.payplug_min_cents, MIN_CENTS),
            min(root_sudo.payplug_max_cents, MAX_CENTS),
        )

    def _payplug_limits_text(self):
        """Return the smallest and the largest amount of a payment, for people."""
        euro = self.env.ref("base.EUR")
        minimum, maximum = map(from_cents, self._payplug_limits())
        return self.env._(
            "%(minimum)s to %(maximum)s",
            minimum=euro.format(minimum),
            maximum=euro.format(maximum),
        )
