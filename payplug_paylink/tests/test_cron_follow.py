"""The cron: what no longer equals the amount due is withdrawn, the rest is followed."""

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, WEEK, PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestCron(PayplugBookingCommon):
    def _states(self, *links):
        return [link.state for link in links]

    def test_missed_notification_is_made_up_for(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.payplug.pay(link.payplug_id)
        self._run_cron()
        self.assertEqual(link.state, "paid")
        self.assertEqual(invoice.amount_residual, 0)

    def test_expired_link_is_shown_as_such(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.payplug.advance(WEEK + 1)
        self._run_cron()
        self.assertEqual(link.state, "expired")
        self.assertIn("payplug_ended", invoice._get_alerts())

    def _cancel(self, invoice):
        invoice.button_draft()
        invoice.button_cancel()

    def _delete(self, invoice):
        invoice.button_draft()
        invoice.with_context(force_delete=True).unlink()

    def _pay_partly(self, invoice):
        self._register_payment(invoice, amount=20, payment_difference_handling="open")

    def _match_at_the_bank(self, invoice):
        line = self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.company_data["default_journal_bank"].id,
                "amount": 120,
                "date": invoice.date,
                "payment_ref": invoice.name,
                "partner_id": invoice.partner_id.id,
            }
        )
        suspense = line.move_id.line_ids.filtered(
            lambda item: item.account_id == line.journal_id.suspense_account_id
        )
        receivable = invoice.line_ids.filtered(
            lambda item: item.account_type == "asset_receivable"
        )
        suspense.account_id = receivable.account_id
        (suspense + receivable).reconcile()

    def test_events_of_accounting_withdraw_the_link_at_once(self):
        for event in (
            lambda invoice: invoice.button_draft(),
            self._cancel,
            lambda invoice: self._reverse_invoice(invoice, is_modify=True),
            self._register_payment,
            self._pay_partly,
            self._match_at_the_bank,
            self._delete,
        ):
            with self.subTest(event=event.__name__):
                invoice = self._create_payable_invoice()
                link = self._request(invoice)
                self._new_calls()
                before = self._triggers()
                event(invoice)
                self.assertGreater(self._triggers(), before)
                self.assertFalse(self._new_calls(), "accounting must not wait")
                self._run_cron()
                self.assertEqual(link.state, "cancelled")
                self.assertEqual(
                    self.payplug.payment(link.payplug_id)["failure"]["code"], "aborted"
                )

    def test_accounting_without_links_wakes_nobody(self):
        invoice = self._create_payable_invoice()
        before = self._triggers()
        self._register_payment(invoice)
        invoice.button_draft()
        self.assertEqual(self._triggers(), before)

    def test_payment_that_beat_the_withdrawal_is_followed(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        invoice.button_draft()
        self.payplug.pay(link.payplug_id)
        self._run_cron()
        self.assertEqual(link.state, "paid")
        self.assertTrue(link.account_payment_id)
        self.assertEqual(
            invoice.activity_ids.mapped("summary"),
            ["Paid while a draft: reconcile or refund?"],
        )

    def test_restored_copy_aborts_nothing_of_the_originals(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        invoice.button_draft()
        self.env["ir.config_parameter"].sudo().set_param("database.uuid", "a-copy")
        self._run_cron()
        self.assertEqual(link.state, "pending")
        self.assertIsNone(self.payplug.payment(link.payplug_id)["failure"])

    def test_link_that_the_user_cancelled_while_payplug_was_down_is_cancelled(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.payplug.go_down()
        action = invoice.with_user(self.biller).action_payplug_cancel_link()
        self.assertEqual(action["tag"], "display_notification")
        self.assertRecordValues(link, [{"state": "pending", "to_cancel": True}])
        self.assertIn("payplug_to_cancel", invoice._get_alerts())
        self.payplug.come_back()
        self._run_cron()
        self.assertEqual(link.state, "cancelled")

    def test_one_bad_link_stops_nobody(self):
        first, bad, last = (
            self._request(self._create_payable_invoice()) for _each in range(3)
        )
        self.payplug.forget(bad.payplug_id)
        for link in (first, last):
            self.payplug.pay(link.payplug_id)
        with mute_logger(LINK_LOG):
            self._run_cron()
        self.assertEqual(self._states(first, bad, last), ["paid", "pending", "paid"])
        self.assertEqual(bad.problem, "unknown")

    def test_unknown_link_of_a_paid_invoice_is_shown_by_the_cron(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.payplug.forget(link.payplug_id)
        self._register_payment(invoice)
        with mute_logger(LINK_LOG):
            self._run_cron()
        self.assertRecordValues(link, [{"state": "pending", "problem": "unknown"}])

    def test_company_without_its_key_stops_nobody(self):
        link = self._request(self._create_payable_invoice())
        other = self._request(self._create_payable_invoice())
        self.payplug.pay(link.payplug_id)
        other.is_live = True  # and there is no live key
        self._run_cron()
        self.assertEqual(self._states(link, other), ["paid", "pending"])

    def test_silent_payplug_changes_nothing_and_is_not_asked_for_ever(self):
        links = [self._request(self._create_payable_invoice()) for _each in range(5)]
        self.payplug.fail("500", times=None)
        self._new_calls()
        self._run_cron()
        self.assertEqual(self._states(*links), ["pending"] * 5)
        self.assertLess(len(self._new_calls()), 5)

    def test_many_links_are_followed_by_pages(self):
        links = [self._request(self._create_payable_invoice()) for _each in range(12)]
        for link in links[::2]:
            self.payplug.pay(link.payplug_id)
        self._new_calls()
        self._run_cron()
        self.assertEqual(self._states(*links), ["paid", "pending"] * 6)
        self.assertEqual(
            [(call.method, call.path) for call in self._new_calls()],
            [("GET", "/v1/payments")],
        )

    def test_late_payment_of_a_cancelled_link_is_found_by_the_pages(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        link._cancel()
        self.payplug.pay(link.payplug_id, late=True)
        self._run_cron()
        self.assertEqual(link.state, "paid")
        self.assertEqual(invoice.amount_residual, 0)

    def test_cron_books_what_could_not_be_booked_before(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._let_books_refuse()
        self.payplug.pay(link.payplug_id)
        with mute_logger(LINK_LOG):
            self._run_cron()
        self.assertTrue(link.to_book)
        self._let_books_refuse(False)
        self._run_cron()
        self.assertFalse(link.to_book)
        self.assertEqual(invoice.amount_residual, 0)
