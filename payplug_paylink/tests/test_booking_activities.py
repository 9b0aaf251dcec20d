"""Who gets an activity when accounting refuses a payment, and how often."""

from datetime import date, datetime, timezone
from unittest.mock import patch

from odoo import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, PayplugBookingCommon

TO_BOOK = "Payplug payment to book"


@tagged("post_install", "-at_install", "once")
class TestBookingActivities(PayplugBookingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice()
        cls.invoice.invoice_user_id = cls.biller
        cls.link = cls._request_for_all(cls.invoice)

    def _pay_without_booking(self):
        with mute_logger(LINK_LOG):
            self._pay(self.link)

    def _try_again(self):
        with mute_logger(LINK_LOG):
            self.link._register_payment()

    def assertCalled(self):
        """Check that the money is to book, and that the seller alone was called."""
        self.assertRecordValues(
            self.link,
            [{"state": "paid", "to_book": True, "account_payment_id": False}],
        )
        self.assertRecordValues(
            self.invoice.activity_ids,
            [{"summary": TO_BOOK, "user_id": self.biller.id}],
        )
        self.assertIn(self.link.payplug_id, self.invoice.activity_ids.note)

    def test_archived_outstanding_account_calls_the_seller(self):
        journal = self.company.payplug_journal_id
        journal._payplug_inbound_line().payment_account_id.active = False
        self._pay_without_booking()
        self.assertCalled()

    def test_missing_outstanding_account_calls_the_seller(self):
        journal = self.company.payplug_journal_id
        journal._payplug_inbound_line().payment_account_id = False
        self._pay_without_booking()
        self.assertCalled()

    def test_missing_payment_method_calls_the_seller(self):
        self.company.payplug_journal_id.inbound_payment_method_line_ids.unlink()
        self._pay_without_booking()
        self.assertCalled()

    def test_exception_of_another_addon_calls_the_seller(self):
        payments = type(self.env["account.payment"])
        with patch.object(payments, "action_post", side_effect=KeyError("another's")):
            self._pay_without_booking()
        self.assertCalled()

    def test_payment_that_cannot_be_booked_is_shown_in_chatter_and_banner(self):
        self._let_books_refuse()
        self._pay_without_booking()
        self._try_again()
        line = self._logged(self.invoice, "could not be booked yet")
        self.assertEqual(len(line), 1)
        self.assertIn(self.link.payplug_id, line.body)
        alert = self.invoice.with_user(self.biller)._get_alerts()["payplug_to_book"]
        self.assertEqual(alert["level"], "danger")
        self.assertIn("could not be booked yet", alert["message"])

    def test_retried_booking_calls_once_whatever_language_the_seller_changes_to(self):
        self._let_books_refuse()
        self._pay_without_booking()
        self.assertCalled()
        self.biller.lang = "fr_FR"
        self._try_again()
        self._try_again()
        self.assertCalled()

    def test_call_that_was_done_by_hand_is_not_repeated(self):
        self._let_books_refuse()
        self._pay_without_booking()
        self.invoice.activity_ids.action_done()
        self._try_again()
        self.assertFalse(self.invoice.activity_ids)
        self._let_books_refuse(False)
        self._try_again()
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_payment_that_cannot_be_booked_again_calls_again(self):
        self._let_books_refuse()
        self._pay_without_booking()
        self._let_books_refuse(False)
        self._try_again()
        payment = self.link.account_payment_id
        payment.action_draft()
        payment.unlink()
        self.env.invalidate_all()
        self._let_books_refuse()
        with mute_logger(LINK_LOG):
            self.invoice.action_payplug_book_again()
        self.assertTrue(self.link.to_book)
        self.assertCalled()

    def test_call_that_its_user_put_on_another_document_is_not_told_there(self):
        """Odoo lets users write the document of their activities, any at all."""
        self._let_books_refuse()
        self._pay_without_booking()
        other = self._create_payable_invoice()
        call = self.link.to_book_activity_id.with_user(self.biller).sudo(False)
        call.write({"res_id": other.id, "note": "<p>Forged</p>"})
        self._let_books_refuse(False)
        self._try_again()
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertFalse(self._logged(other, "Forged"))

    # === WHO === #

    def _managers(self):
        """Return who may manage the accounts of this company."""
        group = self.env.ref("account.group_account_manager")
        return group.all_user_ids.filtered(lambda one: self.company in one.company_ids)

    def test_seller_who_bills_is_called(self):
        self.assertEqual(self.link._accountant(), self.biller)

    def test_manager_is_called_where_the_seller_cannot_act(self):
        other = self.env["res.company"].create({"name": "Elsewhere SA"})
        elsewhere = [Command.set(other.ids)]
        for name, change in {
            "archived": {"active": False},
            "of another company": {"company_id": other.id, "company_ids": elsewhere},
            "without billing rights": {
                "group_ids": [Command.set([self.env.ref("base.group_user").id])]
            },
        }.items():
            with self.subTest(name):
                seller = self._create_user(
                    f"seller {name}", "account.group_account_invoice"
                )
                self.invoice.invoice_user_id = seller
                self.assertEqual(self.link._accountant(), seller)
                seller.write(change)
                found = self.link._accountant()
                self.assertEqual(len(found), 1)
                self.assertIn(found, self._managers())

    def test_manager_is_called_for_an_invoice_without_seller(self):
        self.invoice.invoice_user_id = False
        self.assertIn(self.link._accountant(), self._managers())

    def test_cron_tells_in_the_language_of_the_accountant(self):
        self.biller.lang = "fr_FR"
        self.payplug.expire(self.link.payplug_id)
        self._run_cron()
        self.assertEqual(self.link.state, "expired")
        self.assertEqual(len(self._logged(self.invoice, "a expiré")), 1)
        self.assertFalse(self._logged(self.invoice, "has expired"))

    def test_accountings_own_sentence_is_told_in_activity_and_banner(self):
        """A tax that is due on payment, in a company without a journal for it."""
        company = self.company.sudo()
        company.write({"tax_exigibility": True, "tax_cash_basis_journal_id": False})
        account = company.payplug_journal_id.default_account_id.copy()
        account.sudo().write({"account_type": "asset_current", "reconcile": True})
        tax = company.account_sale_tax_id.sudo().copy(
            {
                "name": "On payment",
                "tax_exigibility": "on_payment",
                "cash_basis_transition_account_id": account.id,
            }
        )
        self.invoice = self._create_payable_invoice(post=False)
        self.invoice.invoice_line_ids.tax_ids = tax
        self.invoice.action_post()
        self.invoice.invoice_user_id = self.biller
        self.link = self._request(self.invoice)
        self._pay_without_booking()
        self.assertCalled()
        sentence = "There is no tax cash basis journal defined"
        self.assertIn(sentence, self.invoice.activity_ids.note)
        alert = self.invoice.with_user(self.biller)._get_alerts()["payplug_to_book"]
        self.assertIn(sentence, alert["message"])
        self.assertNotIn("check the Payplug journal", alert["message"])

    # === LOCK DATES === #

    def _pay_in_march(self):
        noon = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
        self._pay(self.link, paid_at=int(noon.timestamp()))
        return self.link.account_payment_id.move_id.date

    def test_hard_lock_date_books_at_the_first_open_date(self):
        self.company.sudo().hard_lock_date = date(2026, 3, 31)
        self.assertGreater(self._pay_in_march(), date(2026, 3, 31))
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertEqual(len(self._logged(self.invoice, "period is locked")), 1)

    def test_lock_date_of_sales_does_not_concern_a_payment(self):
        self.company.sudo().sale_lock_date = date(2026, 3, 31)
        self.assertEqual(self._pay_in_march(), date(2026, 3, 10))
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertFalse(self._logged(self.invoice, "period is locked"))
