"""*Pay overdue* of account_payment: not for what is under way, and no dead button."""

from unittest import SkipTest

from lxml import html

from odoo.tests import HttpCase, tagged

from .common import PayplugCommon

LIST, HOME, OVERDUE = "/my/invoices", "/my", "/my/invoices/overdue"


@tagged("post_install", "-at_install")
class TestPortalOverdue(PayplugCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "payment.provider" not in cls.env:
            raise SkipTest("account_payment is not installed")
        cls.company.write(
            {"payplug_live_key": False, "payplug_book_test_payments": True}
        )
        cls.customer = cls._create_user("customer", "base.group_portal")
        cls.first, cls.second = (
            cls._create_payable_invoice(
                amount,
                partner_id=cls.customer.partner_id.id,
                invoice_date="2026-01-01",
                invoice_date_due="2026-01-15",
            )
            for amount in (111.0, 222.0)
        )

    def _visit(self, path):
        """Return the page that the customer sees, and its address."""
        self.env.flush_all()
        self.authenticate("customer", "customer")
        answer = self.url_open(path)
        self.assertEqual(answer.status_code, 200)
        address = answer.url.removeprefix(self.base_url())
        return html.fromstring(answer.text), address

    def _has_button(self, path):
        """Tell whether a page has Odoo's own button to pay what is overdue."""
        page, _address = self._visit(path)
        return bool(
            page.xpath(
                "//a[@href='/my/invoices/overdue']"
                " | //button[contains(@onclick, '/my/invoices/overdue')]"
            )
        )

    def _asked(self):
        """Return the amount that *Pay overdue* asks for, or where it leads instead."""
        page, address = self._visit(OVERDUE)
        if address != OVERDUE:
            return address
        [form] = page.xpath("//*[@id='o_payment_form']")
        return float(form.get("data-amount"))

    def _pay_unbooked(self, invoice):
        """Let the customer pay at Payplug what accounting refuses to book."""
        link = self._request(invoice)
        link.write({"state": "paid", "to_book": True, "paid_at": "2026-03-05 12:00"})

    def test_overdue_invoices_are_paid_together_where_a_provider_takes_them(self):
        self._create_provider("none")
        self.assertTrue(self._has_button(LIST))
        self.assertTrue(self._has_button(HOME))
        self.assertEqual(self._asked(), 333)

    def test_no_dead_button_where_no_provider_takes_what_payplug_does(self):
        self._create_provider("none", is_published=False)
        self.assertFalse(self._has_button(LIST))
        self.assertFalse(self._has_button(HOME))
        self.assertEqual(self._asked(), LIST)
        page, _address = self._visit(LIST)
        self.assertEqual(len(page.xpath("//a[contains(@class, 'o_payplug_pay')]")), 2)

    def test_odoo_is_left_alone_where_payplug_takes_nothing_either(self):
        self.company.payplug_enabled = False
        self.assertTrue(self._has_button(LIST))
        self.assertTrue(self._has_button(HOME))
        page, address = self._visit(OVERDUE)
        self.assertEqual(address, OVERDUE)
        self.assertIn("333.00", page.text_content())

    def test_what_was_paid_at_payplug_and_is_not_booked_is_not_asked_again(self):
        self._create_provider("none")
        self._pay_unbooked(self.first)
        self.assertEqual(self._asked(), 222)
        self.assertTrue(self._has_button(LIST))
        self._pay_unbooked(self.second)
        self.assertEqual(self._asked(), LIST)
        self.assertFalse(self._has_button(LIST))

    def test_earlier_link_that_was_paid_is_not_forgotten_beside_a_pending_one(self):
        self._create_provider("none")
        earlier = self._request(self.first)
        earlier._cancel()
        self._request(self.first)
        earlier.write({"state": "paid", "to_book": True, "paid_at": "2026-03-05 12:00"})
        self.assertEqual(self._asked(), 222)
        self.assertFalse(self.first._has_to_be_paid())

    def test_what_payplug_examines_is_not_asked_again(self):
        self._create_provider("none")
        link = self._request(self.first)
        self.assertEqual(self._asked(), 333, "a link alone is no payment")
        self._lie(payment_method={"type": "oney", "is_pending": True})
        link._sync()
        self.assertEqual(self._asked(), 222)

    def test_recorded_test_payment_is_not_asked_again(self):
        self._create_provider("none")
        self.company.payplug_book_test_payments = False
        link = self._request(self.first)
        self.payplug.pay(link.payplug_id)
        link._sync()
        self.assertFalse(link.to_book or link.account_payment_id)
        self.assertEqual(self._asked(), 222)

    def test_list_still_counts_and_filters_what_is_overdue(self):
        """Where the button gives way, the customer must still find the invoices."""
        page, _address = self._visit(f"{LIST}?filterby=overdue_invoices")
        text = page.text_content()
        self.assertIn(self.first.name, text)
        self.assertIn(self.second.name, text)
        self.authenticate("customer", "customer")
        counters = self.make_jsonrpc_request(
            "/my/counters", {"counters": ["overdue_invoice_count"]}
        )
        self.assertEqual(counters["overdue_invoice_count"], 2)
