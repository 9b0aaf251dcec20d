"""The screens, in a real browser, as a billing user."""

from odoo import Command
from odoo.tests import HttpCase, tagged

from odoo.addons.mail.tests.common import MailCase

from .common import CompiledAssets, PayplugCommon


@tagged("post_install", "-at_install", "once", "long")
class TestTour(CompiledAssets, PayplugCommon, HttpCase, MailCase):
    def test_billing_user_sends_a_link_from_menu_and_button_of_the_form(self):
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

    def test_billing_user_sends_six_of_eleven_invoices_at_once(self):
        good = self.env["account.move"].union(
            *(self._create_payable_invoice(100 + n) for n in range(6))
        )
        refused = self._create_refused_invoices()
        self.start_tour(
            "/odoo/customer-invoices?view_type=list",
            "payplug_paylink_send_many",
            login=self.biller.login,
            timeout=120,
        )
        self.env.invalidate_all()
        self.assertEqual(set(good.mapped("payplug_sending_state")), {"waiting"})
        self.assertEqual(set(refused.mapped("payplug_sending_state")), {False})
        self.env.flush_all()
        with self.mock_mail_gateway():
            self.env.ref("payplug_paylink.ir_cron_send").method_direct_trigger()
            subjects = [mail["subject"] for mail in self._mails]
        self.env.invalidate_all()
        self.assertEqual(len(subjects), 6)
        for invoice in good:
            self.assertTrue(any(invoice.name in subject for subject in subjects))
        self.assertEqual(set(good.mapped("payplug_sending_state")), {"sent"})

    def test_billing_user_sends_from_the_menu_of_the_kanban(self):
        other = self.env["res.partner"].create(
            {"name": "Paul Martin", "email": "paul.martin@example.com"}
        )
        chosen = self._create_payable_invoice()
        chosen += self._create_payable_invoice(partner_id=other.id)
        third = self._create_payable_invoice(partner_id=self.partner_b.id)
        self.start_tour(
            "/odoo/customer-invoices?view_type=kanban",
            "payplug_paylink_send_from_kanban",
            login=self.biller.login,
        )
        self.env.invalidate_all()
        self.assertEqual(set(chosen.mapped("payplug_sending_state")), {"waiting"})
        self.assertFalse(third.payplug_sending_state)

    def _create_refused_invoices(self):
        """Return five invoices, each refused for another reason."""
        nobody = self.env["res.partner"].create({"name": "Nobody"})
        dollar = self.env.ref("base.USD")
        dollar.active = True
        terms = self.env["account.payment.term"].create(
            {
                "name": "Half and half",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 50, "nb_days": days}
                    )
                    for days in (0, 30)
                ],
            }
        )
        paid = self._create_payable_invoice(300)
        self._register_payment(paid)
        return (
            self._create_payable_invoice(25_000, partner_id=nobody.id)
            + self._create_payable_invoice(currency_id=dollar.id)
            + self._create_payable_invoice(post=False)
            + self._create_payable_invoice(invoice_payment_term_id=terms.id)
            + paid
        )
