"""Who is told that an invoice was paid by its link, and how."""

from unittest.mock import Mock, patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.mail.tests.common import MailCase

from .common import LINK_LOG, PayplugBookingCommon

SUBTYPE = "payplug_paylink.mail_message_subtype_paid"


@tagged("post_install", "-at_install", "once")
class TestPaidNotices(PayplugBookingCommon, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice()

    def _send(self):
        """Send the link by hand, as the billing user."""
        action = self.invoice.with_user(self.biller).action_payplug_send_link()
        window = self.env[action["res_model"]].with_user(self.biller)
        with self.mock_mail_gateway():
            window.with_context(**action["context"]).create({}).action_send_and_print()
        self.env.invalidate_all()

    def _pay_and_see(self):
        """Let the customer pay; return the mails that left."""
        link = self.invoice.payplug_link_id.sudo()
        with self.mock_mail_gateway():
            self._pay(link)
            link._sync()  # a replay tells nobody again
            mails = list(self._mails)
        return mails

    def _news(self):
        return self.invoice.message_ids.filtered(
            lambda line: line.subtype_id == self.env.ref(SUBTYPE)
        )

    def test_who_sent_the_link_is_told_of_the_payment_with_the_amount(self):
        self._send()
        mails = self._pay_and_see()
        self.assertIn("120.00", self._news().body)
        [mail] = mails
        name = self.invoice.name
        self.assertRegex(mail["subject"], rf"^{name}: .*120\.00.* paid by card$")
        self.assertEqual(self._news().notified_partner_ids, self.biller.partner_id)
        self.assertEqual(
            [to for mail in mails for to in mail["email_to"]],
            [self.biller.partner_id.email_formatted],
        )

    def test_who_sent_the_link_is_told_that_a_trial_is_not_booked(self):
        self.company.payplug_book_test_payments = False
        self._send()
        [mail] = self._pay_and_see()
        self.assertIn("paid by card (test, not booked)", mail["subject"])
        self.assertIn("still due", self._news().body)

    def test_who_has_switched_it_off_is_not_told(self):
        self._send()
        follower = self.invoice.message_follower_ids.filtered(
            lambda one: one.partner_id == self.biller.partner_id
        )
        follower.subtype_ids -= self.env.ref(SUBTYPE)
        self.assertEqual(self._pay_and_see(), [])
        self.assertFalse(self._news().notified_partner_ids)

    def test_customer_who_follows_is_thanked_only_if_the_company_ticks_it(self):
        self._send()
        self.invoice.message_subscribe(self.partner_a.ids)
        self.assertNotIn(
            self.partner_a.email_normalized,
            str([mail["email_to"] for mail in self._pay_and_see()]),
        )

    def test_customer_is_thanked_once_with_the_paid_invoice(self):
        self.company.payplug_thank_customer = True
        self._send()
        mails = self._pay_and_see()
        thanks = [m for m in mails if self.partner_a.email in str(m["email_to"])]
        self.assertEqual(len(thanks), 1)
        self.assertIn("your payment of invoice", thanks[0]["subject"])
        self.assertIn("120.00", thanks[0]["body"])
        self.assertIn(self.invoice.payment_id, thanks[0]["body"])
        self.assertIn("no real money was paid", thanks[0]["body"])
        name = self.invoice.invoice_pdf_report_id.name
        self.assertEqual([file[0] for file in thanks[0]["attachments"]], [name])

    def test_broken_thanks_lose_no_payment(self):
        self.company.payplug_thank_customer = True
        self._send()
        template = self.env.ref("payplug_paylink.mail_template_payment_received")
        template.subject = "{{ not object.amount_residual and object.nothing }}"
        with self.assertLogs(LINK_LOG, "ERROR"):
            self._pay_and_see()
        self.assertEqual(self.invoice.payment_state, "paid")
        self.assertTrue(self.invoice.payplug_link_id.sudo().is_booked)

    def test_nobody_is_thanked_at_an_address_that_is_not_the_one_written(self):
        """Odoo would mail the invoice to durand@example.com."""
        self.company.payplug_thank_customer = True
        for address in ("marie durand@example.com", False):
            with self.subTest(address=address):
                self.invoice = self._create_payable_invoice()
                self._request(self.invoice)
                self.partner_a.email = address
                self.assertFalse(self._pay_and_see())
                self.assertEqual(self.invoice.payment_state, "paid")

    def test_template_that_became_one_of_another_model_thanks_nobody(self):
        self.company.payplug_thank_customer = True
        self._request(self.invoice)
        template = self.env.ref("payplug_paylink.mail_template_payment_received")
        template.write(
            {
                "model_id": self.env["ir.model"]._get_id("ir.model.fields"),
                "subject": "{{ object.name }}",
                "body_html": "<p t-out='object.model'/>",
                "use_default_to": False,
                "email_to": "stranger@example.com",
                "email_from": "compta@example.com",
                "lang": False,
            }
        )
        self.assertFalse(self._pay_and_see())

    def test_refusal_to_thank_that_names_people_is_not_logged(self):
        self.company.payplug_thank_customer = True
        link = self._request(self.invoice)

        refusal = "marie.durand@example.com may not be mailed"
        refuse = Mock(side_effect=UserError(refusal))
        templates = type(self.env["mail.template"])
        with (
            patch.object(templates, "send_mail", refuse),
            self.assertLogs(LINK_LOG, "ERROR") as logs,
        ):
            self._pay(link)
        self.assertIn("Nobody was told of a payment: UserError", logs.output[0])
        self.assertNotIn("marie", "".join(logs.output))

    def test_payment_of_the_test_mode_that_is_not_booked_thanks_nobody(self):
        self.company.write(
            {"payplug_thank_customer": True, "payplug_book_test_payments": False}
        )
        self._send()
        mails = self._pay_and_see()
        self.assertNotIn(self.partner_a.email, str([m["email_to"] for m in mails]))
        self.assertTrue(self._news())


@tagged("post_install", "-at_install", "once")
class TestCopyLink(PayplugBookingCommon):
    def test_copying_makes_the_link_and_mails_nobody(self):
        invoice = self._create_payable_invoice()
        before = invoice.message_ids
        action = invoice.with_user(self.biller).action_payplug_copy_link()
        self.assertEqual(action["params"]["text"], invoice.payment_link)
        self.assertEqual(invoice.payplug_status, "created")
        self.assertFalse((invoice.message_ids - before).notification_ids)
        again = invoice.with_user(self.biller).action_payplug_copy_link()
        self.assertEqual(again["params"], action["params"])
        link = invoice.payplug_link_id.with_user(self.biller).sudo(False)
        self.assertEqual(link.action_copy()["params"], action["params"])
        self.assertIn(self.biller.partner_id, invoice.message_partner_ids)
        self.assertEqual(invoice.payplug_link_count, 1)

    def test_copying_needs_no_address_and_sending_offers_to_open_the_contact(self):
        invoice = self._create_payable_invoice()
        invoice.partner_id.email = False
        mine = invoice.with_user(self.biller)
        self.assertTrue(mine.action_payplug_copy_link()["params"]["text"])
        with self.assertRaises(Exception) as refused:
            mine.action_payplug_send_link()
        message, action, button, _context = refused.exception.args
        self.assertEqual(type(refused.exception).__name__, "RedirectWarning")
        self.assertIn("has no e-mail address", message)
        self.assertEqual(button, "Open the contact")
        self.assertEqual(
            (action["res_model"], action["res_id"]),
            ("res.partner", invoice.partner_id.id),
        )

    def test_several_reasons_are_told_together_without_that_button(self):
        invoice = self._create_payable_invoice(30000.0)
        invoice.partner_id.email = False
        with self.assertUserError("The amount due is"):
            invoice.action_payplug_send_link()

    def test_copying_tells_what_is_in_the_way(self):
        invoice = self._create_payable_invoice(30000.0)
        with self.assertUserError("can be made for .*\n.*The amount due is"):
            invoice.action_payplug_copy_link()

    def test_nothing_is_copied_while_a_payment_is_being_checked(self):
        invoice = self._create_payable_invoice()
        self._request(invoice)
        self._lie(payment_method={"type": "oney", "is_pending": True})
        with self.assertUserError("Payplug is checking a payment"):
            invoice.action_payplug_copy_link()

    def test_actions_of_a_link_without_its_invoice_say_so(self):
        link = self._request(self._create_payable_invoice()).sudo()
        link.move_id.payplug_link_id = False
        self.env.flush_all()
        link.move_id = False
        for name in ("refresh", "cancel", "close", "open_invoice"):
            with self.subTest(action=name), self.assertUserError("was deleted"):
                getattr(link, f"action_{name}")()

    def test_form_of_a_link_acts_as_its_invoice(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice).with_user(self.biller)
        self.payplug.refuse(link.payplug_id)
        link.action_refresh()
        self.assertEqual(invoice.payplug_status, "refused")
        self.assertEqual(link.action_open_invoice()["res_id"], invoice.id)
        link.action_cancel()
        self.assertEqual(link.sudo().state, "cancelled")
        self.assertEqual(link.sudo().cancelled_by_id, self.biller)
