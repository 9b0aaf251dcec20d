"""Money that comes late: for a link that ended, or beside a pending one."""

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, WEEK, PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestLatePayments(PayplugBookingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice()

    def _two_links(self):
        """Return a link that was withdrawn, and the pending one that replaced it."""
        first = self._request(self.invoice)
        first._cancel()
        return first, self._request(self.invoice)

    def _pay_unbookable(self, link):
        """Let a link be paid late, while the journal takes no payment."""
        self._let_books_refuse()
        with mute_logger(LINK_LOG):
            self._pay(link, late=True)

    def test_late_payment_wakes_the_cron_which_withdraws_the_other_link(self):
        first, second = self._two_links()
        before = self._triggers()
        self._pay(first, late=True)
        self.assertGreater(self._triggers(), before)
        self.assertEqual(self.invoice.amount_residual, 0)
        self._run_cron()
        self.assertEqual(second.state, "cancelled")
        self.assertEqual(self._failure(second), "aborted")
        self.assertFalse(self._activities(self.invoice))

    def test_late_payment_of_more_than_is_due_withdraws_the_other_link_too(self):
        first = self._request(self.invoice)
        first._cancel()
        self._pay_partly(self.invoice)
        second = self._request(self.invoice)
        self.assertEqual(second.amount, 100)
        self._pay(first, late=True)
        self._run_cron()
        self.assertEqual(second.state, "cancelled")
        self.assertEqual(self._failure(second), "aborted")
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertEqual(self._activities(self.invoice), ["Paid twice: refund?"])

    def test_late_payment_that_cannot_be_booked_is_asked_of_nobody_again(self):
        first, second = self._two_links()
        self.assertTrue(self.invoice.payment_link)
        self._pay_unbookable(first)
        self.assertEqual(self.invoice.amount_residual, 120)
        self.assertEqual(self.invoice._payplug_amount_due(), 0)
        self.assertFalse(self.invoice.payment_link)
        self.assertFalse(self.invoice.payment_link_button)
        with (
            self.assertUserError("has paid it .* is not booked yet"),
            self.env.cr.savepoint(),
        ):
            self.invoice.with_user(self.biller).action_payplug_send_link()
        with mute_logger(LINK_LOG):
            self._run_cron()
        self.assertEqual(second.state, "cancelled")
        self.assertEqual(self._failure(second), "aborted")
        self.assertTrue(first.to_book)

    def test_late_payment_that_cannot_be_booked_wakes_the_cron(self):
        first, _second = self._two_links()
        before = self._triggers()
        self._pay_unbookable(first)
        self.assertGreater(self._triggers(), before)

    def test_late_test_payment_that_is_not_booked_leaves_the_other_link_usable(self):
        self.company.payplug_book_test_payments = False
        first, second = self._two_links()
        self._pay(first, late=True)
        self.assertEqual((first.state, first.to_book), ("paid", False))
        invoice = self.invoice.with_user(self.biller)
        action = invoice.action_payplug_send_link()
        self.assertEqual(action["res_model"], "account.move.send.wizard")
        self.assertEqual(self.invoice.payplug_link_ids, first + second)
        self.assertTrue(invoice.payment_link)
        self.assertIsNone(invoice.action_payplug_cancel_link())
        self.assertEqual(second.state, "cancelled")
        self.assertEqual(self._failure(second), "aborted")

    def test_expired_link_that_was_paid_all_the_same_is_booked(self):
        link = self._request(self.invoice)
        self.payplug.advance(WEEK + 1)
        link._sync()
        self.assertEqual(link.state, "expired")
        self._pay(link, late=True)
        self.assertEqual(link.state, "paid")
        self.assertEqual(link.account_payment_id.amount, 120)
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_answer_that_is_older_than_the_payment_changes_nothing(self):
        link = self._request(self.invoice)
        self.payplug.refuse(link.payplug_id)
        older = link._client().get_payment(link.payplug_id)
        self.assertEqual((older.state, older.refusal), ("pending", "card_declined"))
        self._pay(link)
        payment = link.account_payment_id
        lines = len(self.invoice.message_ids)
        for remote in (
            older,
            older._replace(is_being_checked=True),
            older._replace(state="expired"),
            older._replace(state="cancelled"),
        ):
            with self.subTest(remote=remote), mute_logger(LINK_LOG):
                link._apply_remote(remote)
                self.assertRecordValues(
                    link,
                    [
                        {
                            "state": "paid",
                            "refusal": False,
                            "is_being_checked": False,
                            "to_book": False,
                            "account_payment_id": payment.id,
                        }
                    ],
                )
        self.assertEqual(len(self.invoice.message_ids), lines)

    def test_payment_without_a_moment_is_booked_as_of_now(self):
        link = self._request(self.invoice)
        self.payplug.pay(link.payplug_id)
        self.payplug.alter(link.payplug_id, {"paid_at": None})
        before = fields.Datetime.now()
        link._sync()
        self.assertGreaterEqual(link.paid_at, before)
        self.assertLessEqual(link.paid_at, fields.Datetime.now())
        self.assertEqual(link.account_payment_id.date, link._booking_date())
        self.assertEqual(self.invoice.amount_residual, 0)
