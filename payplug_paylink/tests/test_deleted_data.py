"""What an administrator may have deleted or changed keeps nobody from working."""

from odoo.tests import tagged

from .common import PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestDeletedData(PayplugBookingCommon):
    def test_send_window_opens_without_our_template(self):
        invoice = self._create_payable_invoice()
        self.env.ref("payplug_paylink.mail_template_payment_link").unlink()
        action = invoice.with_user(self.biller).action_payplug_send_link()
        self.assertEqual(action["res_model"], "account.move.send.wizard")
        self.assertNotIn("default_template_id", action["context"])
        window = self.env[action["res_model"]].with_user(self.biller)
        self.assertTrue(window.with_context(**action["context"]).create({}))

    def test_accounting_goes_on_without_the_cron(self):
        invoices = [self._create_payable_invoice() for _each in range(3)]
        for invoice in invoices:
            self._request(invoice)
        self.cron.unlink()
        drafted, paid, deleted = invoices
        drafted.button_draft()
        self.assertEqual(drafted.state, "draft")
        self._register_payment(paid)
        self.assertEqual(paid.amount_residual, 0)
        deleted.button_draft()
        deleted.with_context(force_delete=True).unlink()
        self.assertFalse(deleted.exists())

    def test_cancelling_while_payplug_is_down_works_without_the_cron(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.cron.unlink()
        self.payplug.go_down()
        action = invoice.with_user(self.biller).action_payplug_cancel_link()
        self.assertEqual(action["params"]["title"], "Payplug does not answer")
        self.assertTrue(link.to_cancel)
