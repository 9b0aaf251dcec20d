"""Accounting triggers the cron when it changes what a pending link should ask."""

from odoo.tests import tagged

from .common import PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestAccountingTriggers(PayplugBookingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice()

    def _receivable(self, moves):
        return moves.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )

    def assertWithdrawn(self, link, before):
        """Check that the cron was woken since `before`, and that it ends the link."""
        self.assertGreater(self._triggers(), before)
        self._run_cron()
        self.assertEqual(link.state, "cancelled")
        self.assertEqual(self._failure(link), "aborted")

    def test_unreconciled_payment_withdraws_the_link_of_the_rest(self):
        payment = self._pay_partly(self.invoice)
        link = self._request(self.invoice)
        self.assertEqual(link.amount, 100)
        before = self._triggers()
        self._receivable(payment.move_id).remove_move_reconcile()
        self.assertEqual(self.invoice._payplug_amount_due(), 120)
        self.assertWithdrawn(link, before)

    def test_payment_without_an_entry_withdraws_the_link(self):
        """Nothing is reconciled: only the window that registers it can tell."""
        self.patch(
            type(self.env["account.move"]),
            "_get_invoice_in_payment_state",
            lambda move: "in_payment",
        )
        journal = self.company_data["default_journal_bank"]
        journal.inbound_payment_method_line_ids.payment_account_id = False
        link = self._request(self.invoice)
        before = self._triggers()
        payment = self._register_payment(self.invoice, journal_id=journal.id)
        self.assertFalse(payment.move_id)
        self.assertWithdrawn(link, before)

    def test_payment_difference_that_is_written_off_withdraws_the_link(self):
        link = self._request(self.invoice)
        before = self._triggers()
        self._register_payment(
            self.invoice,
            amount=115,
            payment_difference_handling="reconcile",
            writeoff_account_id=self.company_data["default_account_expense"].id,
        )
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertWithdrawn(link, before)

    def test_credit_note_that_is_reconciled_withdraws_the_link(self):
        link = self._request(self.invoice)
        credit_note = self._reverse_invoice(self.invoice, post=True)
        self._receivable(credit_note).remove_move_reconcile()
        self.assertEqual(self.invoice._payplug_amount_due(), 120)
        before = self._triggers()
        self._receivable(self.invoice + credit_note).reconcile()
        self.assertEqual(self.invoice._payplug_amount_due(), 0)
        self.assertWithdrawn(link, before)

    def test_smaller_credit_note_withdraws_the_link_of_the_former_amount(self):
        link = self._request(self.invoice)
        credit_note = self._create_payable_invoice(50, move_type="out_refund")
        before = self._triggers()
        self._receivable(self.invoice + credit_note).reconcile()
        self.assertEqual(self.invoice._payplug_amount_due(), 70)
        self.assertWithdrawn(link, before)
        self.assertEqual(self._request(self.invoice).amount, 70)
