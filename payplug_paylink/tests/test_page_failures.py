"""When the pay page cannot lead to Payplug: busy, silent, refused, being checked."""

import random
import time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.payplug_payment_link import LOCK_SPACE
from .common_page import PageCommon

CONTROLLER_LOG = "odoo.addons.payplug_paylink.controllers.main"


@tagged("post_install", "-at_install")
class TestPageFailures(PageCommon):
    def _path_of(self, answer):
        """Return where an answer leads on this Odoo."""
        self.assertEqual(answer.status_code, 303, "a reload posts nothing")
        return answer.headers["Location"].removeprefix(self.base_url())

    # === BUSY === #

    def _while_busy(self, visit):
        """Visit while another connection holds the invoice's lock; return the answer.

        And check that it was tried three times, two seconds each, beside the pauses
        that Odoo makes in between, whose length is random: they are cut here.
        """
        self.patch(random, "uniform", lambda low, _high: low)
        self.env.flush_all()
        with self.registry._db.cursor() as other:
            other.execute(
                "SELECT pg_try_advisory_xact_lock(%s, %s)",
                [LOCK_SPACE, self.invoice.id],
            )
            self.assertEqual(other.fetchone(), (True,))
            started = time.monotonic()
            answer = visit()
        waited = time.monotonic() - started
        self.assertGreater(waited, 5.5)
        self.assertLess(waited, 10, "as long as five tries would take at least")
        return answer

    def test_busy_invoice_is_told_in_friendly_words_after_a_wait(self):
        self.partner_a.lang = "fr_FR"
        path = self._path_of(self._while_busy(self._start))
        answer = self.assertShows("réessayer dans un instant", status=503, path=path)
        self.assertIn("Payer 1 234,56 € par carte", self._words(answer))
        self.assertFalse(self.payplug.calls)
        self.assertEqual(self._start().headers["Location"][:4], "http")
        self.assertEqual(len(self._created()), 1)

    def test_payer_who_comes_back_to_a_busy_invoice_is_told_so(self):
        # A link that this test's own transaction has not locked by asking for it.
        link = self._request(self._create_payable_invoice())
        self.payplug.pay(link.payplug_id)
        link.move_id.payplug_link_id = False
        link.move_id = self.invoice
        route = f"/payplug/return/{link.id}/{link._signature('return', link.id)}"
        path = self._path_of(
            self._while_busy(lambda: self._open(route, allow_redirects=False))
        )
        self.assertShows("need not pay again", status=503, path=path)
        self.assertEqual(link.state, "pending")

    # === FOR A MOMENT === #

    def test_trouble_is_told_for_a_minute_and_then_no_more(self):
        self.payplug.fail("500")
        path = self._path_of(self._start())
        self.assertShows("try again in a moment", status=503, path=path)
        page, _question, query = path.partition("?")
        word, _equals, moment = query.partition("=")
        self.assertEqual(word, "later")
        self._new_calls()
        for word in ("later", "ask"):
            with self.subTest(trouble=word):
                answer = self.assertShows(
                    "Pay 1,234.56 € by card",
                    path=f"{page}?{word}={int(moment) - 61}",
                )
                self.assertNotIn("right now", self._words(answer))
        self.assertFalse(self._new_calls())

    def test_moments_that_nobody_told_are_not_believed(self):
        page = self.invoice._payplug_page_path()
        ahead = int(time.time()) + 3600
        for moment in ("", "1", "-1", "²", "９", "now", "1e9", ahead, "9" * 5000):
            with self.subTest(moment=str(moment)[:20]):
                answer = self.assertShows("Pay", path=f"{page}?later={moment}")
                self.assertNotIn("right now", self._words(answer))

    # === REFUSED === #

    def _refuse(self, fault="401", **options):
        self.payplug.fail(fault, **options)
        with mute_logger(CONTROLLER_LOG):
            self.assertIn("?ask=", self._path_of(self._start()))

    def _logged(self):
        return self.invoice.message_ids.filtered(
            lambda line: "wanted to pay online" in (line.body or "")
        )

    def test_company_is_told_of_a_refusal_once_whatever_is_said_in_between(self):
        self._refuse()
        self.invoice.message_post(body="I am calling the customer.")
        self._refuse()
        self.assertEqual(len(self._logged()), 1)

    def test_company_is_told_of_another_reason_and_again_on_another_day(self):
        self._refuse()
        self._refuse("400")
        self.assertEqual(len(self._logged()), 2)
        yesterday = fields.Datetime.subtract(fields.Datetime.now(), hours=25)
        self._logged().date = yesterday
        self._refuse()
        self.assertEqual(len(self._logged()), 3)

    # === BEING CHECKED === #

    def test_click_that_finds_a_payment_being_checked_leads_back_to_the_page(self):
        self._start()
        link = self.invoice.payplug_link_id
        self._lie(payment_method={"type": "oney", "is_pending": True})
        self.assertFalse(link.is_being_checked, "Odoo does not know it yet")
        path = self._path_of(self._start())
        self.assertEqual(path, self.invoice._payplug_page_path())
        self.assertTrue(link.is_being_checked)
        self.assertNoButton(self.assertShows("being checked", path=path))
        self.assertEqual(len(self._created()), 1)

    def test_billing_user_may_send_the_link_of_a_payment_being_checked(self):
        self._start()
        self._lie(payment_method={"type": "oney", "is_pending": True})
        action = self.invoice.with_user(self.biller).action_payplug_send_link()
        self.assertEqual(action["res_model"], "account.move.send.wizard")
        self.assertEqual(len(self._created()), 1)
