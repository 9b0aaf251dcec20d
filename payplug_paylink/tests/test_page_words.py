"""What the pay page says: its dates, its silence about others, and all in French."""

from datetime import date, datetime, timezone

from lxml import html

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG
from .common_page import PageCommon

CONTROLLER_LOG = "odoo.addons.payplug_paylink.controllers.main"
NOON_OF_MARCH_10 = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)


@tagged("post_install", "-at_install", "once")
class TestPageWords(PageCommon):
    # === WITHOUT A NUMBER === #

    def test_invoice_that_was_never_posted_shows_no_number_at_all(self):
        cancelled = self._create_payable_invoice(post=False)
        cancelled.button_cancel()
        for invoice in (self._create_payable_invoice(post=False), cancelled):
            with self.subTest(state=invoice.state):
                self.assertFalse(invoice.name)
                answer = self._open(invoice._payplug_page_path())
                tree = html.fromstring(answer.text)
                [heading] = tree.xpath("//h1")
                self.assertEqual(" ".join(heading.text_content().split()), "Invoice")
                self.assertIn(self.company.name, tree.findtext(".//title"))
                self.assertNotIn("INV/2026/00042", answer.text)

    def test_title_is_the_number_of_the_invoice(self):
        title = html.fromstring(self._open().text).findtext(".//title")
        self.assertIn(self.invoice.name, title)

    def test_page_without_anything_optional_shows_no_sample(self):
        """`t-out` of nothing shows what the template holds as a sample."""
        self.company.write({"email": False, "phone": False})
        paid = self._create_payable_invoice()
        self._register_payment(paid)
        draft = self._create_payable_invoice(post=False)
        self.invoice.invoice_date_due = False
        for invoice in (self.invoice, paid, draft):
            answer = self._open(invoice._payplug_page_path())
            for sample in (
                "YourCompany",
                "INV/2026/00042",
                "November",
                "not enough funds",
                "info@example.com",
                "1 23 45 67 89",
            ):
                self.assertNotIn(sample, answer.text)

    # === PAID ON === #

    def _pay_rest_by_card(self, moment):
        """Let the customer pay at Payplug, at a moment, what is left to pay."""
        link = self._request(self.invoice)
        self._see_paid(link, moment)
        return link

    def _see_paid(self, link, moment):
        """Let a link be paid at a moment, and Odoo look."""
        self.payplug.pay(link.payplug_id)
        self._lie(paid_at=int(moment.timestamp()))
        link._sync()
        self.assertEqual(link.paid_at.date(), moment.date())

    def _pay_some_by_transfer(self):
        self._register_payment(
            self.invoice,
            amount=234.56,
            payment_date="2026-03-05",
            payment_difference_handling="open",
        )

    def test_last_payment_that_is_not_booked_yet_tells_the_day(self):
        self._pay_some_by_transfer()
        self._let_books_refuse()
        with mute_logger(LINK_LOG):
            link = self._pay_rest_by_card(NOON_OF_MARCH_10)
        self.assertTrue(link.to_book)
        self.assertShows("Paid on 03/10/2026")

    def test_last_payment_that_is_only_recorded_tells_the_day(self):
        self._pay_some_by_transfer()
        self.company.payplug_book_test_payments = False
        link = self._pay_rest_by_card(NOON_OF_MARCH_10)
        self.assertFalse(link.account_payment_id or link.to_book)
        answer = self.assertShows("Paid on 03/10/2026", "is still to be paid")
        self.assertNotIn("is paid, thank you", self._words(answer))

    def test_day_of_the_payment_is_told_where_a_lock_date_moved_the_entry(self):
        self.company.sudo().fiscalyear_lock_date = date(2026, 3, 31)
        link = self._pay_rest_by_card(NOON_OF_MARCH_10)
        self.assertGreater(link.account_payment_id.move_id.date, date(2026, 3, 31))
        self.assertShows("Paid on 03/10/2026")

    def test_day_of_the_payment_is_told_whatever_date_an_accountant_gives_it(self):
        link = self._pay_rest_by_card(NOON_OF_MARCH_10)
        link.account_payment_id.date = date(2026, 3, 20)
        self.assertShows("Paid on 03/10/2026")

    def test_card_that_paid_the_invoice_no_more_does_not_tell_the_day(self):
        """The money came twice: what came second is the customer's credit."""
        link = self._request(self.invoice)
        self._register_payment(self.invoice, payment_date="2026-03-05")
        self._see_paid(link, NOON_OF_MARCH_10)
        self.assertTrue(link.account_payment_id)
        self.assertShows("Paid on 03/05/2026")

    # === RECEIPT === #

    def test_payment_by_card_is_told_with_its_amount_day_and_reference(self):
        self._pay_some_by_transfer()
        link = self._pay_rest_by_card(NOON_OF_MARCH_10)
        self.assertShows(
            self.invoice.name,
            "Paid by card 1,000.00 €",
            f"Payment reference {link.payplug_id}",
            "Paid on 03/10/2026",
        )

    def test_payment_by_another_way_is_told_with_the_amount_of_the_invoice(self):
        self._request(self.invoice)
        self._register_payment(self.invoice, payment_date="2026-03-05")
        answer = self.assertShows("Amount of the invoice 1,234.56 €", "Paid on 03/05")
        self.assertNotIn("Payment reference", self._words(answer))

    # === WHOM TO ASK === #

    def test_company_can_be_asked_in_every_state_of_the_page(self):
        self.company.phone = "+33 1 23 45 67 89"
        paid = self._create_payable_invoice()
        self._register_payment(paid)
        draft = self._create_payable_invoice(post=False)
        for invoice in (self.invoice, paid, draft):
            with self.subTest(state=invoice._payplug_page_state()):
                answer = self._open(invoice._payplug_page_path())
                links = html.fromstring(answer.text).xpath("//main//a/@href")
                ways = [link for link in links if link[:4] in ("mail", "tel:")]
                self.assertEqual(
                    ways, ["mailto:compta@lumiere.example.com", "tel:+33 1 23 45 67 89"]
                )

    # === MODE === #

    def test_live_page_says_nothing_of_a_test(self):
        self.assertIn("Test mode", self._words(self._open()))
        self.company.write(
            {
                "payplug_book_test_payments": False,
                "payplug_live_key": self.account.live_key,
                "payplug_mode": "live",
            }
        )
        shown = self._words(self.assertShows("Pay 1,234.56 € by card"))
        self.assertNotIn("est mode", shown)
        self.assertNotIn("no real money", shown)

    # === FRENCH === #

    def _show_in_french(self, *words, path=None):
        """Check a French page, and that no English word is left on it."""
        answer = self.assertShows(*words, path=path)
        self.assertInFrench(answer)

    def assertInFrench(self, answer):
        self.assertEqual(html.fromstring(answer.text).get("lang"), "fr-FR")
        shown = self._words(answer)
        for english in (
            "Invoice",
            "Amount",
            "Due",
            "Test mode",
            "Pay ",
            "payment",
            "please",
            "paid",
            "This",
            "You",
        ):
            self.assertNotIn(english, shown)

    def test_every_state_of_the_page_is_in_french(self):
        self.partner_a.lang = "fr_FR"
        for fault, words in (
            ("500", "réessayer dans un instant"),
            ("401", "veuillez nous contacter"),
        ):
            self.payplug.fail(fault)
            with mute_logger(CONTROLLER_LOG):
                answer = self._start()
            self.assertEqual(answer.status_code, 503)
            self.assertIn(words, self._words(answer))
            self.assertInFrench(answer)
        draft = self._create_payable_invoice(post=False)
        self._show_in_french(
            "ne peut plus être payée en ligne", path=draft._payplug_page_path()
        )
        link = self._request(self.invoice)
        self._lie(payment_method={"type": "oney", "is_pending": True})
        link._sync()
        self._show_in_french("en cours de vérification")
        self.payplug.clear_faults()
        self.payplug.refuse(link.payplug_id, "insufficient_funds")
        link._sync()
        self._show_in_french("provision insuffisante", "Payer 1 234,56 € par carte")
        self.company.payplug_customer_renewal = False
        self.payplug.advance(days=8)
        link._sync()
        self._show_in_french("a expiré")
        self._register_payment(self.invoice)
        self._show_in_french("est payée, merci")

    def test_address_that_leads_nowhere_is_answered_in_the_visitors_french(self):
        answer = self._open(
            f"/payplug/pay/1/{'0' * 32}", headers={"Accept-Language": "fr-FR,fr;q=0.9"}
        )
        self.assertEqual(answer.status_code, 404)
        self.assertIn("Cette adresse ne mène nulle part", self._words(answer))

    # === OTHERS === #

    def test_page_holds_no_data_of_others_nor_of_the_customer(self):
        """Whoever holds the address sees what is to pay and to whom, no more."""
        customer = self.env["res.partner"].create(
            {"name": "Jean Secret", "email": "jean@secret.example.com", "phone": "0654"}
        )
        others = self._create_payable_invoice(987.65, partner_id=customer.id)
        sibling = self._create_payable_invoice(876.54)
        self._request(others)
        link = self._request(self.invoice)
        page = self._open().text
        self.assertIn(self.invoice.name, page)
        for secret in (
            *(customer.name, customer.email),
            *(others.name, "987.65", others._payplug_page_path()),
            *(sibling.name, "876.54"),
            *(self.partner_a.name, self.partner_a.email, self.partner_a.street),
            *(link.payplug_id, link.url, self.account.test_key),
            *(self.biller.name, self.biller.login),
        ):
            self.assertNotIn(secret, page)

    def test_unknown_address_holds_no_data_of_the_invoice_it_names(self):
        answer = self._open(f"/payplug/pay/{self.invoice.id}/{'0' * 32}")
        for secret in (self.invoice.name, "1,234.56", self.partner_a.name):
            self.assertNotIn(secret, answer.text)
