"""Booking what is more, less or other than the invoice asks by now."""

from odoo import Command
from odoo.tests import tagged

from .common import PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestAmounts(PayplugBookingCommon):
    def test_invoice_paid_meanwhile_leaves_a_credit_and_a_question(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._register_payment(invoice)
        self.payplug.pay(link.payplug_id)
        link._sync()
        payment = link.account_payment_id
        self.assertRecordValues(
            payment,
            [
                {
                    "amount": 120.0,
                    "is_reconciled": False,
                    "partner_id": self.partner_a.id,
                }
            ],
        )
        self.assertEqual(
            self._activities(invoice), ["Registered by hand, or paid twice?"]
        )

    def test_surplus_over_a_partly_paid_invoice_is_the_customers_credit(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._register_payment(invoice, amount=100, payment_difference_handling="open")
        self.payplug.pay(link.payplug_id)
        link._sync()
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(link.account_payment_id.amount, 120)
        self.assertEqual(self._activities(invoice), ["Paid twice: refund?"])
        credit = link.account_payment_id.move_id.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )
        self.assertEqual(credit.amount_residual, -100)

    def test_earlier_partial_payment_is_asked_and_booked_for_the_rest(self):
        invoice = self._create_payable_invoice()
        self._register_payment(invoice, amount=20, payment_difference_handling="open")
        link = self._paid_link(invoice)
        self.assertEqual(link.amount, 100)
        self.assertEqual(invoice.amount_residual, 0)
        self.assertFalse(self._activities(invoice))

    def test_credit_note_in_between_leaves_the_surplus_as_credit(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        credit_note = self._create_payable_invoice(50, move_type="out_refund")
        (invoice + credit_note).line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        ).reconcile()
        self.assertEqual(invoice.amount_residual, 70)
        self.payplug.pay(link.payplug_id)
        link._sync()
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(self._activities(invoice), ["Paid twice: refund?"])

    def test_early_payment_discount_does_not_change_what_was_paid(self):
        terms = self.env["account.payment.term"].create(
            {
                "name": "2 % within 10 days",
                "early_discount": True,
                "discount_percentage": 2,
                "discount_days": 10,
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 100, "nb_days": 30}
                    )
                ],
            }
        )
        invoice = self._create_payable_invoice(invoice_payment_term_id=terms.id)
        link = self._paid_link(invoice)
        self.assertEqual(link.amount, 120)
        self.assertEqual(link.account_payment_id.amount, 120)
        self.assertEqual(invoice.amount_residual, 0)

    def test_deleted_invoice_leaves_a_credit_and_a_question(self):
        draft_again = self._create_payable_invoice()
        link = self._request(draft_again)
        draft_again.button_draft()
        draft_again.with_context(force_delete=True).unlink()
        self.payplug.pay(link.payplug_id)
        link._sync()
        payment = link.account_payment_id
        self.assertFalse(payment.is_reconciled)
        self.assertEqual(payment.partner_id, self.partner_a)
        self.assertEqual(self._activities(payment), ["Paid twice: refund?"])

    def test_in_payment_invoice_is_neither_asked_nor_booked_twice(self):
        self.patch(
            type(self.env["account.move"]),
            "_get_invoice_in_payment_state",
            lambda move: "in_payment",
        )
        invoice = self._create_payable_invoice()
        self._paid_link(invoice)
        self.assertEqual(invoice.payment_state, "in_payment")
        with self.assertUserError("Nothing is left to pay"):
            invoice.action_payplug_send_link()
