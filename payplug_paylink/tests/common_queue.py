"""What the tests of the queue share: a billing user who sends many invoices."""

from odoo.addons.mail.tests.common import MailCase

from .common import PayplugCommon


class QueueCommon(PayplugCommon, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cron = cls.env.ref("payplug_paylink.ir_cron_send")
        cls.partner_a.lang = "en_US"
        cls.partner_b.write({"email": "other@example.com", "lang": "fr_FR"})

    def _invoices(self, count=3, **values):
        return self.env["account.move"].union(
            *(self._create_payable_invoice(100 + n, **values) for n in range(count))
        )

    def _open(self, invoices):
        """Open the window as a billing user; return it."""
        action = invoices.with_user(self.biller).action_payplug_send_link()
        self.assertEqual(action["res_model"], "payplug.send.links")
        window = self.env["payplug.send.links"].browse(action["res_id"])
        return window.with_user(self.biller)

    def _enqueue(self, invoices, **values):
        window = self._open(invoices)
        window.write(values)
        return window.action_send()

    def _run_cron(self):
        """Let a worker run; return the mails that left."""
        self.env.flush_all()
        with self.mock_mail_gateway(), self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
            mails = list(self._mails)
        self.env.invalidate_all()
        return mails

    def _queue(self, invoices):
        return self.env["payplug.sending"].search([("move_id", "in", invoices.ids)])

    def _states(self, invoices):
        self.env.invalidate_all()
        return [move.payplug_sending_state for move in invoices]
