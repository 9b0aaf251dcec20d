"""The mail as it leaves: whatever the channel, the print model or the template."""

from odoo.tests import tagged

from odoo.addons.mail.tests.common import MailCase

from .common import PayplugCommon


@tagged("post_install", "-at_install", "once")
class TestSending(PayplugCommon, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice(1234.56)

    def _open_send_window(self, invoice):
        """Click the button as a billing user; return the window that opens."""
        action = invoice.with_user(self.biller).action_payplug_send_link()
        window = self.env[action["res_model"]].with_user(self.biller)
        return window.with_context(**action["context"]).create({})

    def _send(self, window):
        """Send; return the only mail that leaves."""
        with self.mock_mail_gateway():
            window.action_send_and_print()
        self.assertEqual(len(self._mails), 1)
        return self._mails[0]

    def _text(self, mail):
        """Return the text/plain part of a mail, for programs that show no HTML."""
        [part] = [
            part
            for part in mail["EmailMessage"].walk()
            if part.get_content_type() == "text/plain" and not part.get_filename()
        ]
        return part.get_content()

    def _link_of(self, invoice):
        return invoice._payplug_page_url()

    def _create_print_model(self):
        """Return a second print model of invoices, which Odoo offers beside its own."""
        model = self.env.ref("account.account_invoices_without_payment")
        model.is_invoice_report = True
        return model

    def test_text_of_the_mail_holds_the_link(self):
        mail = self._send(self._open_send_window(self.invoice))
        self.assertIn(self._link_of(self.invoice), self._text(mail))

    def test_open_credit_of_the_customer_is_told_before_money_is_asked(self):
        window = self._open_send_window(self.invoice)
        self.assertNotIn("payplug_credit", window.alerts or {})
        journal = self.company.payplug_journal_id
        paid = self._create_payable_invoice(50)
        self._register_payment(paid, amount=80, journal_id=journal.id)
        self.env.invalidate_all()  # another request
        window = self._open_send_window(self.invoice)
        said = window.alerts["payplug_credit"]["message"]
        for words in (self.invoice.commercial_partner_id.name, "30.00", "1,234.56"):
            self.assertIn(words, said)

    def test_billing_users_own_template_leaves_with_link_and_button(self):
        template = self._create_template(
            email_from="billing@example.com",
            use_default_to=True,
            subject="Please pay: {{ object.payment_link }}",
            body_html='<p>Last reminder</p><t t-out="object.payment_link_button"/>',
        )
        window = self._open_send_window(self.invoice)
        window.template_id = template
        mail = self._send(window)
        url = self._link_of(self.invoice)
        self.assertEqual(mail["subject"], f"Please pay: {url}")
        self.assertIn("Last reminder", mail["body"])
        self.assertIn(f'href="{url}"', mail["body"])
        color = self.company.email_secondary_color
        self.assertIn(f"background-color:{color}", mail["body"].replace(": #", ":#"))
        self.assertIn(url, self._text(mail))

    def test_customers_of_every_channel_get_the_mail(self):
        field = self.env["res.partner"]._fields["invoice_sending_method"]
        channels = [channel for channel, _label in field.selection]
        self.assertIn("manual", channels)
        for channel in channels:
            with self.subTest(channel=channel):
                self.partner_a.invoice_sending_method = channel
                invoice = self._create_payable_invoice()
                mail = self._send(self._open_send_window(invoice))
                self.assertEqual(mail["email_to"], [self.partner_a.email_formatted])
                self.assertIn(self._link_of(invoice), mail["body"])

    def test_print_model_is_offered_only_where_there_are_several(self):
        window = self._open_send_window(self.invoice)
        self.assertFalse(window.display_pdf_report_id)
        model = self._create_print_model()
        window = self._open_send_window(self.invoice)
        self.assertTrue(window.display_pdf_report_id)
        self.assertIn(model, window.available_pdf_report_ids)

    def test_mail_leaves_with_the_print_model_that_was_chosen(self):
        model = self._create_print_model()
        printed = []
        reports = type(self.env["ir.actions.report"])
        original = reports._pre_render_qweb_pdf

        def pre_render(report, ref, *args, **kwargs):
            printed.append(report._get_report(ref))
            return original(report, ref, *args, **kwargs)

        self.patch(reports, "_pre_render_qweb_pdf", pre_render)
        window = self._open_send_window(self.invoice)
        window.pdf_report_id = model
        mail = self._send(window)
        self.assertEqual([report.id for report in printed], model.ids)
        self.assertTrue(mail["attachments"])
        self.assertIn(self._link_of(self.invoice), mail["body"])
