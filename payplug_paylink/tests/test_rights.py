"""Who may do what: billing users send links, nobody writes them, few see keys."""

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import PayplugCommon


@tagged("post_install", "-at_install", "once")
class TestRights(PayplugCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice()

    def test_billing_user_sends_a_link_without_being_an_administrator(self):
        self.assertFalse(self.biller.has_group("base.group_system"))
        action = self.invoice.with_user(self.biller).action_payplug_send_link()
        self.assertEqual(action["res_model"], "account.move.send.wizard")
        self.assertEqual(
            self.invoice.with_user(self.biller).payment_link,
            self.invoice._payplug_page_url(),
        )

    def test_nobody_writes_a_link_by_hand(self):
        link = self._request(self.invoice)
        for user in (self.biller, self._create_user("boss", "base.group_system")):
            link_as_user = link.with_user(user).sudo(False)
            for attempt in (
                lambda link=link_as_user: link.write({"state": "paid"}),
                lambda link=link_as_user: link.copy(),
                lambda link=link_as_user: link.unlink(),
            ):
                with self.assertRaises(AccessError):
                    attempt()

    def test_read_only_accountant_sees_links_and_sends_none(self):
        reader = self._create_user("reader", "account.group_account_readonly")
        link = self._request(self.invoice)
        self.assertEqual(link.with_user(reader).sudo(False).state, "pending")
        with self.assertRaises(AccessError):
            self.invoice.with_user(reader).action_payplug_send_link()

    def test_portal_user_reads_nothing_of_links_even_on_an_own_invoice(self):
        portal = self._create_user("portal", "base.group_portal")
        portal.partner_id.email = "portal@example.com"
        own_invoice = self._create_payable_invoice(partner_id=portal.partner_id.id)
        self._request(own_invoice)
        invoice = own_invoice.with_user(portal)
        self.assertTrue(invoice.name)
        for name in ("payment_id", "payment_link", "payplug_link_id", "payplug_state"):
            with self.subTest(field=name), self.assertRaises(AccessError):
                invoice.read([name])
        with self.assertRaises(AccessError):
            self.env["payplug.payment.link"].with_user(portal).search([])
        with self.assertRaises(AccessError):
            invoice.action_payplug_send_link()

    def test_portal_user_reads_no_banner_of_an_own_invoice(self):
        """Odoo's field for banners has no groups."""
        portal = self._create_user("portal", "base.group_portal")
        invoice = self._create_payable_invoice(partner_id=portal.partner_id.id)
        self._request(invoice).sudo().problem = "mismatch"
        self.env.flush_all()
        for user, is_told in ((self.biller, True), (portal, False)):
            self.env.invalidate_all()  # as in two requests
            [row] = invoice.with_user(user).sudo(False).read(["alerts"])
            self.assertEqual("payplug_problem" in str(row["alerts"]), is_told)
            self.assertEqual("payplug" in str(row["alerts"]), is_told)

    def test_public_user_reads_no_link(self):
        public = self.env.ref("base.public_user")
        with self.assertRaises(AccessError):
            self.env["payplug.payment.link"].with_user(public).search([])

    def test_keys_are_hidden_from_everyone_but_administrators(self):
        accountant = self._create_user("accountant", "account.group_account_manager")
        for name in ("payplug_test_key", "payplug_live_key"):
            with self.subTest(field=name), self.assertRaises(AccessError):
                self.company.with_user(accountant).read([name])

    def test_link_of_another_company_is_invisible(self):
        link = self._request(self.invoice)
        stranger = self._create_user("stranger", "account.group_account_invoice")
        other = self.setup_other_company(name="Other SA")["company"]
        stranger.write({"company_ids": [(6, 0, other.ids)], "company_id": other.id})
        links = self.env["payplug.payment.link"].with_user(stranger)
        self.assertNotIn(link.id, links.search([]).ids)
        with self.assertRaises(AccessError):
            link.with_user(stranger).sudo(False).read(["state"])
