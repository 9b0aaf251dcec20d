"""Money that was taken is booked once, or becomes an activity: rare cases."""

from unittest.mock import patch

from psycopg2 import InterfaceError

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, PayplugBookingCommon


@tagged("post_install", "-at_install")
class TestMoney(PayplugBookingCommon):
    def setUp(self):
        super().setUp()
        self.invoice = self._create_payable_invoice()
        self.link = self._request(self.invoice)

    def _lose_sight(self):
        """Let Payplug not know the link for a moment, as with another account's key."""
        self.payplug.fail("404", method="GET")
        with mute_logger(LINK_LOG):
            self.link._sync()
        self.assertEqual(self.link.problem, "unknown")

    def _payments(self):
        """Return all payments in the Payplug journal."""
        journal = self.company.payplug_journal_id
        return self.env["account.payment"].search([("journal_id", "=", journal.id)])

    def _pay_unbookable(self):
        """Let the link be paid while the journal takes no payment."""
        self.company.payplug_journal_id.active = False
        with mute_logger(LINK_LOG):
            self._pay(self.link)
        self.company.payplug_journal_id.active = True

    def test_lost_connection_is_no_refusal_of_accounting(self):
        """Nothing can be stored any more: the money is seen, and booked, later."""
        lost = InterfaceError("connection already closed")

        def post(_payment):
            raise KeyError("another addon's") from lost

        self.payplug.pay(self.link.payplug_id)
        with (
            patch.object(type(self.env["account.payment"]), "action_post", post),
            self.assertNoLogs(LINK_LOG),
            self.assertRaises(InterfaceError),
            self.env.cr.savepoint(),
        ):
            self.link._sync()
        self.assertFalse(self._activities(self.invoice))
        self.link._sync()
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_closing_a_link_that_turns_out_to_be_paid_books_it(self):
        self._lose_sight()
        self.payplug.pay(self.link.payplug_id)
        self.invoice.with_user(self.biller).action_payplug_close_link()
        self.assertRecordValues(self.link, [{"state": "paid", "problem": False}])
        self.assertEqual(self.link.account_payment_id, self._payments())
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_test_payment_that_waited_for_the_books_stays_out_of_a_live_company(self):
        self._pay_unbookable()
        self.assertTrue(self.link.to_book)
        before = self._triggers()
        self.company.payplug_book_test_payments = False
        self.assertGreater(self._triggers(), before, "the cron is told")
        self.company.payplug_live_key = self.account.live_key
        self.company.payplug_mode = "live"
        self._run_cron()
        self.assertFalse(self._payments())
        self.assertFalse(self.link.to_book)
        self.assertEqual(self.invoice._payplug_amount_due(), 120)
        self.assertFalse(self._activities(self.invoice), "the call is closed")
        self.assertTrue(self._logged(self.invoice, "recorded, not booked"))

    def test_contact_that_becomes_a_company_can_pay_and_settles_the_invoice(self):
        company = self.env["res.partner"].create(
            {"name": "Durand SA", "is_company": True}
        )
        contact = self.env["res.partner"].create(
            {"name": "Paul", "parent_id": company.id, "email": "paul@example.com"}
        )
        invoice = self._create_payable_invoice(partner_id=contact.id)
        contact.is_company = True
        self.assertNotEqual(
            invoice.commercial_partner_id, contact.commercial_partner_id
        )
        self.assertTrue(invoice._payplug_start_payment())
        link = self._pay(invoice.payplug_link_id.sudo())
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(link.account_payment_id, invoice.matched_payment_ids)
        self.assertFalse(self._activities(invoice))

    def test_late_payment_is_found_without_notification_behind_any_number_of_others(
        self,
    ):
        self.link._cancel()
        self.payplug.pay(self.link.payplug_id, late=True)
        self.payplug.add_payments(120, account_id=self.account.id)
        self._run_cron()
        self.assertEqual(self.link.state, "paid")
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_link_that_ended_is_asked_about_once_a_day(self):
        self.link._cancel()
        self.payplug.add_payments(120, account_id=self.account.id)
        self._run_cron()
        self._new_calls()
        self._run_cron()
        self.assertFalse(self._new_calls())

    def test_payment_of_an_invoice_on_hold_settles_it(self):
        before = self._triggers()
        self.invoice.action_toggle_block_payment()
        self.assertGreater(self._triggers(), before, "the link is withdrawn at once")
        self.assertEqual(self.invoice._payplug_amount_due(), 0)
        self._pay(self.link)
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertFalse(self._activities(self.invoice))
        self.invoice.action_toggle_block_payment()
        self.assertEqual(self.invoice.payment_state, "paid")

    def test_credit_that_came_while_a_draft_is_not_asked_again(self):
        self.invoice.button_draft()
        self._pay(self.link)
        self.assertEqual(
            self._activities(self.invoice),
            ["Paid while a draft: reconcile or refund?"],
        )
        self.invoice.action_post()
        self.assertEqual(self.invoice.amount_residual, 120)
        self.assertEqual(self.invoice._payplug_amount_due(), 0)
        self.assertFalse(self.invoice.payment_link)
        [unmet] = self.invoice._payplug_unmet_conditions()
        self.assertIn("reconcile it with the invoice", unmet)
        lines = self.link.account_payment_id.move_id.line_ids + self.invoice.line_ids
        lines.filtered(lambda line: line.account_type == "asset_receivable").reconcile()
        self.assertEqual(self.invoice.payment_state, "paid")

    def test_credit_that_serves_another_invoice_is_asked_for_again(self):
        self.invoice.button_draft()
        self._pay(self.link)
        self.invoice.action_post()
        other = self._create_payable_invoice(120)
        lines = self.link.account_payment_id.move_id.line_ids + other.line_ids
        lines.filtered(lambda line: line.account_type == "asset_receivable").reconcile()
        self.assertEqual(self.invoice._payplug_amount_due(), 120)

    def test_link_of_less_than_is_due_pays_its_part(self):
        self.invoice.button_draft()
        self.invoice.invoice_line_ids.price_unit = 200
        self.invoice.action_post()
        self._pay(self.link)
        self.assertEqual(self.invoice.amount_residual, 80)
        self.assertEqual(self.invoice._payplug_amount_due(), 80)
        self.assertFalse(self._activities(self.invoice))

    def test_chatter_that_fails_does_not_hide_that_the_customer_has_paid(self):
        moves = type(self.env["account.move"])
        broken = patch.object(moves, "_message_log", side_effect=KeyError("an addon"))
        with broken, mute_logger(LINK_LOG):
            self._pay(self.link)
        self.assertRecordValues(self.link, [{"state": "paid", "to_book": True}])
        self.link._sync()
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertEqual(len(self._payments()), 1)

    def test_form_says_that_an_earlier_link_waits_for_the_books(self):
        self.link._cancel()
        second = self._request(self.invoice)
        self._pay(second)
        self.company.payplug_journal_id.active = False
        with mute_logger(LINK_LOG):
            self._pay(self.link, late=True)
        self.assertEqual(self.invoice.payplug_link_id, second)
        self.assertIn("payplug_to_book", self.invoice._get_alerts())

    def test_mail_and_button_ask_the_same_amount_beside_money_to_book(self):
        self.invoice.button_draft()
        self.invoice.invoice_line_ids.price_unit = 150
        self.invoice.action_post()
        self._pay_unbookable()
        self.partner_a.lang = "en_US"
        template = self.invoice._payplug_template()
        body = template._render_field("body_html", self.invoice.ids)[self.invoice.id]
        self.assertIn("30.00", body)
        self.assertNotIn("150.00", body)
