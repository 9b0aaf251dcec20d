"""Payplug is silent: all rows wait, and are tried again."""

from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from ..models.payplug_process_mixin import MAX_FAILURES
from ..models.payplug_sending import MAX_ATTEMPTS
from .common_queue import QueueCommon


@tagged("post_install", "-at_install", "once")
class TestSendingUnavailable(QueueCommon):
    def setUp(self):
        super().setUp()
        self.crons = self.cron + self.cron.copy()

    def _enqueue(self, invoices, **values):
        action = super()._enqueue(invoices, **values)
        self._planned().unlink()  # what woke the crons just now
        return action

    def _planned(self):
        """Return when our crons will come, beside their usual hours."""
        triggers = self.env["ir.cron.trigger"]
        return triggers.search([("cron_id", "in", self.crons.ids)])

    def _pass(self):
        """Let each cron run once; return the mails that left."""
        return [mail for cron in self.crons for mail in self._run_cron(cron)]

    def _let_time_pass(self, invoices):
        """Let the moment come for which the rows wait."""
        waiting = self._queue(invoices).filtered(
            lambda row: row.state == "waiting" and row.retry_at
        )
        for row in waiting.sudo():  # as they failed, one after the other
            row.retry_at -= timedelta(minutes=10)

    def assertAllWait(self, invoices, tried):
        """Check that all come again, and that each cron will come once for them."""
        rows = self._queue(invoices)
        self.assertEqual(set(rows.mapped("state")), {"waiting"})
        self.assertEqual(sum(rows.mapped("attempts")), tried)
        first = min(rows.filtered("attempts").mapped("retry_at"))
        self.assertGreater(first, fields.Datetime.now())
        self.assertEqual(self._planned().mapped("call_at"), [first] * 2)
        self.assertEqual(self._planned().cron_id, self.crons)

    def assertAskedThreeTimes(self, invoices):
        """Check that a silent Payplug is not asked about each of these."""
        self._enqueue(invoices)
        self.payplug.fail("500", times=None)
        self._new_calls()
        self.assertFalse(self._pass())
        tried = MAX_FAILURES * len(self.crons)
        self.assertEqual(len(self._new_calls()), tried)
        self.assertAllWait(invoices, tried)

    def test_silent_payplug_is_asked_three_times_and_all_ten_wait(self):
        self.assertAskedThreeTimes(self._invoices(10))

    def test_silent_payplug_is_asked_three_times_about_links_that_exist(self):
        invoices = self._invoices(10)
        for invoice in invoices:
            self._request(invoice)
        self.assertAskedThreeTimes(invoices)

    def test_bad_answers_about_some_links_stand_in_the_way_of_no_other_invoice(self):
        invoices = self._invoices(8)
        for invoice in invoices[:6]:
            path = f"/v1/payments/{self._request(invoice).payplug_id}"
            self.payplug.fail("lie", times=None, path=path, fields={"amount": "x"})
        self._enqueue(invoices)
        mails = 0
        for _each in range(2):
            mails += len(self._pass())
            self._let_time_pass(invoices)
        self.assertEqual(mails, 2)
        self.assertEqual(self._states(invoices), ["waiting"] * 6 + ["sent"] * 2)

    def test_one_answer_in_between_lets_the_worker_go_on(self):
        invoices = self._invoices(8)
        for invoice in invoices:
            self._request(invoice)
        self._enqueue(invoices)
        self.payplug.fail("500", times=2)
        self.payplug.fail("delay", times=1)
        self.payplug.fail("500", times=2)
        mails = self._pass()
        self.assertEqual(len(mails), 4)
        self.assertEqual(self._states(invoices).count("waiting"), 4)

    def test_all_are_told_when_payplug_was_silent_for_an_hour(self):
        invoices = self._invoices(5)
        self._enqueue(invoices)
        self.payplug.fail("500", times=None)
        for _attempt in range(MAX_ATTEMPTS):
            self.assertFalse(self._pass())
            self.assertEqual(set(self._states(invoices)), {"waiting"})
            self._let_time_pass(invoices)
        self.assertFalse(self._pass())
        self.assertEqual(set(self._states(invoices)), {"failed"})
        for invoice in invoices:
            told = [line for line in invoice.message_ids if "not sent" in line.body]
            self.assertEqual(len(told), 1)
            self.assertIn("could not be reached", told[0].body)

    def test_all_are_sent_when_payplug_is_back_in_time(self):
        invoices = self._invoices(5)
        self._enqueue(invoices)
        self.payplug.fail("500", times=None)
        for _attempt in range(2):
            self.assertFalse(self._pass())
            self._let_time_pass(invoices)
        self.payplug.clear_faults()
        self.assertEqual(len(self._pass()), 5)
        self.assertEqual(set(self._states(invoices)), {"sent"})

    def test_row_that_was_put_off_triggers_the_crons_when_it_may_be_tried(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        put_off = self._queue(invoices[0]).sudo()
        put_off.retry_at = fields.Datetime.now() + timedelta(minutes=7)
        self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._planned().mapped("call_at"), [put_off.retry_at] * 2)
        self.assertEqual(self._planned().cron_id, self.crons)
        self._run_cron()
        self.assertEqual(len(self._planned()), 2, "once is enough")
        self._let_time_pass(invoices)
        self.assertEqual(len(self._run_cron()), 1)
