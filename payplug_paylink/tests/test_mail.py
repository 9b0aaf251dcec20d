"""R3 to R6: the placeholders, our template, the Send window, the mail that leaves."""

from html import unescape

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import html2plaintext

from odoo.addons.mail.tests.common import MailCase

from .common import PayplugCommon


@tagged("post_install", "-at_install", "once")
class TestMail(PayplugCommon, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.template = cls.env.ref("payplug_paylink.mail_template_payment_link")
        cls.invoice = cls._create_payable_invoice(1234.56)

    def _open_send_window(self, invoice, user=None):
        """Click the button; return Odoo's Send window as the web client opens it."""
        invoice = invoice.with_user(user or self.biller)
        action = invoice.action_payplug_send_link()
        self.assertEqual(action["res_model"], "account.move.send.wizard")
        return (
            self.env[action["res_model"]]
            .with_user(user or self.biller)
            .with_context(**action["context"])
            .create({})
        )

    def _send(self, invoice):
        """Send the invoice through the window; return the mail's values."""
        with self.mock_mail_gateway():
            self._open_send_window(invoice).action_send_and_print()
        self.assertEqual(len(self._mails), 1)
        return self._mails[0]

    @staticmethod
    def _plain(text):
        """Return the text with ordinary spaces only, one at a time."""
        return " ".join(unescape(text).split())

    def test_send_window_opens_with_our_template_and_the_invoiced_contact(self):
        window = self._open_send_window(self.invoice)
        self.assertEqual(window.template_id, self.template)
        self.assertEqual(window.mail_partner_ids, self.partner_a)
        self.assertIn(self.invoice.payment_link, window.body)

    def test_mail_leaves_whatever_the_usual_channel_of_the_customer(self):
        for channel in ("manual", "email"):
            with self.subTest(channel=channel):
                self.partner_a.invoice_sending_method = channel
                invoice = self._create_payable_invoice()
                mail = self._send(invoice)
                self.assertIn(invoice.payment_link, mail["body"])

    def test_mail_in_english_holds_amount_button_and_invoice(self):
        self.partner_a.lang = "en_US"
        mail = self._send(self.invoice)
        body = self._plain(mail["body"])
        self.assertIn(f"pay your invoice {self.invoice.name} online", mail["subject"])
        self.assertIn("Pay 1,234.56 € by card", body)
        self.assertIn(f'href="{self.invoice.payment_link}"', body)
        self.assertIn("Test: no real money", body)
        self.assertTrue(any("pdf" in name for name, *_rest in mail["attachments"]))

    def test_mail_in_french_for_a_french_customer(self):
        self.partner_a.lang = "fr_FR"
        mail = self._send(self.invoice)
        body = self._plain(mail["body"])
        self.assertIn(f"réglez votre facture {self.invoice.name}", mail["subject"])
        self.assertIn("Bonjour Marie Durand", body)
        self.assertIn("Payer 1 234,56 € par carte", body)
        self.assertIn("Test : aucun argent réel", body)
        for english in ("Dear", "Here is", "card", "contact us", "The link"):
            self.assertNotIn(english, body)

    def test_template_editor_offers_sample_text(self):
        self.assertIn("Marie Durand", self.template.body_html)
        self.assertIn("1,234.56", self.template.body_html)

    def test_billing_user_puts_the_placeholders_into_an_own_template(self):
        self.assertFalse(self.biller.has_group("mail.group_mail_template_editor"))
        template = self._create_template(
            subject="Please pay: {{ object.payment_link }}",
            body_html='<p>Hello</p><t t-out="object.payment_link_button"/>',
        )
        url = self.invoice._payplug_page_url()
        found = template._generate_template(self.invoice.ids, ["subject", "body_html"])
        values = found[self.invoice.id]
        self.assertEqual(values["subject"], f"Please pay: {url}")
        self.assertIn(f'href="{url}"', values["body_html"])

    def test_billing_user_still_cannot_use_other_expressions(self):
        with self.assertRaises(AccessError):
            self._create_template(body_html='<t t-out="object.payplug_link_id.url"/>')

    def test_placeholders_work_in_sms_templates(self):
        if "sms.template" not in self.env:
            self.skipTest("the SMS addon is not installed")
        templates = self.env["sms.template"]  # which administrators write
        template = templates.create(
            {
                "name": "Pay",
                "model_id": self.env["ir.model"]._get_id("account.move"),
                "body": "Pay here: {{ object.payment_link }}",
            }
        )
        used = template.with_user(self.biller)
        text = used._render_field("body", self.invoice.ids)[self.invoice.id]
        self.assertEqual(text, f"Pay here: {self.invoice._payplug_page_url()}")
        values = {"composition_mode": "comment", "template_id": template.id}
        values |= {"res_model": "account.move", "res_id": self.invoice.id}
        windows = self.env["sms.composer"]
        employee = self._create_user("employee", "base.group_user")
        for user, told in ((employee, ""), (self.biller, self.invoice.payment_link)):
            window = windows.with_user(user).sudo(False).create(values)
            self.assertEqual(window.body, f"Pay here: {told}")

    def test_link_is_told_in_sudo_to_whom_it_concerns_alone(self):
        """Odoo's windows render their text in sudo, for whoever opened them."""
        url = self.invoice._payplug_page_url()
        employee = self._create_user("employee", "base.group_user")
        for user, told in (
            (employee, False),
            (self.biller, url),
            (self.env.ref("base.public_user"), url),
            (self.env.ref("base.user_root"), url),
        ):
            invoice = self.invoice.with_user(user).sudo()
            self.assertEqual(invoice.payment_link, told, user.name)
            self.assertEqual(bool(invoice.payment_link_button), bool(told), user.name)

    def test_placeholders_never_break_a_form(self):
        """Whatever its onchange brings: no number, no day of creation, no currency."""
        shown = ("payment_link", "payment_link_button", "payment_link_until")
        specification = {name: {} for name in (*shown, "payplug_status_detail")}
        posted = {"state": "posted", "payment_state": "not_paid", "name": "INV/9"}
        posted |= {"move_type": "out_invoice", "amount_residual": 100}
        posted |= {"partner_id": self.partner_a.id, "company_id": self.company.id}
        posted |= {"currency_id": self.invoice.currency_id.id}
        moves = self.env["account.move"].with_user(self.biller).sudo(False)
        told = moves.onchange(posted, [], specification)["value"]
        self.assertFalse(any(told.values()))
        for status in ("sent", "refused"):
            moves.onchange({**posted, "payplug_status": status}, [], specification)
        self._request(self.invoice)
        invoice = self.invoice.with_user(self.biller).sudo(False)
        invoice.onchange({"currency_id": False}, ["currency_id"], specification)

    def test_pickers_find_the_placeholders(self):
        """The "/" and "#" pickers hide what is not searchable."""
        names = ["payment_link", "payment_link_button"]
        found = self.env["account.move"].fields_get(names, ["searchable"])
        for name in names:
            self.assertTrue(found[name]["searchable"])

    def test_placeholders_lead_to_the_stable_page_before_any_link_exists(self):
        url = self.invoice._payplug_page_url()
        self.assertEqual(self.invoice.payment_link, url)
        body = self.template._render_field("body_html", self.invoice.ids)
        self.assertIn(f'href="{url}"', body[self.invoice.id])
        self.assertFalse(self.payplug.calls)
        self.assertFalse(self.invoice.payplug_link_ids)

    def test_link_in_mails_is_the_same_after_any_number_of_payments(self):
        url = self.invoice.payment_link
        link = self._request(self.invoice)
        self.assertEqual(self.invoice.payment_link, url)
        link._cancel()
        self._request(self.invoice)
        self.assertEqual(self.invoice.payment_link, url)

    def test_link_in_mails_may_be_payplugs_own_page_and_is_empty_without_one(self):
        self.company.payplug_link_target = "payplug"
        self.assertFalse(self.invoice.payment_link)
        self.assertFalse(self.invoice.payment_link_button)
        body = self.template._render_field("body_html", self.invoice.ids)
        self.assertNotIn("href", body[self.invoice.id])
        self.assertFalse(self.payplug.calls)
        link = self._request(self.invoice)
        self.assertEqual(self.invoice.payment_link, link.url)

    def test_mail_tells_the_end_of_a_link_that_has_one(self):
        self.partner_a.lang = "en_US"
        mail = self._send(self.invoice)
        self.assertNotIn("good until", mail["body"])
        self.company.payplug_link_target = "payplug"
        mail = self._send(self._create_payable_invoice())
        self.assertIn("good until", mail["body"])

    def test_plain_text_part_of_the_mail_holds_the_address(self):
        mail = self._send(self.invoice)
        text = html2plaintext(mail["body"])
        self.assertIn(self.invoice._payplug_page_url(), text)

    def test_placeholders_are_empty_when_nothing_is_due(self):
        self._request(self.invoice)
        self._register_payment(self.invoice)
        self.assertFalse(self.invoice.payment_link)
        self.assertFalse(self.invoice.payment_link_button)

    def test_placeholders_are_empty_when_payplug_is_switched_off(self):
        self._request(self.invoice)
        self.company.payplug_enabled = False
        self.env.invalidate_all()
        self.assertFalse(self.invoice.payment_link)

    def test_placeholders_of_a_company_without_anything_set_up_do_not_raise(self):
        for currency in (False, self.env.ref("base.EUR").id):
            values = {"move_type": "out_invoice", "currency_id": currency}
            draft = self.env["account.move"].new(values)
            self.assertFalse(draft.payment_link)
            self.assertFalse(draft.payment_link_button)
            self.assertFalse(draft.payment_link_amount)

    def test_our_template_without_a_link_warns_in_the_send_window(self):
        self.company.payplug_link_target = "payplug"
        window = self.env["account.move.send.wizard"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        )
        values = {"template_id": self.template.id, "sending_methods": ["email"]}
        alerts = window.create(values).alerts
        self.assertIn("no payment button", alerts["payplug_no_link"]["message"])
        self._request(self.invoice)
        self.assertNotIn("payplug_no_link", window.create(values).alerts or {})
