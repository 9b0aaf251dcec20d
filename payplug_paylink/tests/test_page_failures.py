"""When the pay page cannot lead to Payplug: busy, silent, refused, being checked."""

import random
import time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.payplug_payment_link import LOCK_SPACE
from .common_page import PageCommon

CONTROLLER_LOG = "odoo.addons.payplug_paylink.controllers.main"


class FailureCommon(PageCommon):
    def assertTells(self, answer, *words):
        self.assertEqual(answer.status_code, 503)
        shown = self._words(answer)
        for word in words:
            self.assertIn(word, shown)


@tagged("post_install", "-at_install", "once")
class TestBusyPage(FailureCommon):
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
        answer = self._while_busy(self._start)
        self.assertTells(
            answer, "réessayer dans un instant", "Payer 1 234,56 € par carte"
        )
        self.assertFalse(self.payplug.calls)
        self.assertEqual(self._start().headers["Location"][:4], "http")
        self.assertEqual(len(self._created()), 1)

    def test_payer_who_comes_back_to_a_busy_invoice_is_told_so(self):
        # A link that this test's own transaction has not locked by asking for it.
        link = self._request(self._create_payable_invoice())
        self.payplug.pay(link.payplug_id)
        link.move_id.payplug_link_id = False
        link.move_id = self.invoice
        route = f"/payplug/return/{link.id}/{link._signature('return', link)}"
        answer = self._while_busy(lambda: self._open(route, allow_redirects=False))
        self.assertTells(answer, "need not pay again")
        self.assertEqual(link.state, "pending")


@tagged("post_install", "-at_install")
class TestPageFailures(FailureCommon):
    # === FOR A MOMENT === #

    def test_trouble_is_told_by_the_answer_alone_and_not_by_an_address(self):
        self.payplug.fail("500")
        self.assertTells(self._start(), "try again in a moment", "Pay 1,234.56 € by")
        self._new_calls()
        page = self.invoice._payplug_page_path()
        for query in ("", "?later=1", "?ask=1", "?notice=ask"):
            with self.subTest(query=query):
                answer = self.assertShows("Pay 1,234.56 € by card", path=page + query)
                self.assertNotIn("right now", self._words(answer))
        self.assertFalse(self._new_calls())

    # === REFUSED === #

    def _refuse(self, fault="401", **options):
        self.payplug.fail(fault, **options)
        with mute_logger(CONTROLLER_LOG):
            self.assertTells(self._start(), "please contact us")

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
        path = self.invoice._payplug_page_path()
        answer = self._start()
        self.assertEqual(answer.status_code, 303)
        self.assertEqual(answer.headers["Location"].removeprefix(self.base_url()), path)
        self.assertTrue(link.is_being_checked)
        self.assertNoButton(self.assertShows("being checked", path=path))
        self.assertEqual(len(self._created()), 1)

    def test_billing_user_may_send_the_link_of_a_payment_being_checked(self):
        self._start()
        self._lie(payment_method={"type": "oney", "is_pending": True})
        action = self.invoice.with_user(self.biller).action_payplug_send_link()
        self.assertEqual(action["res_model"], "account.move.send.wizard")
        self.assertEqual(len(self._created()), 1)
