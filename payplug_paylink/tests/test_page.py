"""The pay page over HTTP: what it shows, always current and harmless to open."""

from lxml import html

from odoo.tests import tagged

from .common_page import PageCommon


@tagged("post_install", "-at_install")
class TestPage(PageCommon):
    def test_page_shows_what_is_due_and_one_button(self):
        self.invoice.invoice_date_due = "2026-12-31"
        answer = self.assertShows(
            self.company.name,
            self.invoice.name,
            "Amount due 1,234.56 €",
            "12/31/2026",
            "Pay 1,234.56 € by card",
            "Test mode: no real money",
        )
        tree = html.fromstring(answer.text)
        self.assertEqual(len(tree.xpath("//main//button")), 1)
        self.assertEqual(tree.get("lang"), "en-US")
        self.assertIn(f"company={self.company.id}", answer.text)
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")

    def test_page_is_in_the_customers_language(self):
        self.partner_a.lang = "fr_FR"
        answer = self.assertShows(
            "Facture", "Montant dû", "Payer 1 234,56 € par carte", "Mode test"
        )
        self.assertEqual(html.fromstring(answer.text).get("lang"), "fr-FR")
        for english in ("Amount", "Due date", "You will", "Invoice"):
            self.assertNotIn(english, self._words(answer))

    def test_page_asks_for_what_is_due_today(self):
        self._request(self.invoice)
        self._register_payment(
            self.invoice, amount=234.56, payment_difference_handling="open"
        )
        self.assertShows("Pay 1,000.00 € by card")

    def test_paid_invoice_is_shown_with_its_date(self):
        self._register_payment(self.invoice, payment_date="2026-03-05")
        self.assertNoButton(self.assertShows("is paid, thank you", "03/05/2026"))

    def test_refused_card_is_told_and_may_be_tried_again(self):
        link = self._request(self.invoice)
        self.payplug.refuse(link.payplug_id, "insufficient_funds")
        link._sync()
        self.assertShows("last attempt was refused: not enough funds", "Pay 1,234.56")

    def test_payment_that_payplug_examines_is_being_checked(self):
        link = self._request(self.invoice)
        self._lie(payment_method={"type": "oney", "is_pending": True})
        link._sync()
        self.assertNoButton(self.assertShows("being checked", "Test mode"))

    def test_pending_transaction_of_another_provider_is_being_checked(self):
        if "payment.transaction" not in self.env:
            self.skipTest("account_payment is not installed")
        self.assertEqual(self.invoice._payplug_page_state(), "payable")
        provider = self._create_provider("stripe")
        self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": provider.payment_method_ids.id,
                "amount": 1234.56,
                "currency_id": self.invoice.currency_id.id,
                "partner_id": self.partner_a.id,
                "invoice_ids": self.invoice.ids,
                "reference": "other-provider-1",
                "state": "pending",
            }
        )
        answer = self.assertShows("being checked")
        self.assertNoButton(answer)
        self.assertNotIn("Test mode", self._words(answer), "it may be real money")
        self.assertEqual(self._start().status_code, 303)
        self.assertFalse(self.payplug.calls)

    def test_invoices_that_cannot_be_paid_online_say_whom_to_ask(self):
        dollar = self.env.ref("base.USD")
        dollar.active = True
        cancelled = self._create_payable_invoice()
        cancelled.button_draft()
        cancelled.button_cancel()
        refunded = self._create_payable_invoice()
        self._reverse_invoice(refunded, is_modify=True)
        for name, invoice in {
            "draft": self._create_payable_invoice(post=False),
            "cancelled": cancelled,
            "refunded": refunded,
            "foreign": self._create_payable_invoice(currency_id=dollar.id),
            "too large": self._create_payable_invoice(20_000.01),
            "bill": self._create_payable_invoice(move_type="in_invoice"),
        }.items():
            with self.subTest(invoice=name):
                path = invoice._payplug_page_path()
                answer = self.assertShows(
                    "can no longer be paid online",
                    "compta@lumiere.example.com",
                    path=path,
                )
                self.assertNoButton(answer)
                back = self._start(path)
                self.assertEqual(back.status_code, 303)
                self.assertTrue(back.headers["Location"].endswith(path))
        self.assertFalse(self.payplug.calls)

    def test_company_that_switched_payplug_off_takes_no_payment(self):
        self.company.payplug_enabled = False
        self.assertNoButton(self.assertShows("can no longer be paid online"))
        self.assertEqual(self._start().status_code, 303)
        self.assertFalse(self.payplug.calls)

    def test_link_that_a_user_cancelled_cannot_be_renewed_by_the_customer(self):
        self._request(self.invoice)
        self.invoice.action_payplug_cancel_link()
        self.assertNoButton(self.assertShows("can no longer be paid online"))

    def test_invoice_without_email_address_is_payable_all_the_same(self):
        self.partner_a.email = False
        self.assertShows("Pay 1,234.56 € by card")

    # === ADDRESSES === #

    def test_garbage_altered_and_foreign_addresses_are_answered_404(self):
        number, good = self.invoice._payplug_page_path().split("/")[3:]
        links = self.env["payplug.payment.link"]
        for record_id, signature in (
            (number, "0" * 32),
            (number, good[:-1]),
            (number, good + "0"),
            (number, good.upper()),
            (number, good + "="),
            (number, "é"),
            (f"0{number}", good),
            (f"{number} ", good),
            ("９", good),
            ("abc", good),
            ("-1", good),
            (str(int(number) + 1), good),
            (number, links._signature("notify", self.invoice)),
            (number, links._signature("return", self.invoice)),
        ):
            path = f"/payplug/pay/{record_id}/{signature}"
            with self.subTest(path=path):
                answer = self.assertShows("leads nowhere", status=404, path=path)
                self.assertNotIn(self.invoice.name, answer.text)
                self.assertEqual(self._start(path).status_code, 404)
        self.assertFalse(self.payplug.calls)

    def test_deleted_invoice_is_answered_404_in_friendly_words(self):
        path = self.invoice._payplug_page_path()
        self.invoice.button_draft()
        self.invoice.with_context(force_delete=True).unlink()
        self.assertShows("leads nowhere", status=404, path=path)
        self.assertEqual(self._start(path).status_code, 404)

    def test_visitor_sees_the_address_of_no_other_company(self):
        other = self.setup_other_company(name="Méliès SAS")["company"]
        self.assertNotIn(other.name, self._open().text)

    # === OPENING IS HARMLESS === #

    def test_opening_the_page_creates_nothing_and_calls_nobody(self):
        """Mail scanners open every link, again and again."""
        before = self._traces()
        for _visit in range(50):
            self._open()
        self._open(method="HEAD")
        self.assertEqual(self._traces(), before)
        self.assertFalse(self.payplug.calls)

    def _traces(self):
        """Return how much there is of what a visit might have left behind."""
        models = ("payplug.payment.link", "mail.message", "ir.cron.trigger")
        counts = [self.env[name].search_count([]) for name in models]
        return [*counts, self.invoice.write_date]
