"""A refund in a real browser, from the credit note to *refunded*."""

from odoo.tests import HttpCase, tagged

from .common import CompiledAssets
from .common_refunds import RefundCommon


@tagged("post_install", "-at_install", "once")
class TestRefundBrowser(CompiledAssets, RefundCommon, HttpCase):
    def _start_tour(self, name, move):
        """Go through the steps of a tour on the form of a credit note or invoice."""
        kind = "out_refund" if move.move_type == "out_refund" else "out_invoice"
        path = f"/odoo/action-account.action_move_{kind}_type/{move.id}"
        self.env.flush_all()
        self.start_tour(path, name, login=self.accountant.login, timeout=120)
        self.env.invalidate_all()

    def test_accountant_refunds_a_credit_note_and_sees_it_refunded(self):
        invoice = self._create_payable_invoice(1234.56)
        self._paid_link(invoice)
        note = self._credit(200, invoice)
        self._start_tour("payplug_paylink_refund", note)
        # In production, the user's own request sends it after its commit.
        self.env["payplug.refund"].sudo().search([]).retry_at = False
        self.refund_cron.method_direct_trigger()
        for document in (note, invoice):
            self._start_tour("payplug_paylink_refunded", document)
        self.assertEqual(note.amount_residual, 50)
        self.assertEqual(self.payplug.ledger()[-1]["cents_refunded"], 15000)
