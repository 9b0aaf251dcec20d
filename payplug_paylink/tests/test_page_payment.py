"""The pay page's button: one payment at a time, for what is due today."""

from datetime import timedelta

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models import res_company
from .common import LINK_LOG
from .common_page import PageCommon

CONTROLLER_LOG = "odoo.addons.payplug_paylink.controllers.main"
WEEK = 7 * 24 * 3600


@tagged("post_install", "-at_install", "once")
class TestPagePayment(PageCommon):
    def test_button_leads_to_payplugs_page_of_the_amount_due(self):
        answer = self._start()
        link = self.invoice.payplug_link_id
        self.assertEqual((answer.status_code, link.amount), (303, 1234.56))
        self.assertEqual(answer.headers["Location"], link.url)
        self.assertIn("Payment link", self.invoice.message_ids.mapped("body")[0])
        self.assertEqual(
            self.invoice.message_ids[0].author_id, self.env.ref("base.partner_root")
        )

    def test_payment_has_a_notification_address_only_where_payplug_can_reach_it(self):
        # Else the emulator is taken to be as near as Odoo is, and may always notify.
        self.patch(res_company, "API_URL", self.payplug.url)
        params = self.env["ir.config_parameter"]
        for base, is_notified in (
            ("http://127.0.0.1:8069", False),
            ("https://odoo.example.com", True),
        ):
            with self.subTest(base=base):
                params.set_param("web.base.url", base)
                self.invoice = self._create_payable_invoice()
                self._start()
                body = self._created()[-1].body
                self.assertIn(base, body["hosted_payment"]["return_url"])
                self.assertEqual("notification_url" in body, is_notified)

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
        self.invoice.payplug_link_id.sudo()._sync()
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
                self.assertEqual(answer.status_code, 503)
                self.assertFalse(self.invoice.payplug_link_ids)
                self.assertIn("try again in a moment", self._words(answer))
        self.assertShows("Pay 1,234.56 € by card")

    def test_refusal_of_payplug_is_told_to_both_sides(self):
        for _click in range(2):
            self.payplug.fail("401")
            with mute_logger(CONTROLLER_LOG):
                answer = self._start()
            self.assertEqual(answer.status_code, 503)
            self.assertIn("please contact us", self._words(answer))
            self.assertIn("compta@lumiere.example.com", self._words(answer))
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
        with mute_logger(LINK_LOG):
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
        with mute_logger(LINK_LOG):
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
        path = f"/payplug/return/{link.id}/{link._signature('return', link)}"
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
