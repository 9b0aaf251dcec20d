"""The screens, in a real browser, as a billing user."""

from odoo.tests import HttpCase, tagged

from .common import PayplugCommon


@tagged("post_install", "-at_install")
class TestTour(PayplugCommon, HttpCase):
    def test_billing_user_sends_a_link_from_the_form(self):
        invoice = self._create_payable_invoice(1234.56)
        self.start_tour(
            f"/odoo/customer-invoices/{invoice.id}",
            "payplug_paylink_send",
            login=self.biller.login,
        )
        self.assertEqual(invoice.payplug_state, "pending")
        sent = invoice.message_ids.filtered(lambda m: invoice.payment_link in m.body)
        self.assertEqual(sent.partner_ids, self.partner_a)
        self.assertTrue(sent.attachment_ids)
