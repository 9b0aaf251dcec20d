"""Payplug's bad days: the user reads one sentence, and nothing has changed."""

import json

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
        details = {"currency": "Not for this account."}
        self.payplug.fail("400", fields={"details": details})
        message = self._click(invoice)
        self.assertIn("HTTP 400", message)
        self.assertIn("currency: Not for this account", message)
        self.assertIn("correct what is named there", message)
        self.assertEqual(len(self._new_calls()), 1)

    def test_address_that_payplug_refuses_is_left_out_once(self):
        """Kosovo and Northern Ireland are countries for Odoo, and none for Payplug."""
        for code in ("XK", "XI"):
            with self.subTest(code=code):
                country = self.env["res.country"].search([("code", "=", code)])
                self.partner_a.country_id = country
                self._new_calls()
                link = self._request(self._create_payable_invoice())
                self.assertEqual(link.state, "pending")
                refused, made = (call.body for call in self._new_calls())
                blocks = {"billing", "shipping"}
                self.assertEqual(refused.keys() - made.keys(), blocks)
                for name in made:
                    if name not in ("hosted_payment", "metadata", "notification_url"):
                        self.assertEqual(made[name], refused[name])

    def test_address_is_not_left_out_when_more_is_wrong(self):
        details = {"billing": {"city": "?"}, "amount": "?"}
        for fields, calls in [(details, 1), ({"billing": {"city": "?"}}, 2)]:
            with self.subTest(fields=fields):
                self.payplug.fail("400", times=2, fields={"details": fields})
                self._new_calls()
                self._click(self._create_payable_invoice())
                self.assertEqual(len(self._new_calls()), calls)
                self.payplug.clear_faults()

    def test_number_of_600_characters_is_cut_where_payplug_is_short(self):
        invoice = self._create_payable_invoice(name="INV/" + "9" * 596)
        link = self._request(invoice)
        payment = self.payplug.payment(link.payplug_id)
        self.assertEqual(payment["description"], invoice.name[:80])
        self.assertEqual(payment["metadata"]["invoice"], invoice.name[:500])
        self.payplug.pay(link.payplug_id)
        link._sync()
        self.assertEqual(link.state, "paid")

    def test_link_whose_metadata_come_back_as_a_text_is_aborted_all_the_same(self):
        link = self._request(self._create_payable_invoice())
        metadata = self.payplug.payment(link.payplug_id)["metadata"]
        foreign = {**metadata, "database": "another"}
        self.payplug.alter(link.payplug_id, {"metadata": json.dumps(foreign)})
        with self.assertUserError("another copy of this database"):
            link._cancel()
        self.payplug.alter(link.payplug_id, {"metadata": json.dumps(metadata)})
        link._cancel()
        self.assertEqual(link.state, "cancelled")

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
