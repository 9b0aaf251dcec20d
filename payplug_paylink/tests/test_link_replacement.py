"""A link that is no longer good: not offered, not reused, and replaced or ended."""

from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from .common import PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestReplacement(PayplugBookingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Where mails hold Payplug's page itself: the pay page is always current.
        cls.company.payplug_link_target = "payplug"
        cls.invoice = cls._create_payable_invoice()

    def _send(self):
        return self.invoice.with_user(self.biller).action_payplug_send_link()

    def _payable(self):
        """Return the ids of what can be paid at Payplug."""
        payments = self.payplug.list_payments(self.account, is_live=False)
        return [one.body["id"] for one in payments if one.is_open]

    def test_link_that_a_user_cancelled_is_replaced_and_not_reused(self):
        first = self._request(self.invoice)
        self.payplug.go_down()
        self.invoice.action_payplug_cancel_link()
        self.payplug.come_back()
        self.assertRecordValues(first, [{"state": "pending", "to_cancel": True}])
        action = self._send()
        self.assertEqual(action["res_model"], "account.move.send.wizard")
        second = self.invoice.payplug_link_id
        self.assertNotEqual(second, first)
        self.assertEqual((first.state, second.state), ("cancelled", "pending"))
        self.assertEqual(self._payable(), [second.payplug_id])

    def _go_live(self, _link):
        self.company.write(
            {
                "payplug_book_test_payments": False,
                "payplug_live_key": self.account.live_key,
                "payplug_mode": "live",
            }
        )

    def test_link_that_may_not_be_paid_any_more_is_offered_to_nobody(self):
        past = fields.Datetime.now() - timedelta(seconds=1)
        for name, spoil in {
            "another amount is due": lambda link: self._pay_partly(link.move_id),
            "its time is over": lambda link: link.write({"expires_at": past}),
            "people must look": lambda link: link.write({"problem": "unknown"}),
            "cancelled by a user": lambda link: link.write({"to_cancel": True}),
            "the company went live": self._go_live,
        }.items():
            with self.subTest(name):
                invoice = self._create_payable_invoice()
                link = self._request(invoice)
                self.assertTrue(invoice.payment_link)
                self.assertIn("href=", invoice.payment_link_button)
                spoil(link)
                self.env.invalidate_all()
                self.assertEqual(link.state, "pending")
                self.assertFalse(invoice.payment_link)
                self.assertFalse(invoice.payment_link_button)

    def test_end_of_a_link_is_kept_when_no_new_one_could_be_made(self):
        for fault in ("500", "400"):
            with self.subTest(fault=fault):
                first = self._request(self.invoice)
                first.expires_at -= timedelta(days=6, hours=1)
                links = self.invoice.payplug_link_ids
                self.payplug.fail(fault, method="POST")
                action = self._send()
                self.assertEqual(action["tag"], "display_notification")
                self.assertEqual(action["params"]["title"], "No new link yet")
                self.assertEqual(first.state, "cancelled")
                self.assertEqual(self.invoice.payplug_link_ids, links)
                self.assertFalse(self.invoice.payment_link)
                self.assertEqual(self._payable(), [])
                self.assertEqual(self._send()["res_model"], "account.move.send.wizard")
                second = self.invoice.payplug_link_id
                self.assertNotEqual(second, first)
                self.assertEqual(second.state, "pending")
                self.assertEqual(self._payable(), [second.payplug_id])
