"""What tests with several real transactions share.

The data is committed, since another transaction must see it: a company of its own,
which no other test looks at.
"""

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, get_db_name

from .common import RealRequests
from .common_company import create_company, create_drafts
from .payplug_emulator import PayplugEmulator


class ConcurrencyCommon(RealRequests, BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = Registry(get_db_name())
        cls.payplug = PayplugEmulator.start()
        cls.addClassCleanup(cls.payplug.stop)
        with cls.registry.cursor() as cr:
            env = cls._env(cr)
            cls.company_id = cls._create_company(env).id
        cls.addClassCleanup(cls._switch_off)

    @classmethod
    def _env(cls, cr):
        return api.Environment(cr, SUPERUSER_ID, {})

    @classmethod
    def _create_company(cls, env):
        account = cls.payplug.add_account(name="Deux à la fois")
        env["ir.config_parameter"].set_param("payplug_paylink.api_url", cls.payplug.url)
        return create_company(env, account, payplug_book_test_payments=True)

    @classmethod
    def _switch_off(cls):
        with cls.registry.cursor() as cr:
            env = cls._env(cr)
            env["res.company"].browse(cls.company_id).payplug_enabled = False
            env["ir.config_parameter"].set_param("payplug_paylink.api_url", False)
            cls._forget_links(env)
            # Nor what the queue of mails would send in a later test.
            env["mail.mail"].search([("state", "=", "outgoing")]).unlink()

    @classmethod
    def _forget_links(cls, env):
        of_company = [("company_id", "=", cls.company_id)]
        env["payplug.refund"].search(of_company).unlink()
        env["payplug.payment.link"].search(of_company).unlink()

    def setUp(self):
        super().setUp()
        self.payplug.reset()
        with self.registry.cursor() as cr:
            env = self._env(cr)
            self._forget_links(env)
            self.invoice_id = self._create_invoice(env).id

    def _create_invoice(self, env):
        customer = env["res.partner"].create(
            {"name": "Marie Durand", "email": "marie.durand@example.com"}
        )
        company = env["res.company"].browse(self.company_id)
        invoice = create_drafts(env, company, customer)
        invoice.action_post()
        return invoice
