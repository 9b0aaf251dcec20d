"""Invoices with a link are printed without a pause, and look the same."""

import io
from base64 import b64encode
from unittest.mock import patch

from PIL import Image

from odoo import Command
from odoo.tests import HttpCase, tagged

from .common_queue import QueueCommon

try:
    from pypdfium2 import PdfDocument
except ImportError:  # the addon's tests also run where only Odoo is installed
    PdfDocument = None

PRINT = {"payplug_print_at_once": True}
LINES = 120  # more than four pages
BLUE = (20, 90, 180)  # of the logo


@tagged("post_install", "-at_install", "once")
class TestPrinting(QueueCommon, HttpCase):
    def setUp(self):
        super().setUp()
        [self.invoice] = self._invoices(1)
        self.report = self.env.ref("account.account_invoices")

    def _delay(self, **context):
        report = self.report.with_context(**context)
        command = report._build_wkhtmltopdf_args(report.get_paperformat(), None)
        return command[command.index("--javascript-delay") + 1]

    def _delays_while(self, act):
        """Return with which pauses `act` prints."""
        reports = type(self.env["ir.actions.report"])
        original, delays = reports._build_wkhtmltopdf_args, []

        def build(*args, **options):
            command = original(*args, **options)
            delays.append(command[command.index("--javascript-delay") + 1])
            return command

        with patch.object(reports, "_build_wkhtmltopdf_args", build):
            act()
        return delays

    def test_own_delay_of_an_administrator_is_kept(self):
        self.assertEqual(self._delay(**PRINT), "0")
        self.env["ir.config_parameter"].set_param("report.print_delay", "250")
        self.assertEqual(self._delay(**PRINT), "250")
        self.assertEqual(self._delay(), "250")

    def test_only_sends_with_a_link_print_without_a_pause(self):
        self.assertEqual(self._delay(), "1000")
        window = self._open_own(self.invoice).with_context(force_report_rendering=True)
        with self.mock_mail_gateway():
            delays = self._delays_while(window.action_send_and_print)
        self.assertEqual(delays, ["0"])
        [other] = self._invoices(1)
        window = self._open_own(other, body="<p>Dear customer</p>")
        window = window.with_context(force_report_rendering=True)
        with self.mock_mail_gateway():
            delays = self._delays_while(window.action_send_and_print)
        self.assertEqual(delays, ["1000"])

    def test_queue_prints_without_a_pause(self):
        self._enqueue(self._invoices(1) + self.invoice)
        row = self._queue(self.invoice).sudo()
        original = type(row)._move_as_sender

        def as_sender(row):
            return original(row).with_context(force_report_rendering=True)

        with (
            self.mock_mail_gateway(),
            patch.object(type(row), "_move_as_sender", as_sender),
        ):
            self.assertEqual(self._delays_while(row._send), ["0"])

    def test_invoice_of_four_pages_with_logo_looks_the_same(self):
        if not PdfDocument:
            self.skipTest("needs pypdfium2")
        self.company.logo = self._logo()
        lines = [
            Command.create({"name": f"Work {n}\n{'word ' * 20}", "price_unit": 1.5})
            for n in range(LINES)
        ]
        # Where Qt is not patched, the header with the logo is not printed.
        logo = f'<img src="/logo.png?company={self.company.id}"/>'
        invoice = self._create_payable_invoice(invoice_line_ids=lines, narration=logo)
        slow = self._print(invoice)
        fast = self._print(invoice, **PRINT)
        self.assertGreaterEqual(len(slow), 4)
        texts = [text for text, _pixels in slow]
        self.assertEqual([text for text, _pixels in fast], texts)
        pictures = [picture for _text, picture in slow]
        is_same = [picture for _text, picture in fast] == pictures
        self.assertTrue(is_same, "the pages look different")
        self.assertTrue(any(map(self._has_logo, pictures)))

    def _has_logo(self, picture):
        colours = [colour for _count, colour in picture.getcolors(picture.width**2)]
        return any(
            all(abs(one - other) < 16 for one, other in zip(colour, BLUE, strict=True))
            for colour in colours
        )

    def _logo(self):
        picture = Image.new("RGB", (240, 80), BLUE)
        picture.paste((250, 200, 0), (20, 20, 200, 60))
        stored = io.BytesIO()
        picture.save(stored, "PNG")
        return b64encode(stored.getvalue())

    def _print(self, invoice, **context):
        """Return the text and the picture of each page."""
        report = self.report.with_context(force_report_rendering=True, **context)
        pdf, _kind = report._render_qweb_pdf(report, invoice.ids)
        return [
            (
                page.get_textpage().get_text_bounded(),
                page.render().to_pil().convert("RGB"),
            )
            for page in PdfDocument(pdf)
        ]
