"""Payments with our mark that no link knows are aborted, or told to a person once.

The answer was lost, or a backup restored. Other databases' payments are theirs.
"""

from datetime import timedelta

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..payplug_remote import PayplugUnavailable
from .common import LINK_LOG, PayplugBookingCommon

PROCESS_LOG = "odoo.addons.payplug_paylink.models.payplug_process_mixin"
SUMMARY = "Payplug payment without a link"


@tagged("post_install", "-at_install", "once")
class TestUnknownPayments(PayplugBookingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice()

    def _lose_answer(self):
        """Let Payplug create a payment whose answer is lost; return its id."""
        self.payplug.fail("drop", method="POST")
        with self.assertRaises(PayplugUnavailable):
            self._request(self.invoice)
        payments = self.payplug.list_payments(self.account, is_live=False)
        known = self.env["payplug.payment.link"].sudo().search([])
        ids = {payment.body["id"] for payment in payments}
        [lost] = ids - set(known.mapped("payplug_id"))
        return lost

    def _look(self, age=3700, **fields):
        """Let a payment of this age be in the pages that the cron reads."""
        now = self.payplug.payment(self.payment_id)["created_at"]
        self.payplug.alter(self.payment_id, {"created_at": now - age, **fields})
        self._make_links(1)
        self._run_cron()

    def _code(self):
        return (self.payplug.payment(self.payment_id)["failure"] or {}).get("code")

    def _told(self):
        activities = (
            self.env["mail.activity"].sudo().search([("summary", "=", SUMMARY)])
        )
        return activities.filtered(lambda one: self.payment_id in one.note)

    def test_payment_whose_answer_was_lost_is_aborted_when_an_hour_old(self):
        self.payment_id = self._lose_answer()
        self._look(age=3500)
        self.assertIsNone(self._code(), "its link may be about to be stored")
        self._look()
        self.assertEqual(self._code(), "aborted")
        self.assertFalse(self._told())
        self.assertFalse(self.invoice.payplug_link_ids)

    def test_it_is_found_though_no_link_waits_any_more(self):
        [settled] = self._make_links(1)
        self._pay(settled)
        settled.checked_at = fields.Datetime.now() - timedelta(hours=1)
        self.payment_id = self._lose_answer()
        now = self.payplug.payment(self.payment_id)["created_at"]
        self.payplug.alter(self.payment_id, {"created_at": now - 3700})
        self._new_calls()
        self._run_cron()
        self.assertEqual(self._code(), "aborted")
        self.assertEqual(len(self._new_calls()), 2, "one page, and the abortion")
        self._run_cron()
        self.assertEqual(self._new_calls(), [], "not before an hour has passed")

    def test_one_that_was_paid_is_told_once_and_never_booked(self):
        self.payment_id = self._lose_answer()
        self.payplug.pay(self.payment_id)
        self._look()
        activity = self._told()
        self.assertEqual(activity.res_id, self.invoice.id)
        self.assertEqual(activity.res_model, "account.move")
        for words in ("120.00&nbsp;€", self.invoice.name, "Nothing was booked"):
            self.assertIn(words, activity.note)
        activity.unlink()
        self._look(age=0)
        self.assertFalse(self._told(), "once, whatever became of the activity")
        self.assertEqual(self.invoice.amount_residual, 120)
        memo = [("memo", "like", self.payment_id)]
        self.assertFalse(self.env["account.payment"].search(memo))

    def test_refund_of_one_is_told_and_never_booked(self):
        """Its money was not booked either."""
        self.payment_id = self._lose_answer()
        self.payplug.pay(self.payment_id)
        self._look()
        self._told().unlink()
        self.payplug.refund(self.payment_id)
        links = self.env["payplug.payment.link"].sudo()
        link = links.search([("payplug_id", "=", self.payment_id)])
        link._sync()
        self.assertRecordValues(
            link.refund_ids,
            [{"state": "done", "to_book": False, "account_payment_id": False}],
        )
        self.assertIn("register its refund, too", self._told().note)

    def test_one_that_is_paid_while_it_is_aborted_is_told(self):
        self.payment_id = self._lose_answer()
        original = self.payplug.list_payments(self.account, is_live=False)
        self.payplug.pay(self.payment_id)
        self.assertEqual(len(original), 1)
        self.payplug.fail(  # the page is older than the payment
            "lie", path="/v1/payments", fields={"is_paid": False, "paid_at": None}
        )
        with mute_logger(LINK_LOG):
            self._look()
        self.assertTrue(self._told())

    def test_one_of_an_invoice_that_is_not_there_is_told_to_the_accountant(self):
        self.payment_id = self._lose_answer()
        self.payplug.pay(self.payment_id)
        metadata = self.payplug.payment(self.payment_id)["metadata"]
        self._look(metadata={**metadata, "invoice": "INV/1999/00001"})
        activity = self._told()
        self.assertEqual(activity.res_id, self.company.partner_id.id)
        self.assertIn("INV/1999/00001", activity.note)

    def test_one_that_the_books_know_is_not_told(self):
        """After the addon was installed again, say."""
        link = self._paid_link(self.invoice)
        self.payment_id = link.payplug_id
        link.unlink()
        self._look()
        self.assertFalse(self._told())

    def _pay_beside(self, memo="{}", **values):
        """Let it be paid, beside a payment by hand with its memo; return that one."""
        self.payment_id = self._lose_answer()
        self.payplug.pay(self.payment_id)
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.partner_a.id,
                "amount": 120,
                "journal_id": self.company.payplug_journal_id.id,
                "memo": f"{self.invoice.name} {memo.format(self.payment_id)}",
                **values,
            }
        )
        payment.action_post()
        return payment

    def test_payment_of_the_same_money_that_settles_nothing_yet_is_this_one(self):
        self._pay_beside("{} at the desk")
        self._look()
        self.assertFalse(self._told())

    def test_payment_of_other_money_with_the_same_memo_hides_nothing(self):
        cash = self.company_data["default_journal_cash"].id
        for values in (
            {"amount": 1},
            {"journal_id": cash},
            {"partner_id": self.partner_b.id},
            {"partner_type": "supplier"},
            {"memo": "{}x"},
            {"memo": "x{}"},
            {"destination_account_id": self.company_data["default_account_revenue"].id},
        ):
            with self.subTest(values=values):
                self._pay_beside(**values)
                self._look()
                self.assertTrue(self._told())

    def test_payment_registered_for_one_is_not_that_of_the_next_link(self):
        by_hand = self._pay_beside()
        link = self._request(self.invoice)
        lines = (by_hand.move_id | self.invoice).line_ids
        lines.filtered(lambda one: one.account_type == "asset_receivable").reconcile()
        self.payplug.pay(link.payplug_id)
        link._sync()
        self.assertNotEqual(link.account_payment_id, by_hand)
        self.assertEqual(link.account_payment_id.amount, by_hand.amount)
        calls = self.invoice.activity_ids.mapped("summary")
        self.assertTrue(any("twice" in summary for summary in calls), calls)

    def test_memo_that_names_two_payments_hides_neither(self):
        self._pay_beside("{} pay_0ther")
        self._look()
        self.assertTrue(self._told())

    def test_payment_that_settles_another_invoice_hides_nothing(self):
        other = self._create_payable_invoice()
        payment = self._pay_beside()
        lines = (payment.move_id | other).line_ids
        lines.filtered(lambda one: one.account_type == "asset_receivable").reconcile()
        self.assertFalse(other.amount_residual)
        self._look()
        self.assertTrue(self._told())

    def test_cancelled_payment_with_the_same_memo_hides_nothing(self):
        payment = self._pay_beside()
        payment.action_draft()
        payment.action_cancel()
        self._look()
        self.assertTrue(self._told())

    def test_payments_of_other_databases_and_of_web_shops_are_never_touched(self):
        self.payment_id = self._lose_answer()
        for metadata in ({"database": "another"}, {"database": ["x"]}, None, "text"):
            with self.subTest(metadata=metadata):
                self._look(age=3700, metadata=metadata)
                self.assertIsNone(self._code())
        self.payplug.pay(self.payment_id)
        self._look()
        self.assertFalse(self._told())

    def test_one_that_is_being_checked_is_not_aborted(self):
        self.payment_id = self._lose_answer()
        self._look(payment_method={"is_pending": True})
        self.assertIsNone(self._code())

    def test_silent_abort_stops_no_link_and_is_tried_again(self):
        self.payment_id = self._lose_answer()
        self.payplug.fail("500", method="PATCH")
        self._look()
        links = self.env["payplug.payment.link"].sudo().search([])
        self.assertTrue(all(link.checked_at for link in links))
        self.assertIsNone(self._code())
        self._look(age=0)
        self.assertEqual(self._code(), "aborted")
