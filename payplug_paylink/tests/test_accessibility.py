"""What axe-core finds on the pages that people read: nothing serious or critical."""

import os
from unittest import SkipTest

from odoo.tests import tagged

from .common_browser import PHONE, BrowserCommon

AXE_CORE = os.environ.get("AXE_CORE")  # a script of npm, which dev/test has installed
GRAVE = {"serious", "critical"}
LANGUAGES = ("en_US", "fr_FR")
RUN = "within => axe.run(within || document, {resultTypes: ['violations']})"


@tagged("post_install", "-at_install", "once", "long")
class TestAccessibility(BrowserCommon):
    @classmethod
    def setUpClass(cls):
        if not AXE_CORE:
            raise SkipTest("axe-core is not installed: AXE_CORE names no script")
        super().setUpClass()
        cls.company.write(
            {
                "email": "compta@lumiere.example.com",
                "phone": "+33 1 23 45 67 89",
                "payplug_customer_renewal": False,
            }
        )

    def assertAccessible(self, page, what, within=None):
        """Check a page, or one element of it, by the rules of axe-core."""
        page.add_script_tag(path=AXE_CORE)
        found = page.evaluate(RUN, within)
        self.assertGreater(len(found["passes"]), 5, "the engine has looked")
        self.assertEqual(
            [
                (rule["id"], node["html"][:200], node["failureSummary"])
                for rule in found["violations"]
                if rule["impact"] in GRAVE
                for node in rule["nodes"]
            ],
            [],
            what,
        )

    def _invoices(self):
        """Return an invoice in each state that its page shows."""
        refused, paid, expired, checking = (
            self._create_payable_invoice(1234.56) for _n in range(4)
        )
        link = self._request(expired)
        self.payplug.advance(days=8)
        link._sync()
        self.payplug.refuse(self._request(refused).payplug_id, "insufficient_funds")
        self.payplug.pay(self._request(paid).payplug_id)
        for invoice in (refused, paid):
            invoice.payplug_link_id.sudo()._sync()
        link = self._request(checking)
        self._lie(payment_method={"type": "oney", "is_pending": True})
        link._sync()
        self.payplug.clear_faults()
        return {
            "payable": self.invoice,
            "refused": refused,
            "paid": paid,
            "expired": expired,
            "checking": checking,
            "closed": self._create_payable_invoice(20_000.01),
        }

    def _addresses(self):
        """Return the address of the pay page in each of its states."""
        invoices = self._invoices()
        states = {name: one._payplug_page_state() for name, one in invoices.items()}
        self.assertEqual(states, {name: name for name in invoices})
        base = self.base_url()
        found = {name: one._payplug_page_path() for name, one in invoices.items()}
        found["unknown"] = found["payable"][:-1] + "z"
        return {name: base + path for name, path in found.items()}

    def test_pay_page_in_every_state_and_language(self):
        addresses = self._addresses()
        for lang in LANGUAGES:
            self.partner_a.lang = lang
            self.env.flush_all()
            page = self._new_page(PHONE, locale=lang.replace("_", "-"))
            for state, address in addresses.items():
                with self.subTest(state=state, lang=lang):
                    page.goto(address)
                    page.wait_for_load_state("networkidle")
                    self.assertAccessible(page, state)
