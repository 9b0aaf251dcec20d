"""One signed address does not hold the house: few calls, one waiter, quick answers."""

import time

from odoo.tests import tagged

from ..models.payplug_payment_link import LOCK_SPACE, WAIT_SPACE
from .common import PayplugRoutesCommon


@tagged("post_install", "-at_install", "once")
class TestFloods(PayplugRoutesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice()
        cls.link = cls._request_for_all(cls.invoice)

    def _return(self, method="GET"):
        signature = self.link._signature("return", self.link)
        path = f"/payplug/return/{self.link.id}/{signature}"
        return self.url_open(path, allow_redirects=False, method=method)

    def _pay(self):
        path = self.invoice._payplug_page_path()
        return self.url_open(path, allow_redirects=False, method="POST")

    def _age_answer(self):
        self.link.write({"answered_at": False, "started_at": False})
        self.env.flush_all()

    def test_visitors_in_a_row_are_shown_one_answer(self):
        for visit, status in ((self._return, 303), (self._pay, 303)):
            with self.subTest(visit=visit.__name__):
                self._age_answer()
                self._new_calls()
                self.assertEqual([visit().status_code for _n in "12345"], [status] * 5)
                # Some seconds may have passed on a busy machine.
                self.assertLess(len(self._new_calls()), 3)

    def test_answer_of_some_seconds_ago_is_not_taken_for_another_amount(self):
        self._pay()
        self.env.invalidate_all()
        self._pay_partly(self.invoice, 20)
        self._new_calls()
        url = self._pay().headers["Location"]
        self.env.invalidate_all()
        link = self.invoice.payplug_link_id
        self.assertNotEqual(link, self.link)
        self.assertEqual((link.url, link.amount), (url, 100))
        self.assertEqual(self.link.state, "cancelled")

    def test_users_are_never_shown_an_old_answer(self):
        self._return()
        self._new_calls()
        self.invoice.action_payplug_refresh()
        self.assertEqual(len(self._new_calls()), 1)

    def test_notification_is_always_followed(self):
        """What it tells may be newer than the last answer."""
        self._return()
        self.payplug.pay(self.link.payplug_id)
        self.assertEqual(self._deliver(), [[200]])
        self.assertEqual(self.link.state, "paid")

    def test_payer_who_comes_back_right_after_a_refused_attempt_sees_the_payment(self):
        self.payplug.refuse(self.link.payplug_id)
        self._deliver()
        self.payplug.set_notifications(copies=0)
        self.payplug.pay(self.link.payplug_id)
        self._return()
        self.env.invalidate_all()
        self.assertEqual(self.link.state, "paid")

    def test_head_asks_nothing(self):
        self.assertEqual(self._return("HEAD").status_code, 303)
        self.assertFalse(self._new_calls())

    def test_busy_invoice_that_somebody_waits_for_is_answered_at_once(self):
        # Not the invoice that this test's own transaction has locked by asking.
        other = self._create_payable_invoice()
        self.link.move_id.sudo().payplug_link_id = False
        self.env.flush_all()
        self.link.move_id = other
        self.env.flush_all()
        self.link._set_as_current()
        self.invoice = other
        self.env.flush_all()
        with self.registry._db.cursor() as cr:
            for space in (LOCK_SPACE, WAIT_SPACE):
                cr.execute(
                    "SELECT pg_try_advisory_xact_lock(%s, %s)", [space, other.id]
                )
                self.assertEqual(cr.fetchone(), (True,))
            for visit in (self._return, self._pay):
                with self.subTest(visit=visit.__name__):
                    started = time.monotonic()
                    answer = visit()
                    self.assertEqual(answer.status_code, 503)
                    self.assertIn("does not answer right now", answer.text)
                    self.assertLess(time.monotonic() - started, 1.5)
        self.assertFalse(self._new_calls())
