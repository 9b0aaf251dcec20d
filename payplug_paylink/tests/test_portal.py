"""The customer's portal and the printed invoice lead to the pay page."""

import base64
import io

from lxml import html
from PIL import Image
from pypdf import PdfReader

from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import PayplugCommon

try:
    import zxingcpp
except ImportError:  # the addon's tests also run where only Odoo is installed
    zxingcpp = None


class PortalCommon(PayplugCommon, HttpCase):
    """An invoice that a customer of the portal may pay."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._create_user("customer", "base.group_portal")
        cls.customer.partner_id.email = "customer@example.com"
        cls.invoice = cls._create_payable_invoice(
            1234.56, partner_id=cls.customer.partner_id.id
        )


@tagged("post_install", "-at_install")
class TestPortal(PortalCommon):
    def _buttons(self, path):
        """Return the addresses of our buttons, and how many native ones there are."""
        self.env.flush_all()
        self.authenticate("customer", "customer")
        answer = self.url_open(path)
        self.assertEqual(answer.status_code, 200)
        tree = html.fromstring(answer.text)
        ours = tree.xpath("//a[contains(@class, 'o_payplug_pay')]/@href")
        native = tree.xpath(
            "//a[@data-bs-target='#pay_with' or contains(@href, 'portal_pay')]"
        )
        return ours, len(native)

    def _of_page(self):
        return self._buttons(f"/my/invoices/{self.invoice.id}")

    def _of_list(self):
        return self._buttons("/my/invoices")

    def _needs_account_payment(self):
        if "payment.provider" not in self.env:
            self.skipTest("account_payment is not installed")

    def test_payable_invoice_has_one_button_on_page_and_list(self):
        address = [self.invoice._payplug_page_path()]
        self.assertEqual(self._of_page(), (address, 0))
        self.assertEqual(self._of_list(), (address, 0))
        self.assertFalse(self.payplug.calls)

    def test_button_goes_when_nothing_can_be_paid(self):
        self._register_payment(self.invoice)
        self.assertEqual(self._of_page(), ([], 0))
        self.assertEqual(self._of_list(), ([], 0))

    def test_button_goes_when_payplug_is_switched_off(self):
        self.company.payplug_enabled = False
        self.assertEqual(self._of_page()[0], [])

    def test_native_button_with_a_provider_stands_alone(self):
        self._needs_account_payment()
        self._create_provider("none")
        self.assertEqual(self._of_page(), ([], 1))
        self.assertEqual(self._of_list(), ([], 1))

    def test_native_button_for_transfers_stands_beside_the_card(self):
        self._needs_account_payment()
        self._create_provider("custom")
        self.assertTrue(self.invoice._payplug_shows_portal_button())
        self.assertTrue(self.invoice._has_to_be_paid())

    def test_native_button_that_leads_nowhere_gives_way(self):
        self._needs_account_payment()
        self.assertFalse(self.invoice._has_to_be_paid())
        self.company.payplug_enabled = False
        self.env.invalidate_all()
        self.assertTrue(self.invoice._has_to_be_paid())

    def test_provider_that_customers_do_not_see_changes_nothing(self):
        """Though the page reads its invoice as superuser, who sees all of them."""
        self._needs_account_payment()
        address = [self.invoice._payplug_page_path()]
        for hidden in (
            {"is_published": False},
            {"payment_method_ids": False},
            {"available_country_ids": self.env.ref("base.us").ids},
        ):
            with self.subTest(**hidden):
                self.customer.partner_id.country_id = self.env.ref("base.fr")
                provider = self._create_provider("none", **hidden)
                self.assertEqual(self._of_page(), (address, 0))
                self.assertEqual(self._of_list(), (address, 0))
                provider.state = "disabled"

    def test_native_button_goes_while_money_of_payplug_waits_for_the_books(self):
        self._needs_account_payment()
        self._create_provider("stripe")
        link = self._request(self.invoice)
        self.assertTrue(self.invoice._has_to_be_paid())
        link.write({"state": "paid", "to_book": True, "paid_at": "2026-03-05 12:00"})
        self.assertFalse(self.invoice._has_to_be_paid())
        self.assertEqual(self._of_page(), ([], 0))

    # === PAPER === #


@tagged("post_install", "-at_install", "once")
class TestPrintedInvoice(PortalCommon):
    def _print(self, invoice):
        """Return the printed invoice as HTML."""
        report = self.env["ir.actions.report"].with_user(self.biller)
        content, _kind = report._render_qweb_html(
            "account.report_invoice_with_payments", invoice.ids
        )
        return html.fromstring(content)

    def test_printed_invoice_has_no_code_unless_the_company_wants_it(self):
        self.assertFalse(self._print(self.invoice).xpath("//*[@id='payplug_qr_code']"))

    def test_printed_invoice_leads_to_the_stable_page(self):
        self.company.payplug_qr_code = True
        self.company.payplug_link_target = "payplug"  # which is never printed
        link = self._request(self.invoice)
        [block] = self._print(self.invoice).xpath("//*[@id='payplug_qr_code']")
        url = self.invoice._payplug_page_url()
        self.assertEqual(set(block.xpath(".//a/@href")), {url})
        self.assertIn("Pay online", block.text_content())
        [picture] = block.xpath(".//img/@src")
        self.assertEqual(self._read_qr_code(picture), url)
        self.assertNotIn(link.url, html.tostring(block).decode())

    def _read_qr_code(self, data_url):
        """Return what a telephone would read in the picture."""
        data = base64.b64decode(data_url.partition(",")[2])
        [code] = self._read_codes(Image.open(io.BytesIO(data)))
        return code

    def _read_codes(self, picture):
        if zxingcpp is None:
            self.skipTest("zxing-cpp is not installed")
        found = zxingcpp.read_barcodes(picture.convert("L"))
        return [code.text for code in found]

    def _render_pdf(self):
        """Return the pages of the printed invoice."""
        report = self.env["ir.actions.report"].with_context(force_report_rendering=True)
        with mute_logger("odoo.addons.base.models.ir_actions_report"):
            pdf, _kind = report._render_qweb_pdf(
                "account.report_invoice_with_payments", self.invoice.ids
            )
        return PdfReader(io.BytesIO(pdf)).pages

    def test_mail_of_the_send_window_carries_a_real_pdf(self):
        action = self.invoice.with_user(self.biller).action_payplug_send_link()
        window = self.env[action["res_model"]].with_user(self.biller)
        window = window.with_context(**action["context"]).create({})
        with mute_logger("odoo.addons.base.models.ir_actions_report"):
            window.with_context(force_report_rendering=True).action_send_and_print()
        sent = self.invoice.message_ids.filtered("partner_ids")
        [document] = sent.attachment_ids
        self.assertEqual(document.mimetype, "application/pdf")
        [page] = PdfReader(io.BytesIO(document.raw)).pages
        self.assertIn("/Font", page["/Resources"])  # text stands on it

    def test_pdf_carries_the_code_in_every_layout_of_odoo(self):
        """A link for who clicks, and a picture for who holds a telephone to it."""
        self.env["ir.config_parameter"].sudo().set_param("report.print_delay", "0")
        self.company.payplug_qr_code = True
        url = self.invoice._payplug_page_url()
        for layout in self.env["report.layout"].search([]):
            with self.subTest(layout=layout.name):
                self.company.external_report_layout_id = layout.view_id
                pages = self._render_pdf()
                links = [
                    note.get_object()["/A"].get("/URI")
                    for page in pages
                    for note in page.get("/Annots", [])
                ]
                self.assertIn(url, links)
                pictures = [image.image for page in pages for image in page.images]
                codes = [code for each in pictures for code in self._read_codes(each)]
                self.assertEqual(codes, [url])

    def test_invoice_that_cannot_be_paid_online_is_printed_without_a_code(self):
        self.company.payplug_qr_code = True
        draft = self._create_payable_invoice(post=False)
        self._register_payment(self.invoice)
        for invoice in (draft, self.invoice):
            self.assertFalse(self._print(invoice).xpath("//*[@id='payplug_qr_code']"))

    def test_printed_words_are_in_the_customers_language(self):
        self.company.payplug_qr_code = True
        self.customer.partner_id.lang = "fr_FR"
        [block] = self._print(self.invoice).xpath("//*[@id='payplug_qr_code']")
        self.assertIn("Payer en ligne", block.text_content())
