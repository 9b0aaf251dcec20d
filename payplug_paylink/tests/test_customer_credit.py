"""Money that fits no invoice any more: the customer's credit, and an activity."""

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, PayplugBookingCommon

TWICE = "Paid twice: refund?"
EARLIER = "Payment by an earlier customer"
BY_HAND = "Registered by hand, or paid twice?"
TO_BOOK = "Payplug payment to book"


@tagged("post_install", "-at_install", "once")
class TestCredit(PayplugBookingCommon):
    def assertCredit(self, link, partner):
        """Check that a link's money is this customer's credit, and settles nothing."""
        payment = link.account_payment_id
        self.assertRecordValues(
            payment,
            [
                {
                    "amount": link.amount,
                    "currency_id": link.currency_id.id,
                    "partner_id": partner.id,
                    "is_reconciled": False,
                    "journal_id": self.company.payplug_journal_id.id,
                }
            ],
        )
        self.assertIn(payment.state, ("in_process", "paid"))
        self.assertFalse(payment.reconciled_invoice_ids)

    def _two_links(self):
        """Return an invoice, a link of it that was withdrawn, and the pending one."""
        invoice = self._create_payable_invoice()
        first = self._request(invoice)
        first._cancel()
        return invoice, first, self._request(invoice)

    def _change(self, invoice, **values):
        """Change an invoice after its link was made, as an accountant does."""
        invoice.button_draft()
        invoice.write(values)
        invoice.action_post()

    def test_two_surplus_payments_of_one_invoice_call_for_help_twice(self):
        invoice, first, second = self._two_links()
        self._register_payment(invoice)
        self._pay(first, late=True)
        self._pay(second)
        self.assertEqual(self._activities(invoice), [BY_HAND, BY_HAND])
        notes = " ".join(invoice.activity_ids.mapped("note"))
        for link in (first, second):
            self.assertIn(link.payplug_id, notes)
            self.assertCredit(link, self.partner_a)

    def test_booking_one_link_ends_the_call_for_that_link_only(self):
        invoice, first, second = self._two_links()
        self._let_books_refuse()
        with mute_logger(LINK_LOG):
            self._pay(first, late=True)
            self._pay(second)
        self.assertEqual(self._activities(invoice), [TO_BOOK, TO_BOOK])
        self._let_books_refuse(False)
        first._register_payment()
        self.assertFalse(first.to_book)
        [call] = invoice.activity_ids
        self.assertEqual(call, second.to_book_activity_id)
        self.assertIn(second.payplug_id, call.note)
        second._register_payment()
        self.assertEqual(self._activities(invoice), [TWICE])

    def test_customer_changed_after_the_link_was_made_outdates_it(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._change(invoice, partner_id=self.partner_b.id)
        self.assertTrue(link._is_outdated())
        self.assertFalse(invoice.payment_link)
        self._run_cron()
        self.assertEqual(link.state, "cancelled")
        self.assertEqual(self._failure(link), "aborted")

    def test_money_of_the_former_customer_stays_that_customers_credit(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._change(invoice, partner_id=self.partner_b.id)
        self._pay(link)
        self.assertCredit(link, self.partner_a)
        self.assertEqual(invoice.amount_residual, 120)
        self.assertEqual(self._activities(invoice), [EARLIER])

    def test_contact_of_the_same_customer_keeps_the_link_good(self):
        contact = self.env["res.partner"].create(
            {"name": "Paul", "parent_id": self.partner_a.id, "email": "p@example.com"}
        )
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._change(invoice, partner_id=contact.id)
        self.assertFalse(link._is_outdated())
        self._pay(link)
        self.assertEqual(invoice.amount_residual, 0)

    def test_currency_changed_after_the_link_was_made_outdates_it(self):
        dollar = self.env.ref("base.USD")
        dollar.active = True
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._change(invoice, currency_id=dollar.id)
        self.assertEqual(invoice.amount_residual, 120)
        self.assertTrue(link._is_outdated())
        self._pay(link)
        self.assertCredit(link, self.partner_a)
        self.assertEqual(link.account_payment_id.currency_id.name, "EUR")
        self.assertEqual(invoice.amount_residual, 120)
        self.assertEqual(self._activities(invoice), [EARLIER])

    def test_invoice_whose_payment_has_no_entry_is_asked_of_nobody_twice(self):
        """The Accounting app's *in payment*: nothing is reconciled, all is residual."""
        self.patch(
            type(self.env["account.move"]),
            "_get_invoice_in_payment_state",
            lambda move: "in_payment",
        )
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        journal = self.company_data["default_journal_bank"]
        journal.inbound_payment_method_line_ids.payment_account_id = False
        self._register_payment(invoice, journal_id=journal.id)
        self.assertEqual(invoice.payment_state, "in_payment")
        self.assertEqual(invoice.amount_residual, 120)
        self.assertEqual(invoice._payplug_amount_due(), 0)
        self.assertFalse(invoice.payment_link)
        self._pay(link)
        self.assertCredit(link, self.partner_a)
        self.assertEqual(self._activities(invoice), [BY_HAND])
        self.assertEqual(invoice._payplug_amount_due(), 0)
