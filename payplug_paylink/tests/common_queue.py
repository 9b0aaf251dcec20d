"""What the tests of the queue share: a billing user who sends many invoices."""

import contextlib
from unittest.mock import patch

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

    def _open_own(self, invoice, **values):
        """Open Odoo's own Send window by our button, as a billing user; return it."""
        action = invoice.with_user(self.biller).action_payplug_send_link()
        window = self.env[action["res_model"]].with_user(self.biller)
        return window.with_context(**action["context"]).create(values)

    def _create_reminder(self, body):
        """Return a mail template of the company's own with this body."""
        return self.env["mail.template"].create(
            {
                "name": "Reminder",
                "email_from": "compta@example.com",
                "model_id": self.env["ir.model"]._get_id("account.move"),
                "subject": "Reminder of {{ object.name }}",
                "body_html": body,
                "use_default_to": True,
            }
        )

    def _run_cron(self, cron=None):
        """Let a worker run; return the mails that left."""
        self.env.flush_all()
        with self.mock_mail_gateway(), self.enter_registry_test_mode():
            (cron or self.cron).method_direct_trigger()
            mails = list(self._mails)
        self.env.invalidate_all()
        return mails

    @contextlib.contextmanager
    def _while_sending(self, act):
        """Call `act` with each invoice, in the worker's transaction, as it is sent."""
        sender = type(self.env["account.move.send"])
        original = sender._generate_and_send_invoices

        def act_and_send(self, moves, **options):
            act(moves)
            return original(self, moves, **options)

        with patch.object(sender, "_generate_and_send_invoices", act_and_send):
            yield

    def _queue(self, invoices):
        return self.env["payplug.sending"].search([("move_id", "in", invoices.ids)])

    def _states(self, invoices):
        self.env.invalidate_all()
        return [move.payplug_sending_state for move in invoices]
