"""The stable page over HTTP: always current, harmless to open, one payment each."""

from datetime import timedelta
from html import unescape

from lxml import html

from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import FOLLOW_LOG, PayplugCommon

CONTROLLER_LOG = "odoo.addons.payplug_paylink.controllers.payplug_paylink"
WEEK = 7 * 24 * 3600


@tagged("post_install", "-at_install")
class TestPage(PayplugCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "payplug_live_key": False,
                "payplug_book_test_payments": True,
                "email": "compta@lumiere.example.com",
            }
        )
        cls.partner_a.lang = "en_US"

    def setUp(self):
        super().setUp()
        self.invoice = self._create_payable_invoice(1234.56)

    def _open(self, path=None, method="GET", **options):
        """Return the answer to a visitor without any cookie."""
        self.env.flush_all()
        url = self.base_url() + (path or self.invoice._payplug_page_path())
        answer = self.opener.request(method, url, **{"timeout": 20, **options})
        self.env.invalidate_all()
        return answer

    def _start(self, path=None):
        """Click the button; return the answer, not followed."""
        return self._open(path, "POST", allow_redirects=False)

    def _words(self, answer):
        """Return the text that a visitor reads."""
        tree = html.fromstring(answer.text)
        [main] = tree.xpath("//main")
        return " ".join(unescape(main.text_content()).split())

    def assertShows(self, *words, status=200, path=None):
        """Check what the page says, and that it has no button if it cannot be paid."""
        answer = self._open(path)
        self.assertEqual(answer.status_code, status)
        shown = self._words(answer)
        for word in words:
            self.assertIn(word, shown)
        return answer

    def assertNoButton(self, answer):
        self.assertFalse(html.fromstring(answer.text).xpath("//main//form"))

    def _created(self):
        return [call for call in self.payplug.calls if call.status == 201]

    # === WHAT IT SHOWS === #

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

    def test_page_speaks_the_customers_language(self):
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
        link._refresh()
        self.assertShows("last attempt was refused: not enough funds", "Pay 1,234.56")

    def test_payment_that_payplug_examines_is_being_checked(self):
        link = self._request(self.invoice)
        self._lie(payment_method={"type": "oney", "is_pending": True})
        link._refresh()
        self.assertNoButton(self.assertShows("being checked"))

    def test_pending_transaction_of_another_provider_is_being_checked(self):
        if "payment.transaction" not in self.env:
            self.skipTest("account_payment is not installed")
        self.assertEqual(self.invoice._payplug_page_state(), "payable")
        method = self.env["payment.method"].create({"name": "Card", "code": "card_x"})
        self.env["payment.transaction"].create(
            {
                "provider_id": self._create_provider("stripe").id,
                "payment_method_id": method.id,
                "amount": 1234.56,
                "currency_id": self.invoice.currency_id.id,
                "partner_id": self.partner_a.id,
                "invoice_ids": self.invoice.ids,
                "reference": "other-provider-1",
                "state": "pending",
            }
        )
        self.assertNoButton(self.assertShows("being checked"))
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
            (number, links._signature("notify", number)),
            (number, links._signature("return", number)),
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
        for _visit in range(200):
            self._open()
        self._open(method="HEAD")
        self.assertEqual(self._traces(), before)
        self.assertFalse(self.payplug.calls)

    def _traces(self):
        """Return how much there is of what a visit might have left behind."""
        models = ("payplug.payment.link", "mail.message", "ir.cron.trigger")
        counts = [self.env[name].search_count([]) for name in models]
        return [*counts, self.invoice.write_date]

    # === PAYING === #

    def test_button_leads_to_payplugs_page_of_the_amount_due(self):
        answer = self._start()
        link = self.invoice.payplug_link_id
        self.assertEqual((answer.status_code, link.amount), (303, 1234.56))
        self.assertEqual(answer.headers["Location"], link.url)
        self.assertIn("Payment link", self.invoice.message_ids.mapped("body")[0])
        self.assertEqual(
            self.invoice.message_ids[0].author_id, self.env.ref("base.partner_root")
        )

    def test_second_click_second_tab_and_back_button_make_one_payment(self):
        first, second = self._start(), self._start()
        self.assertEqual(first.headers["Location"], second.headers["Location"])
        self.assertEqual(len(self._created()), 1)

    def test_payer_comes_back_to_the_page_and_reads_that_it_is_paid(self):
        self._start()
        payment = self.payplug.pay(self.invoice.payment_id)
        path = payment["hosted_payment"]["return_url"].removeprefix(self.base_url())
        self._new_calls()
        back = self._open(path, allow_redirects=False)
        self.assertEqual(back.status_code, 303)
        self.assertTrue(
            back.headers["Location"].endswith(self.invoice._payplug_page_path())
        )
        self.assertEqual(len(self._new_calls()), 1)
        self.assertShows("is paid, thank you")
        self.assertFalse(self._new_calls())
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_clicking_after_the_payment_says_that_it_is_paid(self):
        self._start()
        self.payplug.pay(self.invoice.payment_id)  # and no notification came
        answer = self._start()
        self.assertTrue(
            answer.headers["Location"].endswith(self.invoice._payplug_page_path())
        )
        self.assertShows("is paid, thank you")
        self.assertEqual(len(self._created()), 1)

    def test_amount_that_changed_replaces_the_payment(self):
        self._start()
        first = self.invoice.payplug_link_id
        self._register_payment(
            self.invoice, amount=1000, payment_difference_handling="open"
        )
        self._start()
        self.assertEqual(first.state, "cancelled")
        self.assertEqual(self.invoice.payplug_link_id.amount, 234.56)

    def test_expired_link_is_renewed_by_the_customer(self):
        self._start()
        self.payplug.advance(WEEK + 1)
        self.invoice.payplug_link_id.sudo()._refresh()
        self.assertShows("Pay 1,234.56 € by card")
        self._start()
        self.assertEqual(self.invoice.payplug_state, "pending")
        self.assertEqual(len(self._created()), 2)

    def test_company_may_keep_the_renewal_to_itself(self):
        self.company.payplug_customer_renewal = False
        self._start()  # a first payment is no renewal
        self.payplug.advance(WEEK + 1)
        answer = self._start()  # Odoo has not seen its end yet
        self.assertEqual(answer.status_code, 303)
        shown = self.assertShows("has expired", "compta@lumiere.example.com")
        self.assertNoButton(shown)
        self.assertEqual(len(self._created()), 1)

    def test_silent_payplug_is_told_with_503_and_nothing_has_changed(self):
        for fault in ("drop", "500", "429", "html"):
            with self.subTest(fault=fault):
                self.payplug.fail(fault)
                answer = self._start()
                self.assertEqual(answer.status_code, 303, "a reload posts nothing")
                self.assertFalse(self.invoice.payplug_link_ids)
                path = answer.headers["Location"].removeprefix(self.base_url())
                self.assertShows("try again in a moment", status=503, path=path)
        self.assertShows("Pay 1,234.56 € by card")

    def test_refusal_of_payplug_is_told_to_both_sides(self):
        for _click in range(2):
            self.payplug.fail("401")
            with mute_logger(CONTROLLER_LOG):
                answer = self._start()
            path = answer.headers["Location"].removeprefix(self.base_url())
            self.assertShows(
                "please contact us",
                "compta@lumiere.example.com",
                status=503,
                path=path,
            )
        told = self.invoice.message_ids.filtered(
            lambda line: "wanted to pay online" in (line.body or "")
        )
        self.assertEqual(len(told), 1)
        self.assertIn("does not accept the secret key", told.body)

    def test_silent_payplug_keeps_the_earlier_payment(self):
        self._start()
        link = self.invoice.payplug_link_id
        self.payplug.fail("500")
        self._start()
        self.assertEqual(link.state, "pending")
        self.assertEqual(self._start().headers["Location"], link.url)

    def test_link_whose_key_is_gone_does_not_bar_the_page(self):
        self._start()
        test_link = self.invoice.payplug_link_id
        self.company.write(
            {
                "payplug_book_test_payments": False,
                "payplug_live_key": self.account.live_key,
                "payplug_mode": "live",
                "payplug_test_key": False,
            }
        )
        with mute_logger(FOLLOW_LOG):
            answer = self._start()
        self.assertEqual(test_link.state, "cancelled")
        self.assertTrue(self.invoice.payplug_link_id.is_live)
        self.assertEqual(answer.headers["Location"], self.invoice.payplug_link_id.url)

    def test_link_near_its_end_is_good_enough_for_who_pays_now(self):
        self.company.payplug_customer_renewal = False
        first = self._start().headers["Location"]
        self.payplug.advance(days=6, hours=20)
        self.invoice.payplug_link_id.sudo().expires_at -= timedelta(days=6, hours=20)
        self.assertEqual(self._start().headers["Location"], first)

    def test_closed_link_bars_the_page_no_longer(self):
        self._start()
        self.payplug.forget(self.invoice.payment_id)
        with mute_logger(FOLLOW_LOG):
            self._start()
        self.assertNoButton(self.assertShows("can no longer be paid online"))
        self.invoice.action_payplug_close_link()
        self.assertShows("Pay 1,234.56 € by card")

    def test_visitor_gets_no_cookie_of_ours(self):
        self.opener.cookies.clear()
        self._open()
        names = {cookie.name for cookie in self.opener.cookies}
        self.assertLessEqual(names, {"session_id", "frontend_lang", "tz"})

    def test_customer_without_a_language_reads_one_that_odoo_has(self):
        self.partner_a.lang = False
        self.assertShows(self.invoice.name, "1,234.56")

    def test_payer_comes_back_while_payplug_is_silent(self):
        self._start()
        link = self.invoice.payplug_link_id
        self.payplug.pay(link.payplug_id)
        self.payplug.fail("500")
        path = f"/payplug/return/{link.id}/{link._signature('return', link.id)}"
        answer = self._open(path)
        self.assertEqual(answer.status_code, 503)
        self.assertIn("need not pay again", self._words(answer))

    def test_altered_return_address_is_answered_404(self):
        self.assertShows(
            "leads nowhere", status=404, path=f"/payplug/return/1/{'0' * 32}"
        )

    def test_large_body_is_refused(self):
        with mute_logger("odoo.http"):
            answer = self._open(method="POST", data=b"x" * (64 * 1024 + 1))
        self.assertEqual(answer.status_code, 413)
        self.assertFalse(self.payplug.calls)
