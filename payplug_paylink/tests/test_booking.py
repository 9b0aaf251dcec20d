"""From "the customer paid" to "the books are written", once and only once."""

from datetime import date, datetime, timezone
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, PayplugBookingCommon


@tagged("post_install", "-at_install")
class TestBooking(PayplugBookingCommon):
    def test_paid_link_settles_the_invoice(self):
        invoice = self._create_payable_invoice(1234.56)
        link = self._paid_link(invoice)
        payment = link.account_payment_id
        self.assertRecordValues(link, [{"state": "paid", "to_book": False}])
        self.assertRecordValues(
            payment,
            [
                {
                    "amount": 1234.56,
                    "journal_id": self.company.payplug_journal_id.id,
                    "partner_id": self.partner_a.id,
                    "payment_type": "inbound",
                    "company_id": self.company.id,
                    "memo": f"{invoice.name} {link.payplug_id}",
                    "is_reconciled": True,
                }
            ],
        )
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(invoice.payment_state, invoice._get_invoice_in_payment_state())
        self.assertEqual(payment, invoice.matched_payment_ids)
        self.assertFalse(self._activities(invoice))

    def test_money_waits_in_the_outstanding_account_of_payplug(self):
        link = self._paid_link(self._create_payable_invoice())
        accounts = link.account_payment_id.move_id.line_ids.account_id
        journal = self.company.payplug_journal_id
        self.assertIn(journal._payplug_inbound_line().payment_account_id, accounts)

    def test_looking_again_books_nothing_more(self):
        invoice = self._create_payable_invoice()
        link = self._paid_link(invoice)
        link._sync()
        link._register_payment()
        booked = self.env["account.payment"].search([("memo", "like", link.payplug_id)])
        self.assertEqual(booked, link.account_payment_id)
        self.assertEqual(invoice.matched_payment_ids, booked)

    def test_payment_is_booked_by_odoobot_whoever_brought_the_news(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.payplug.pay(link.payplug_id)
        link.with_user(self.env.ref("base.public_user")).sudo()._sync()
        self.assertEqual(
            link.account_payment_id.create_uid, self.env.ref("base.user_root")
        )
        authors = invoice.message_ids.filtered(lambda m: "Paid by card" in m.body)
        self.assertEqual(authors.author_id, self.env.ref("base.partner_root"))

    def test_invoice_is_not_marked_as_changed_by_a_user(self):
        invoice = self._create_payable_invoice()
        self._paid_link(invoice)
        self.assertFalse(invoice.is_manually_modified)

    def test_payment_is_dated_where_the_books_are_kept(self):
        """23:30 UTC on 31 May is 1 June in Paris."""
        link = self._request(self._create_payable_invoice())
        link.paid_at = datetime(2026, 5, 31, 23, 30)
        self.assertEqual(link._booking_date(), fields.Date.to_date("2026-06-01"))
        self.company.partner_id.tz = "America/Martinique"
        self.assertEqual(link._booking_date(), fields.Date.to_date("2026-05-31"))

    def test_locked_period_is_booked_at_the_first_open_date_and_both_are_told(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        paid_on = date(2026, 3, 10)
        self.company.sudo().fiscalyear_lock_date = date(2026, 3, 31)
        noon = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
        self.payplug.pay(link.payplug_id, paid_at=int(noon.timestamp()))
        link._sync()
        booked_on = link.account_payment_id.move_id.date
        self.assertGreater(booked_on, date(2026, 3, 31))
        self.assertEqual(invoice.amount_residual, 0)
        told = invoice.message_ids.filtered(lambda m: "period is locked" in m.body)
        for day in (paid_on, booked_on):
            self.assertIn(day.strftime("%m/%d/%Y"), told.body)
        memo = f"{invoice.name} 2026-03-10 {link.payplug_id}"
        self.assertEqual(link.account_payment_id.memo, memo, "the real day stays")

    def test_archived_journal_keeps_the_link_paid_and_calls_the_accountant(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._let_books_refuse()
        self.payplug.pay(link.payplug_id)
        with mute_logger(LINK_LOG):
            link._sync()
            link._register_payment()
        self.assertRecordValues(
            link, [{"state": "paid", "to_book": True, "account_payment_id": False}]
        )
        self.assertEqual(self._activities(invoice), ["Payplug payment to book"])
        self.assertTrue(invoice.activity_ids.user_id)
        self._let_books_refuse(False)
        link._register_payment()
        self.assertFalse(link.to_book)
        self.assertEqual(invoice.amount_residual, 0)
        self.assertFalse(self._activities(invoice))

    def test_missing_outstanding_account_keeps_the_payment_to_book(self):
        link = self._request(self._create_payable_invoice())
        line = self.company.payplug_journal_id._payplug_inbound_line()
        line.payment_account_id = False
        self.payplug.pay(link.payplug_id)
        with mute_logger(LINK_LOG):
            link._sync()
        self.assertRecordValues(link, [{"state": "paid", "to_book": True}])

    def test_exception_of_another_addon_loses_no_payment(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.payplug.pay(link.payplug_id)
        boom = patch.object(
            type(self.env["account.payment"]), "action_post", side_effect=KeyError("x")
        )
        with boom, mute_logger(LINK_LOG):
            link._sync()
        self.assertRecordValues(link, [{"state": "paid", "to_book": True}])
        self.assertFalse(invoice.matched_payment_ids)
        link._register_payment()
        self.assertEqual(invoice.amount_residual, 0)

    def test_failed_booking_asks_nothing_of_the_customer_again(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._let_books_refuse()
        self.payplug.pay(link.payplug_id)
        with mute_logger(LINK_LOG):
            link._sync()
        self.assertEqual(self._request(invoice), link)
        self.assertEqual(len(self.payplug.ledger()), 1)

    def test_test_payments_are_recorded_and_not_booked(self):
        self.company.payplug_book_test_payments = False
        invoice = self._create_payable_invoice()
        link = self._paid_link(invoice)
        self.assertRecordValues(
            link, [{"state": "paid", "to_book": False, "account_payment_id": False}]
        )
        self.assertEqual(invoice.amount_residual, 120)

    def test_refund_before_we_first_looked_is_booked_and_told(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.payplug.pay(link.payplug_id)
        self.payplug.refund(link.payplug_id, 2000)
        link._sync()
        self.assertEqual(link.amount_refunded, 20)
        self.assertTrue(link.account_payment_id)
        self.assertEqual(self._activities(invoice), ["Refunded by card: credit note?"])

    def test_payment_deleted_by_an_accountant_is_not_booked_again(self):
        invoice = self._create_payable_invoice()
        link = self._paid_link(invoice)
        link.account_payment_id.action_draft()
        link.account_payment_id.unlink()
        link._sync()
        link._register_payment()
        self.assertFalse(link.account_payment_id)

    @freeze_time("2026-03-10 12:00:00")
    def test_call_for_help_goes_to_the_user_who_made_the_invoice(self):
        invoice = self._create_payable_invoice()
        invoice.invoice_user_id = self.biller
        link = self._request(invoice)
        self._register_payment(invoice)
        self.payplug.pay(link.payplug_id)
        link._sync()
        self.assertEqual(invoice.activity_ids.user_id, self.biller)
