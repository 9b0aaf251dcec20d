"""The one status that people read: what it says, and that the page agrees with it."""

from pathlib import Path

from odoo import fields
from odoo.tests import tagged

from ..payment_status import STATUSES
from .common import LINK_LOG, PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestStatus(PayplugBookingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.payplug_link_target = "page"
        cls.invoice = cls._create_payable_invoice()

    def _store_sending(self, state, link=None, invoice=None):
        invoice = invoice or self.invoice
        values = {"move_id": invoice.id, "company_id": invoice.company_id.id}
        queue = self.env["payplug.sending"].sudo()
        queue.search([("move_id", "=", invoice.id)]).unlink()
        return queue.create(
            {
                **values,
                "state": state,
                "link_id": link and link.id,
                "sent_at": fields.Datetime.now(),
                "failure_reason": state == "failed" and "No such mailbox.",
            }
        )

    def _link(self):
        return self._request(self.invoice).sudo()

    def _expire(self, link):
        self.payplug.expire(link.payplug_id)
        link._sync()
        self.assertEqual(link.state, "expired")

    def assertStatus(self, status, page=None, invoice=None):
        """Check form, list, filter and group of an invoice, and its page's state."""
        invoice = invoice or self.invoice
        invoice.invalidate_recordset()
        self.assertEqual(invoice.payplug_status or False, status)
        other = self._create_payable_invoice()
        rows = (invoice + other).read(["payplug_status"])
        self.assertEqual([row["payplug_status"] for row in rows], [status, False])
        mine = [("id", "=", invoice.id)]
        moves = self.env["account.move"]
        for operator, found in (("=", invoice), ("!=", moves)):
            domain = [*mine, ("payplug_status", operator, status)]
            self.assertEqual(moves.search(domain), found)
        groups = moves._read_group(mine, ["payplug_status"], ["__count"])
        self.assertEqual(groups, [(status, 1)])
        if page:
            self.assertEqual(invoice.sudo()._payplug_page_state(), page)

    def test_invoice_without_a_link_has_none(self):
        self.assertStatus(False)
        self.assertFalse(self.invoice.payplug_status_detail)

    def test_link_that_nobody_was_mailed_is_created_not_sent(self):
        self.invoice.action_payplug_send_link()  # then the window is discarded
        self.assertStatus("created", "payable")
        self.assertIn("valid until", self.invoice.payplug_status_detail)

    def test_mailed_link_is_sent_and_waits(self):
        self._store_sending("sent", self._link())
        self.assertStatus("sent", "payable")
        self.assertIn("valid until", self.invoice.payplug_status_detail)

    def test_new_link_after_a_mailed_one_is_not_sent_yet(self):
        link = self._link()
        self._store_sending("sent", link)
        self.invoice.action_payplug_cancel_link()
        self.assertStatus("cancelled", "closed")
        self._link()
        self.assertStatus("created", "payable")

    def test_link_that_the_customer_made_on_the_page_is_under_way(self):
        self.invoice.sudo()._payplug_start_payment()
        self.assertStatus("sent", "payable")

    def test_what_waits_to_be_sent_and_what_could_not_be_sent(self):
        self._store_sending("waiting")
        self.assertStatus("being_sent", "payable")
        self._store_sending("failed")
        self.assertStatus("not_sent", "payable")
        self.assertEqual(self.invoice.payplug_status_detail, "No such mailbox.")
        self._link()
        self.assertStatus("not_sent", "payable")

    def test_refused_card_comes_before_the_mail(self):
        link = self._link()
        self._store_sending("failed", link)
        self.payplug.refuse(link.payplug_id, "insufficient_funds")
        link._sync()
        self.assertStatus("refused", "refused")
        self.assertIn("not enough funds", self.invoice.payplug_status_detail)

    def test_expired_link_says_who_can_renew_it_as_the_page_does(self):
        self._expire(self._link())
        self.assertStatus("renewable", "payable")
        self.assertIn(
            "can still pay", self.invoice._get_alerts()["payplug_ended"]["message"]
        )
        self.company.payplug_customer_renewal = False
        self.assertStatus("expired", "expired")
        self.assertIn(
            "Send a new one", self.invoice._get_alerts()["payplug_ended"]["message"]
        )

    def test_expired_link_of_an_invoice_that_is_settled_asks_for_nothing(self):
        self._expire(self._link())
        self._pay_partly(self.invoice, self.invoice.amount_residual)
        self.assertStatus("over", "paid")
        self.assertNotIn("payplug_ended", self.invoice._get_alerts())

    def test_link_of_another_amount_than_is_due_is_replaced(self):
        link = self._link()
        self._pay_partly(self.invoice, 20.0)
        self.assertStatus("replaced", "payable")
        link._cancel()
        self.assertStatus("replaced", "payable")
        self.assertIn("100.00", self.invoice.payplug_status_detail)

    def test_link_of_a_company_that_switches_payplug_off_is_not_payable(self):
        self._link()
        self.company.payplug_enabled = False
        self.assertStatus("off", "closed")
        self.company.payplug_enabled = True
        self.assertStatus("created", "payable")
        self.invoice.payplug_link_id.sudo()._move_to("expired")
        self.assertStatus("renewable", "payable")
        self.company.payplug_enabled = False
        self.assertStatus("off", "closed")
        self.assertNotIn("payplug_ended", self.invoice._get_alerts())

    def test_link_that_a_user_cancelled_names_the_user_and_bars_the_page(self):
        self._link()
        self.invoice.action_payplug_cancel_link()
        self.assertStatus("cancelled", "closed")
        self.assertEqual(self.invoice.payplug_status_detail, f"by {self.env.user.name}")

    def test_link_that_was_cancelled_in_the_portal_can_be_paid_on_the_page(self):
        link = self._link()
        self.payplug.abort(link.payplug_id)
        link._sync()
        self.assertStatus("reopened", "payable")
        self.assertIn("portal", self.invoice.payplug_status_detail)

    def test_link_of_an_invoice_that_was_a_draft_names_odoo(self):
        link = self._link()
        self.assertIn("payplug_test_mode", self.invoice._get_alerts())
        self.invoice.button_draft()
        self.assertStatus("cancelled", "closed")
        self.assertIn("by Odoo", self.invoice.payplug_status_detail)
        self.assertNotIn("payplug_test_mode", self.invoice._get_alerts())
        self._run_cron()
        self.assertEqual(link.state, "cancelled")
        self.assertIn("by Odoo", self.invoice.payplug_status_detail)
        self.invoice.action_post()
        self.assertStatus("reopened", "payable")
        self.assertIn("by Odoo", self.invoice.payplug_status_detail)

    def test_link_that_was_cancelled_in_the_portal_is_not_odoos_doing(self):
        link = self._link()
        self.invoice.button_draft()
        self.payplug.abort(link.payplug_id)
        self._run_cron()
        self.assertEqual(link.state, "cancelled")
        self.assertIn("portal", self.invoice.payplug_status_detail)

    def test_earlier_link_of_the_same_amount_was_cancelled_and_not_replaced(self):
        earlier = self._link()
        self.payplug.abort(earlier.payplug_id)
        earlier._sync()
        self._link()
        self.assertEqual(earlier.status, "cancelled")

    def test_link_that_the_customer_made_was_not_sent(self):
        self._expire(self._link())
        links = self.env["payplug.payment.link"]
        links._get_or_create(self.invoice, for_customer=True)
        self.assertStatus("sent", "payable")
        self.assertIn("made by the customer on", self.invoice.payplug_status_detail)

    def test_link_of_an_invoice_paid_another_way_is_cancelled(self):
        self._link()
        self._pay_partly(self.invoice, self.invoice.amount_residual)
        self.assertStatus("cancelled", "paid")

    def test_link_that_cannot_be_followed_is_to_check(self):
        link = self._link()
        self._lie(amount=5)
        with self.assertLogs(LINK_LOG, "WARNING"):
            link._sync()
        self.assertStatus("problem", "closed")

    def test_paid_link_is_paid_and_to_book_while_the_books_refuse(self):
        link = self._link()
        self._let_books_refuse()
        self.payplug.pay(link.payplug_id)
        with self.assertLogs(LINK_LOG, "WARNING"):
            link._sync()
        self.assertStatus("to_book", "paid")
        self._let_books_refuse(False)
        link._register_payment()
        self.assertStatus("paid", "paid")
        self.assertIn("120.00", self.invoice.payplug_status_detail)

    def test_refunds_are_seen_in_part_and_in_full(self):
        link = self._paid_link(self.invoice)
        self.payplug.refund(link.payplug_id, 5000)
        link._sync()
        self.assertStatus("partly_refunded")
        self.assertIn("70.00", self.invoice.payplug_status_detail)
        self.payplug.refund(link.payplug_id)
        link._sync()
        self.assertStatus("refunded")

    def _go_live(self):
        self.company.payplug_book_test_payments = False
        self.company.payplug_live_key = self.account.live_key
        self.company.payplug_mode = "live"

    def test_link_of_the_mode_that_is_set_no_more_says_so_as_the_page_does(self):
        link = self._link()
        self._store_sending("sent", link)
        self._go_live()
        self.assertStatus("other_mode", "payable")
        self.assertIn("test mode", self.invoice.payplug_status_detail)
        told = self.invoice._get_alerts()["payplug_test_mode"]["message"]
        self.assertIn("now takes real money", told)
        self.assertFalse(self.invoice._payplug_page_values()["is_test"])
        self.company.payplug_enabled = False
        self.assertStatus("off", "closed")
        told = self.invoice._get_alerts()["payplug_test_mode"]["message"]
        self.assertNotIn("now takes", told)
        self.company.payplug_enabled = True
        self._store_sending("failed", link)
        self.assertStatus("not_sent", "payable")
        self._store_sending("sent", link)
        self.invoice.sudo()._payplug_start_payment()
        self.assertStatus("sent", "payable")
        self.assertNotIn("payplug_test_mode", self.invoice._get_alerts())
        self.company.payplug_mode = "test"
        self.assertStatus("other_mode", "payable")
        told = self.invoice._get_alerts()["payplug_test_mode"]["message"]
        self.assertIn("now in test mode", told)
        self.assertTrue(self.invoice._payplug_page_values()["is_test"])

    def test_mail_that_leads_to_payplug_stays_in_the_mode_of_its_link(self):
        self.company.payplug_link_target = "payplug"
        self._link()
        self._go_live()
        self.assertStatus("other_mode")
        told = self.invoice._get_alerts()["payplug_test_mode"]["message"]
        self.assertIn("no real money is paid with it", told)

    def test_trial_that_payplug_knows_no_more_is_not_in_the_way_of_real_money(self):
        """It was made with another account, say, than the one that went live."""
        link = self._link()
        self.payplug.store.payments.pop(link.payplug_id)
        with self.assertLogs(LINK_LOG, "WARNING"):
            link._sync()
        self.assertStatus("problem", "closed")
        self._go_live()
        self.assertStatus("other_mode", "payable")
        self.assertNotIn("payplug_problem", self.invoice._get_alerts())
        self.assertTrue(self.invoice.sudo()._payplug_start_payment())
        self.assertTrue(self.invoice.payplug_link_id.is_live)
        self.assertEqual(link.state, "cancelled")

    def test_card_that_was_refused_in_a_trial_is_no_news_of_the_live_page(self):
        link = self._link()
        self.payplug.refuse(link.payplug_id, "insufficient_funds")
        link._sync()
        self._go_live()
        self.assertStatus("other_mode", "payable")

    def test_trial_that_is_not_booked_is_not_paid(self):
        self.company.payplug_book_test_payments = False
        link = self._link()
        self.payplug.pay(link.payplug_id)
        link._sync()
        self.assertStatus("recorded", "paid")
        self.assertIn("120.00", self.invoice.payplug_status_detail)
        told = self.invoice._get_alerts()["payplug_test_mode"]["message"]
        self.assertIn("still due", told)
        values = self.invoice._payplug_page_values()
        self.assertTrue(values["is_test"] and values["is_trial"])
        self._go_live()
        self.assertStatus("recorded", "payable")
        self.assertFalse(self.invoice._payplug_page_values()["is_test"])
        self._pay(self._link())
        self.assertStatus("paid", "paid")
        self.assertEqual(link.status, "recorded")

    def test_page_of_what_was_paid_has_the_mode_of_its_payment(self):
        link = self._paid_link(self.invoice)
        self._go_live()
        self.assertTrue(self.invoice._payplug_page_values()["is_test"])
        self.payplug.refund(link.payplug_id, 5000)
        link._sync()
        self.assertTrue(self.invoice._payplug_page_values()["is_test"])
        other = self._create_payable_invoice()
        self._pay(self._request(other))
        self.company.payplug_mode = "test"
        self.assertFalse(other._payplug_page_values()["is_test"])
        by_bank = self._create_payable_invoice()
        self._pay_partly(by_bank, by_bank.amount_residual)
        self.assertFalse(by_bank._payplug_page_values()["is_test"])

    def test_every_status_has_a_test_here(self):
        seen = {"refunding", "checking"}  # in test_refund_by_card, test_page_payment
        told = Path(__file__).read_text()
        for status, _label in STATUSES:
            with self.subTest(status=status):
                self.assertTrue(status in seen or f'assertStatus("{status}"' in told)

    def test_links_of_an_invoice_tell_what_it_tells_and_what_became_of_earlier_ones(
        self,
    ):
        earlier = self._link()
        self._pay_partly(self.invoice, 20.0)
        earlier._cancel()
        later = self._link()
        self._store_sending("sent", later)
        self.assertEqual([earlier.status, later.status], ["replaced", "sent"])
        self._pay(later)
        self.payplug.refund(later.payplug_id, 3000)
        later._sync()
        (earlier + later).invalidate_recordset()
        self.assertEqual(
            [earlier.status, later.status], ["replaced", "partly_refunded"]
        )
