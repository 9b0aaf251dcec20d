"""What the tests share: a connected French company, its customer, and a real Payplug.

The emulator listens on 127.0.0.1 and is spoken to over HTTP, so that the client itself
is under test.
"""

import contextlib
from urllib.parse import urlsplit

from odoo import SUPERUSER_ID, Command, api
from odoo.exceptions import UserError
from odoo.modules.registry import Registry
from odoo.tests import HOST, HttpCase, get_db_name, new_test_user
from odoo.tests.common import _super_send

from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.product.tests.common import ProductCommon

from .common_company import take_company
from .payplug_emulator import PayplugEmulator

# The loggers of what a test provokes.
LINK_LOG = "odoo.addons.payplug_paylink.models.payplug_payment_link"

WEEK = 7 * 24 * 3600


class RealRequests:
    """Lets requests to 127.0.0.1 leave as they are.

    Odoo's tests lengthen every timeout to 10 seconds, and ours are under test.
    """

    @classmethod
    def _request_handler(cls, session, request, /, **options):
        if urlsplit(request.url).hostname == HOST:
            return _super_send(session, request, **options)
        return super()._request_handler(session, request, **options)


class KeptCaches:
    """Keeps what Odoo has computed and compiled for the next test.

    Odoo's tests clear all caches after each test and compile each screen and template
    anew. Here only those are cleared that were cleared meanwhile, since the records are
    rolled back, as `Registry.reset_changes` does after each transaction that fails.
    """

    @classmethod
    def setUpClass(cls):
        registry = Registry(get_db_name())
        # no patcher: Odoo stops those before the class has cleared the caches
        registry.clear_all_caches = cls._clear_changed_caches
        cls.addClassCleanup(delattr, registry, "clear_all_caches")
        super().setUpClass()

    @classmethod
    def _clear_changed_caches(cls):
        registry, before = cls.registry, cls.registry_cache_sequences
        # what a request or a scheduled action has signalled is marked no more
        signalled = {
            name
            for name, number in registry.cache_sequences.items()
            if number != before[name]
        }
        registry.cache_invalidated.update(signalled)
        registry.cache_sequences.update(before)
        registry.reset_changes()


class CompiledAssets:
    """Compiles the web client's scripts once: each test would, and roll it back."""

    @classmethod
    def setUpClass(cls):
        with Registry(get_db_name()).cursor() as cr:  # committed: it changes no record
            assets = api.Environment(cr, SUPERUSER_ID, {})["ir.qweb"]
            for bundle in ("web.assets_web", "web.assets_tests"):
                assets._get_asset_bundle(bundle).js()
        super().setUpClass()


class FewFixtures(AccountTestInvoicingCommon):
    """Odoo's helpers, and those records of its fixture that the tests here use.

    The others (products, taxes, fiscal positions, a second user) are half of the time
    in which a class of tests gets ready.
    """

    @classmethod
    def setUpClass(cls):
        super(ProductCommon, cls).setUpClass()
        company = cls.env.company
        cls.company_data = cls.collect_company_accounting_data(company)
        bank = cls.company_data["default_journal_bank"]
        charts = cls.env["account.chart.template"]
        for way, kind in (("inbound", "debit"), ("outbound", "credit")):
            account = charts.ref(f"account_journal_payment_{kind}_account_id")
            bank[f"{way}_payment_method_line_ids"][0].payment_account_id = account
        cls.product_a = cls.product_b = cls.env["product.product"]
        cls.pay_terms_a = cls.env.ref("account.account_payment_term_immediate")
        halves = [{"value_amount": 30}, {"value_amount": 70, "nb_days": 60}]
        cls.pay_terms_b = cls.env["account.payment.term"].create(
            {"name": "Two dates", "line_ids": [Command.create(half) for half in halves]}
        )
        values = {
            "invoice_sending_method": "manual",
            "invoice_edi_format": False,
            "company_id": False,
        }
        cls.partner_a, cls.partner_b = cls.env["res.partner"].create(
            [
                {"name": name, "property_payment_term_id": terms.id, **values}
                for name, terms in (
                    ("partner_a", cls.pay_terms_a),
                    ("partner_b", cls.pay_terms_b),
                )
            ]
        )

    @classmethod
    def setup_other_company(cls, **kwargs):
        company = cls._create_company(**{"name": "company_2", **kwargs})
        return cls.collect_company_accounting_data(company)


class PayplugCommon(KeptCaches, RealRequests, FewFixtures):
    @classmethod
    def _create_company(cls, **values):
        company_sudo = take_company(cls.env(su=True), **values)  # not the user's yet
        if not company_sudo:
            return super()._create_company(**values)
        cls.env.user.company_ids = [Command.link(company_sudo.id)]
        return company_sudo.with_env(cls.env)

    @classmethod
    @AccountTestInvoicingCommon.setup_country("fr")
    def setUpClass(cls):
        super().setUpClass()
        for code in ("en_US", "fr_FR"):
            cls.env["res.lang"]._activate_lang(code)
        cls.env = cls.env(context={**cls.env.context, "lang": "en_US"})
        cls.payplug = PayplugEmulator.start()
        cls.addClassCleanup(cls.payplug.stop)
        cls.account = cls.payplug.add_account(name="Lumière SARL", live_allowed=True)
        cls.env["ir.config_parameter"].set_param(
            "payplug_paylink.api_url", cls.payplug.url
        )
        cls.company = cls.company_data["company"]
        cls.company.write(
            {
                "payplug_test_key": cls.account.test_key,
                "payplug_live_key": cls.account.live_key,
                "payplug_enabled": True,
            }
        )
        cls.partner_a.write(
            {
                "name": "Marie Durand",
                "email": "marie.durand@example.com",
                "street": "12 rue des Lilas",
                "zip": "75020",
                "city": "Paris",
                "country_id": cls.env.ref("base.fr").id,
            }
        )
        cls.biller = cls._create_user("biller", "account.group_account_invoice")

    def setUp(self):
        super().setUp()
        # keeps the accounts and the class's payments; forgets others, faults and clock
        self.payplug.reset()
        self._calls_seen = 0

    @contextlib.contextmanager
    def assertUserError(self, words):
        """Check that a user is told a sentence with these words (a pattern)."""
        with self.assertRaises(UserError) as refusal:
            yield
        self.assertRegex(refusal.exception.args[0], words)

    def _new_calls(self):
        """Return the calls that Payplug received since this was asked last."""
        calls = self.payplug.calls[self._calls_seen :]
        self._calls_seen += len(calls)
        return calls

    def _lie(self, **fields):
        """Let Payplug's answers have other values in these fields, from now on."""
        self.payplug.clear_faults()
        if fields:
            self.payplug.fail("lie", times=None, fields=fields)

    @classmethod
    def _create_user(cls, login, groups):
        return new_test_user(
            cls.env,
            login=login,
            groups=groups,
            lang="en_US",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    @classmethod
    def _create_payable_invoice(cls, amount=120.0, **values):
        """Return a posted invoice of this many euros that may be paid by a link.

        :param values: further fields of the `account.move`; ``post=False`` for a draft
        """
        return cls._create_invoice(
            **{
                "post": True,
                "invoice_line_ids": [
                    Command.create(
                        {"name": "Service", "price_unit": amount, "tax_ids": False}
                    )
                ],
                **values,
            }
        )

    @classmethod
    def _create_provider(cls, code, **values):
        """Return a provider of account_payment, in the tests' company.

        Enabled, published, and with a method that everybody may use.

        :param str code: of an addon that need not be installed
        :param values: other fields of the `payment.provider`
        """
        method = cls.env["payment.method"].create({"name": "Card", "code": "card_x"})
        provider = cls.env["payment.provider"].create(
            {
                "name": code,
                "company_id": cls.company.id,
                "state": "test",
                "is_published": True,
                "payment_method_ids": method.ids,
                **values,
            }
        )
        cls.env.cr.execute(
            "UPDATE payment_provider SET code = %s WHERE id = %s", [code, provider.id]
        )
        provider.invalidate_recordset(["code"])
        return provider

    def _create_template(self, **values):
        """Return a template for invoices that the billing user has written."""
        return (
            self.env["mail.template"]
            .with_user(self.biller)
            .create(
                {
                    "name": "Reminder",
                    "model_id": self.env["ir.model"]._get_id("account.move"),
                    **values,
                }
            )
        )

    def _let_books_refuse(self, refuse=True):
        """Let accounting refuse Payplug's payments, or take them again."""
        line = self.company.payplug_journal_id._payplug_inbound_line()
        line.payment_account_id.active = not refuse

    def _failure(self, link):
        """Return Payplug's code for why a payment is not payable, or was not paid."""
        return (self.payplug.payment(link.payplug_id)["failure"] or {}).get("code")

    @classmethod
    def _request(cls, invoice):
        """Return the invoice's link, made or reused as its button does."""
        return cls.env["payplug.payment.link"]._get_or_create(invoice)

    @classmethod
    def _request_for_all(cls, invoice):
        """Return a link that each test of the class finds as it is now."""
        link = cls._request(invoice)
        cls.payplug.keep()
        return link


class PayplugBookingCommon(PayplugCommon):
    """For what the books and the cron make of payments: those of the test mode, too."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {"payplug_live_key": False, "payplug_book_test_payments": True}
        )
        cls.cron = cls.env.ref("payplug_paylink.ir_cron_follow")

    def _make_links(self, count):
        """Return the links of so many new invoices, oldest first."""
        links = self.env["payplug.payment.link"].sudo()
        for _each in range(count):
            links += self._request(self._create_payable_invoice())
        return links

    def _run_cron(self):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
        self.env.invalidate_all()

    def _triggers(self):
        """Return how often the cron was asked to run."""
        self.env.flush_all()
        return self.env["ir.cron.trigger"].search_count(
            [("cron_id", "=", self.cron.id)]
        )

    @classmethod
    def _pay(cls, link, **options):
        """Let the customer pay, and Odoo look."""
        cls.payplug.pay(link.payplug_id, **options)
        link._sync()
        return link

    @classmethod
    def _paid_link(cls, invoice):
        """Return the link of an invoice after its customer paid and Odoo looked."""
        return cls._pay(cls._request(invoice))

    def _pay_partly(self, invoice, amount=20.0):
        """Register a payment by other means of a part of what is due."""
        return self._register_payment(
            invoice, amount=amount, payment_difference_handling="open"
        )

    def _activities(self, record):
        return record.activity_ids.mapped("summary")

    def _logged(self, invoice, words):
        """Return the chatter's lines with these words."""
        return invoice.message_ids.filtered(lambda line: words in line.body)


class PayplugRoutesCommon(PayplugBookingCommon, HttpCase):
    """For what reaches Odoo from the Internet."""

    def _deliver(self):
        """Let Payplug send its notifications; return the statuses of each one."""
        self.env.flush_all()
        with self.allow_requests(all_requests=True):
            told = self.payplug.deliver()
        self.env.invalidate_all()
        return [notification.statuses for notification in told]
