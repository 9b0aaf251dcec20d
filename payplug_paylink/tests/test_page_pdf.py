"""The invoice itself, behind the address of its pay page."""

from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..models.account_move import PRINT_SPACE
from .common_page import PageCommon

STORED = b"%PDF-1.7 as it was sent"
LINK = "View the invoice (PDF)"
TROUBLE = "The invoice cannot be shown right now"


@tagged("post_install", "-at_install", "once")
class TestPagePdf(PageCommon):
    def _store(self, invoice):
        """Let an invoice have been sent: Odoo has stored its PDF."""
        self.env["ir.attachment"].sudo().create(
            {
                "name": "INV_2026_00042.pdf",
                "raw": STORED,
                "mimetype": "application/pdf",
                "res_model": invoice._name,
                "res_id": invoice.id,
                "res_field": "invoice_pdf_report_file",
            }
        )
        invoice.invalidate_recordset()

    def _path(self, invoice=None):
        return f"{(invoice or self.invoice)._payplug_page_path()}/invoice.pdf"

    def _print(self, act, prints=None):
        """Return the answer of `act` and how often Odoo printed meanwhile.

        :param prints: what prints instead of wkhtmltopdf, which Odoo's tests leave out
        """
        reports = type(self.env["ir.actions.report"])
        original, contexts = reports._pre_render_qweb_pdf, []

        def pre_render(report, *args, **options):
            contexts.append(report.env.context)
            really = report.with_context(force_report_rendering=True)
            return (prints or original)(really, *args, **options)

        with patch.object(reports, "_pre_render_qweb_pdf", pre_render):
            return act(), contexts

    def test_invoice_that_was_sent_is_shown_as_it_was_sent(self):
        self._store(self.invoice)
        answer, prints = self._print(lambda: self._open(self._path()))
        self.assertEqual((answer.status_code, answer.content), (200, STORED))
        self.assertFalse(prints)
        headers = answer.headers
        self.assertEqual(headers["Content-Type"], "application/pdf")
        self.assertTrue(headers["Content-Disposition"].startswith("inline"))
        self.assertIn("INV_2026_00042.pdf", headers["Content-Disposition"])
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertEqual(headers["X-Robots-Tag"], "noindex")

    def test_invoice_that_was_not_sent_is_printed_at_once_and_nothing_is_stored(self):
        answer, prints = self._print(lambda: self._open(self._path()))
        self.assertEqual((answer.status_code, answer.content[:5]), (200, b"%PDF-"))
        self.assertTrue(prints[0].get("payplug_print_at_once"))
        self.assertFalse(self.invoice.invoice_pdf_report_id)
        self.assertFalse(self.invoice.attachment_ids)

    def test_paid_invoice_is_still_shown(self):
        self._store(self.invoice)
        self._register_payment(self.invoice)
        self.assertShows("is paid, thank you", LINK)
        self.assertEqual(self._open(self._path()).content, STORED)

    def test_only_confirmed_invoices_are_shown(self):
        cancelled = self._create_payable_invoice()
        self._store(cancelled)
        cancelled.button_draft()
        draft = self._create_payable_invoice(post=False)
        bill = self._create_payable_invoice(move_type="in_invoice")
        for name, invoice in {
            "reset to draft": cancelled,
            "draft": draft,
            "bill": bill,
        }.items():
            with self.subTest(invoice=name):
                self._check_unknown(self._path(invoice))
                page = self._open(invoice._payplug_page_path())
                self.assertNotIn(LINK, self._words(page))
        cancelled.button_cancel()
        self._check_unknown(self._path(cancelled))

    def _check_unknown(self, path):
        answer, prints = self._print(lambda: self._open(path))
        self.assertEqual(answer.status_code, 404)
        self.assertIn("leads nowhere", self._words(answer))
        self.assertFalse(prints)

    def test_altered_and_foreign_addresses_are_answered_404(self):
        self._store(self.invoice)
        number, good = self.invoice._payplug_page_path().split("/")[3:]
        links = self.env["payplug.payment.link"]
        for record_id, signature in (
            (number, "0" * 32),
            (number, good[:-1]),
            (f"0{number}", good),
            (str(int(number) + 1), good),
            (number, links._signature("notify", self.invoice)),
        ):
            with self.subTest(number=record_id, signature=signature):
                self._check_unknown(f"/payplug/pay/{record_id}/{signature}/invoice.pdf")

    def test_head_prints_nothing(self):
        answer, prints = self._print(lambda: self._open(self._path(), "HEAD"))
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Content-Type"], "application/pdf")
        self.assertFalse(prints)

    def test_nothing_can_be_posted_to_it(self):
        self.assertEqual(self._open(self._path(), "POST").status_code, 405)

    def test_invoice_is_printed_for_one_visitor_at_a_time(self):
        with self.registry._db.cursor() as other:
            lock = [PRINT_SPACE, self.invoice.id]
            other.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", lock)
            self.assertEqual(other.fetchone(), (True,))
            answer, prints = self._print(lambda: self._open(self._path()))
            self.assertEqual(answer.status_code, 503)
            self.assertIn(TROUBLE, self._words(answer))
            self.assertFalse(prints)
            self._store(self.invoice)
            self.assertEqual(self._open(self._path()).content, STORED)

    def test_printer_that_fails_is_told_on_the_page_which_still_takes_payments(self):
        def fail(*_args, **_options):
            raise UserError(TROUBLE)  # as without wkhtmltopdf

        answer, _prints = self._print(lambda: self._open(self._path()), fail)
        self.assertEqual(answer.status_code, 503)
        shown = self._words(answer)
        self.assertIn(TROUBLE, shown)
        self.assertIn("Pay 1,234.56 € by card", shown)
        self._register_payment(self.invoice)
        answer, _prints = self._print(lambda: self._open(self._path()), fail)
        self.assertIn(TROUBLE, self._words(answer))
