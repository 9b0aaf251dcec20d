"""Payplug's bad days: the user reads one sentence, and nothing has changed."""

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import PayplugCommon


@tagged("post_install", "-at_install", "once")
class TestBadInput(PayplugCommon):
    def _click(self, invoice):
        """Click the button, which is refused; return the sentence."""
        with self.assertRaises(UserError) as refusal, self.env.cr.savepoint():
            invoice.with_user(self.biller).action_payplug_send_link()
        return refusal.exception.args[0]

    def test_each_fault_is_told_in_one_sentence_and_changes_nothing(self):
        invoice = self._create_payable_invoice()
        for fault, words in [
            ("drop", "could not be reached (no connection)"),
            ("html", "could not be reached (unreadable answer)"),
            ("bad_utf8", "could not be reached (unreadable answer)"),
            ("empty", "could not be reached (unreadable answer)"),
            ("list", "could not be reached (unreadable answer)"),
            ("429", "could not be reached (too many requests at once)"),
            ("500", "could not be reached (HTTP 500)"),
            ("401", "does not accept the secret key"),
            ("403", "refused (HTTP 403)"),
        ]:
            with self.subTest(fault=fault):
                self.payplug.fail(fault)
                message = self._click(invoice)
                self.assertIn(words, message)
                self.assertNotIn("\n", message)
                self.assertFalse(invoice.payplug_link_id)
                self.assertFalse(invoice.payplug_link_ids)

    def test_each_fault_keeps_the_earlier_link(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.env.flush_all()
        for fault in ("drop", "html", "429", "500", "401"):
            with self.subTest(fault=fault):
                self.payplug.fail(fault)
                self._click(invoice)
                self.assertEqual(invoice.payplug_link_id, link)
                self.assertRecordValues(link, [{"state": "pending", "problem": False}])
        self.assertIsNone(self.payplug.payment(link.payplug_id)["failure"])

    def test_silent_payplug_is_given_up_in_time(self):
        invoice = self._create_payable_invoice()
        self.payplug.fail("delay", seconds=8)
        self.assertIn("no answer in time", self._click(invoice))

    def test_refusal_with_details_tells_them(self):
        invoice = self._create_payable_invoice()
        self.partner_a.country_id = self.env["res.country"].create(
            {"name": "Neverland", "code": "QQ"}
        )
        message = self._click(invoice)
        self.assertIn("HTTP 400", message)
        self.assertIn("billing.country", message)
        self.assertIn("correct what is named there", message)

    def test_foreign_payment_page_is_never_mailed(self):
        invoice = self._create_payable_invoice()
        self._lie(hosted_payment={"payment_url": "https://evil.example.com/pay"})
        self.assertIn("payment page at an unknown address", self._click(invoice))
        self.assertFalse(invoice.payplug_link_ids)

    def test_lost_answer_leaves_no_link_and_the_next_click_works(self):
        """The payment exists at Payplug, and nobody ever learns its address."""
        invoice = self._create_payable_invoice()
        self.payplug.fail("drop", method="POST")
        self._click(invoice)
        link = self._request(invoice)
        self.assertEqual(link.state, "pending")
        self.assertEqual(invoice.payplug_link_ids, link)
