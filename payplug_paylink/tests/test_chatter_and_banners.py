"""What people read: chatter, filters, banners; in their language."""

from ast import literal_eval

from lxml import etree

from odoo.tests import tagged

from .common import PayplugCommon

WEEK = 7 * 24 * 3600


@tagged("post_install", "-at_install", "once")
class TestChatterAndBanners(PayplugCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {"payplug_live_key": False, "payplug_book_test_payments": True}
        )

    def _make(self, amount=120.0):
        """Return an invoice whose link a billing user has just made."""
        invoice = self._create_payable_invoice(amount)
        invoice.with_user(self.biller).action_payplug_send_link()
        return invoice

    def _logged(self, invoice, words):
        """Return the chatter's only line with these words."""
        lines = invoice.message_ids.filtered(lambda line: words in line.body)
        self.assertEqual(len(lines), 1, invoice.message_ids.mapped("body"))
        return lines

    def _filters(self, xml_id):
        """Return name and domain of each of our filters in a search view."""
        arch = self.env.ref(f"payplug_paylink.{xml_id}").arch
        return {
            node.get("name"): literal_eval(node.get("domain"))
            for node in etree.fromstring(arch.encode()).iter("filter")
            if node.get("domain")
        }

    def test_chatter_tells_who_made_the_link_and_of_how_much(self):
        invoice = self._make(1234.56)
        line = self._logged(invoice, "Payment link of ")
        self.assertIn("1,234.56", line.body)
        secret = invoice.payment_id.removeprefix("pay_")
        self.assertFalse(invoice.message_ids.filtered(lambda m: secret in m.body))
        self.assertIn("(test)", line.body)
        self.assertEqual(line.author_id, self.biller.partner_id)

    def test_chatter_tells_each_refusal_once(self):
        invoice = self._make()
        self.payplug.refuse(invoice.payment_id, "insufficient_funds")
        invoice.action_payplug_refresh()
        invoice.action_payplug_refresh()
        self._logged(invoice, "refused: not enough funds")

    def test_chatter_tells_when_and_where_the_payment_was_booked(self):
        invoice = self._make()
        self.payplug.pay(invoice.payment_id)
        invoice.action_payplug_refresh()
        payment = invoice.matched_payment_ids
        line = self._logged(invoice, "Paid by card on")
        self.assertIn(payment.name, line.body)
        self.assertIn(payment.journal_id.name, line.body)

    def test_chatter_tells_that_a_test_payment_is_not_booked(self):
        self.company.payplug_book_test_payments = False
        invoice = self._make()
        self.payplug.pay(invoice.payment_id)
        invoice.action_payplug_refresh()
        self._logged(invoice, "recorded, not booked")

    def test_chatter_tells_how_a_link_ended(self):
        cancelled, expired = self._make(), self._make()
        cancelled.with_user(self.biller).action_payplug_cancel_link()
        line = self._logged(cancelled, "cancelled")
        self.assertEqual(line.author_id, self.biller.partner_id)
        self.payplug.advance(WEEK + 1)
        expired.action_payplug_refresh()
        self._logged(expired, "has expired")

    def test_filters_find_what_they_name(self):
        waiting, refused, paid, expired, to_book = (self._make() for _each in range(5))
        self.payplug.refuse(refused.payment_id)
        self.payplug.pay(paid.payment_id)
        self.payplug.expire(expired.payment_id)
        for invoice in (refused, paid, expired):
            invoice.action_payplug_refresh()
        to_book.sudo().payplug_link_id.write({"state": "paid", "to_book": True})
        cancelled, problem = self._make(), self._make()
        cancelled.action_payplug_cancel_link()
        problem.sudo().payplug_link_id.problem = "unknown"
        none = self._create_payable_invoice()
        everything = waiting + refused + paid + expired + to_book + none
        everything += cancelled + problem
        moves = self.env["account.move"].with_user(self.biller)
        filters = self._filters("view_account_invoice_filter")
        for name, found in {
            "online_payment": everything - none,
            "payplug_pending": waiting + refused + problem,
            "payplug_refused": refused,
            "payplug_paid": paid + to_book,
            "payplug_expired": expired,
            "payplug_sent": moves,
            "payplug_cancelled": cancelled,
            "payplug_problem": problem,
            "payplug_to_book": to_book,
        }.items():
            with self.subTest(filter=name):
                domain = [("id", "in", everything.ids), *filters[name]]
                self.assertEqual(moves.search(domain), found.sorted())
        links = self.env["payplug.payment.link"].with_user(self.biller).sudo(False)
        filters = self._filters("payplug_payment_link_view_search")
        for name, found in {
            "pending": waiting + refused + problem,
            "refused": refused,
            "paid": paid + to_book,
            "expired": expired,
            "to_book": to_book,
            "test": everything - none,
            "live": self.env["account.move"],
        }.items():
            with self.subTest(filter=name):
                domain = [("move_id", "in", everything.ids), *filters[name]]
                self.assertEqual(links.search(domain).move_id.sorted(), found.sorted())

    def test_banners_follow_the_link(self):
        invoice = self._make()
        self.assertEqual(self._banners(invoice), {"payplug_test_mode"})
        self.payplug.refuse(invoice.payment_id)
        invoice.action_payplug_refresh()
        self.assertIn("payplug_refused", self._banners(invoice))
        self.payplug.expire(invoice.payment_id)
        invoice.action_payplug_refresh()
        self.assertIn("payplug_ended", self._banners(invoice))
        self.assertNotIn("payplug_refused", self._banners(invoice))

    def _banners(self, invoice):
        alerts = invoice.with_user(self.biller)._get_alerts()
        return {name for name in alerts if name.startswith("payplug_")}

    def test_activity_is_in_the_language_of_the_accountant(self):
        self.biller.lang = "fr_FR"
        invoice = self._create_payable_invoice()
        invoice.invoice_user_id = self.biller
        link = self._request(invoice)
        self._register_payment(invoice)
        self.payplug.pay(link.payplug_id)
        link._sync()
        activity = invoice.activity_ids
        self.assertEqual(activity.user_id, self.biller)
        self.assertIn("payé deux fois", activity.summary)
