"""Money that goes back in Payplug's portal: shown, and given to a person to book."""

from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from .common import PayplugRoutesCommon

REFUNDED = "Refunded on Payplug: book the refund"


@tagged("post_install", "-at_install", "once")
class TestRefunds(PayplugRoutesCommon):
    def setUp(self):
        super().setUp()
        self.invoice = self._create_payable_invoice()
        self.link = self._request(self.invoice)
        self.payplug.pay(self.link.payplug_id)
        self._deliver()
        self.assertEqual(self.invoice.amount_residual, 0)

    def _refund(self, cents):
        self.payplug.refund(self.link.payplug_id, cents)
        self.assertEqual(self._deliver(), [[200] * self.payplug.copies])

    def test_refund_after_the_booking_calls_for_help_once(self):
        self.payplug.set_notifications(copies=2)
        self._refund(2000)
        self.assertEqual(self.link.amount_refunded, 20)
        self.assertEqual(self._activities(self.invoice), [REFUNDED])
        self.assertIn("20.00", self.invoice.activity_ids.note)
        self.invoice.activity_ids.action_done()
        self.link._sync()
        self.assertFalse(self.invoice.activity_ids)

    def _look_again_after(self, **passed):
        """Let so much time pass since Odoo looked, and the scheduled action run."""
        self.link.checked_at = fields.Datetime.now() - timedelta(**passed)
        self.cron.method_direct_trigger()

    def test_refund_without_a_notification_is_seen_within_a_day(self):
        self.payplug.refund(self.link.payplug_id, 2000)
        self._look_again_after(hours=2)
        self.assertFalse(self.link.amount_refunded)
        self._look_again_after(days=1)
        self.assertEqual(self.link.amount_refunded, 20)
        self.assertEqual(self._activities(self.invoice), [REFUNDED])

    def test_refund_of_an_old_payment_is_seen_within_a_week(self):
        self.link.paid_at -= timedelta(days=40)
        self.payplug.refund(self.link.payplug_id, 2000)
        self._look_again_after(days=2)
        self.assertFalse(self.link.amount_refunded)
        self._look_again_after(days=7)
        self.assertEqual(self.link.amount_refunded, 20)

    def test_payment_that_nobody_can_refund_any_more_is_not_asked_about(self):
        self.link.paid_at -= timedelta(days=366)
        self._new_calls()
        self._look_again_after(days=30)
        self.assertFalse(self._new_calls())

    def test_further_refund_calls_for_help_again(self):
        self._refund(2000)
        self._refund(3000)
        self.assertEqual(self.link.amount_refunded, 50)
        self.assertEqual(self._activities(self.invoice), [REFUNDED] * 2)

    def test_refund_books_nothing_by_itself(self):
        payment = self.link.account_payment_id
        self._refund(12000)
        self.assertEqual(self.link.amount_refunded, 120)
        self.assertEqual(self.link.account_payment_id, payment)
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertFalse(self.invoice.payment_link)
