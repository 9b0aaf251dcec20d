"""Refunds in real transactions: two users at once, and processes that are killed."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from unittest import SkipTest

from odoo.exceptions import UserError
from odoo.service.model import retrying
from odoo.tests import tagged
from odoo.tools import config

from .common_concurrency import ConcurrencyCommon
from .common_processes import start_script

SECONDS = 60  # for a process to come so far
CONFIRM = """
env = env(context=dict(env.context, allowed_company_ids=[{company}]))
note = env["account.move"].browse({note})
window = env["payplug.refund.by.card"].browse(note.action_payplug_refund()["res_id"])
window.amount = {amount}
window.action_confirm()
env.cr.commit()
print("THROUGH")
"""


@tagged("post_install", "-at_install", "once")
class TestRefundProcesses(ConcurrencyCommon):
    def setUp(self):
        super().setUp()
        with self.registry.cursor() as cr:
            env = self._env(cr)
            invoice = env["account.move"].browse(self.invoice_id)
            link = env["payplug.payment.link"]._get_or_create(invoice)
            self.payplug.pay(link.payplug_id)
            link._sync()
            note = invoice._reverse_moves()
            note.action_post()
            self.note_id, self.payment_id = note.id, link.payplug_id
            env["ir.cron.trigger"].search([]).unlink()  # nobody but this test

    def _refunded(self):
        return self.payplug.payment(self.payment_id)["amount_refunded"]

    def _posts(self):
        return [call for call in self._calls("POST") if call.path.endswith("/refunds")]

    def _calls(self, method):
        return [call for call in self.payplug.calls if call.method == method]

    def _rows(self):
        with self.registry.cursor() as cr:
            refunds = self._env(cr)["payplug.refund"]
            found = refunds.search([("company_id", "=", self.company_id)], order="id")
            return found.mapped("state")

    def test_process_that_was_held_up_leaves_the_call_to_who_went_on(self):
        """It was stopped between its commit and its call, longer than others wait."""
        others = []

        def watch():
            cr.precommit.add(lambda: cr.postcommit.add(go_on))

        def go_on():
            if self._rows() == ["unknown"]:
                self._cron()
                others.extend(self._rows())
            else:
                watch()

        with self.registry.cursor() as cr:
            env = self._env(cr)
            link = env["payplug.payment.link"].sudo()
            link = link.search([("payplug_id", "=", self.payment_id)])
            note = env["account.move"].browse(self.note_id)
            refund = env["payplug.refund"].sudo()._ask(link, 50, note)
            cr.postcommit.clear()
            refund.env.cr.commit()
            watch()
            refund._process_each(type(refund)._send)
            refund.env.cr.commit()
        self.assertEqual(others, ["unknown"])
        self.assertFalse(self._posts(), "a person has been called")

    def _cron(self, wait=True):
        """Run the scheduled action, after as long a time as a row has to wait."""
        with self.registry.cursor() as cr:
            env = self._env(cr)
            if wait:
                refunds = env["payplug.refund"]
                refunds.search([("company_id", "=", self.company_id)]).retry_at = False
                env.cr.commit()
            env["payplug.refund"]._cron_refund()

    def _open(self, amount):
        """Return the id of a window with this amount."""
        with self.registry.cursor() as cr:
            env = self._env(cr)
            note = env["account.move"].browse(self.note_id)
            window_id = note.action_payplug_refund()["res_id"]
            env["payplug.refund.by.card"].browse(window_id).amount = amount
        return window_id

    def _confirm(self, amount):
        """Open the window and confirm it, as two requests do."""
        return self._confirm_window(self._open(amount))

    def _confirm_window(self, window_id):
        """Confirm in a transaction of its own; return what the user is told."""
        with self.registry.cursor() as cr:
            env = self._env(cr)
            window = env["payplug.refund.by.card"].browse(window_id)
            try:
                retrying(window.action_confirm, env)
            except UserError as refusal:
                return refusal.args[0]
        return ""

    # === ONE, AND TWO USERS === #

    def test_refund_goes_in_the_request_that_confirms_it_after_its_commit(self):
        self.assertEqual(self._confirm(50), "")
        self.assertEqual(self._rows(), ["done"])
        self.assertEqual(self._refunded(), 5000)
        with self.registry.cursor() as cr:
            note = self._env(cr)["account.move"].browse(self.note_id)
            self.assertEqual(note.amount_residual, 70)

    def test_two_users_who_confirm_at_once_refund_once(self):
        for latency in (0, 0.3):
            with self.subTest(latency=latency):
                self.setUp()
                windows = [self._open(120), self._open(120)]
                self.payplug.set_latency(latency)
                with ThreadPoolExecutor(2) as pool:
                    told = sorted(pool.map(self._confirm_window, windows))
                self._cron()  # where this machine was too busy for the request to wait
                self.assertEqual(self._refunded(), 12000)
                self.assertEqual(len(self._posts()), 1)
                self.assertEqual(told[0], "")
                self.assertRegex(told[1], "on its way|has changed")
                self.assertEqual(self._rows(), ["done"])

    def test_refund_waits_for_who_holds_its_invoice_for_a_moment(self):
        """As the other of two users does who confirm at once, until that is refused."""
        with (
            self.registry.cursor() as cr,
            self.registry.cursor() as other,
            ThreadPoolExecutor(1) as pool,
        ):
            note = self._env(cr)["account.move"].browse(self.note_id)
            window_id = note.action_payplug_refund()["res_id"]
            links = self._env(other)["payplug.payment.link"]

            def hold():
                links._lock_invoice(self.invoice_id)
                pool.submit(self._release_when_someone_waits, other)

            cr.postcommit.add(hold)
            note.env["payplug.refund.by.card"].browse(window_id).action_confirm()
            note.env.cr.commit()
        self.assertEqual(self._rows(), ["done"])

    def _release_when_someone_waits(self, cr):
        until = time.monotonic() + SECONDS
        waiting = "SELECT FROM pg_locks WHERE objid = %s AND NOT granted"
        while time.monotonic() < until:
            cr.execute(waiting, [self.invoice_id])
            if cr.rowcount:
                break
        cr.rollback()

    def test_transaction_too_old_to_see_the_other_refund_begins_again(self):
        with self.registry.cursor() as old:
            env = self._env(old)
            note = env["account.move"].browse(self.note_id)
            link = note.reversed_entry_id.payplug_link_id
            self.assertFalse(link.amount_refunded)  # takes the snapshot
            self._confirm(30)
            refunds = env["payplug.refund"]
            with self.assertRaisesRegex(UserError, "90.00"):
                retrying(lambda: refunds._ask(link, 120, note), env)
        self.assertEqual(self._refunded(), 3000)

    def test_scheduled_action_beside_the_request_refunds_once(self):
        self.payplug.set_latency(0.2)
        with ThreadPoolExecutor(3) as pool:
            confirming = pool.submit(self._confirm, 50)
            while not (confirming.done() or self._rows()):
                Event().wait(0.01)
            crons = [pool.submit(self._cron, False) for _each in "12"]
            self.assertEqual(confirming.result(), "")
            for cron in crons:
                cron.result()
        self._cron()
        self.assertEqual(self._rows(), ["done"])
        self.assertEqual(self._refunded(), 5000)
        self.assertEqual(len(self._posts()), 1)

    # === KILLED BETWEEN TWO STEPS === #

    def _start_process(self, script):
        """Start an Odoo of its own that runs a script, and may be killed."""
        if not config["config"]:
            raise SkipTest("needs a settings file of Odoo")
        return start_script(self, script)

    def _wait_until(self, is_so, process):
        deadline = time.monotonic() + SECONDS
        while not is_so():
            self.assertIsNone(process.poll(), "it ended by itself")
            self.assertLess(time.monotonic(), deadline, "it never came so far")
            Event().wait(0.02)

    def _confirm_and_be_killed(self, is_so):
        """Confirm a refund of 50 € in a process, and kill it at a moment."""
        script = CONFIRM.format(company=self.company_id, note=self.note_id, amount=50)
        process = self._start_process(script)
        self._wait_until(is_so, process)
        process.kill()
        process.wait()

    def _assert_refunded_once_in_the_end(self):
        self.payplug.clear_faults()
        self._cron()
        self.assertEqual(self._rows(), ["done"])
        self.assertEqual(self._refunded(), 5000)
        with self.registry.cursor() as cr:
            note = self._env(cr)["account.move"].browse(self.note_id)
            self.assertEqual(note.amount_residual, 70, "booked once")

    def test_process_killed_before_it_asks_leaves_the_refund_to_send(self):
        seen = len(self._calls("GET"))
        path = f"/v1/payments/{self.payment_id}"
        # The window's own look, and then that of the refund.
        self.payplug.fail("delay", path=path, method="GET")
        self.payplug.fail("delay", path=path, method="GET", seconds=30)
        self._confirm_and_be_killed(lambda: len(self._calls("GET")) == seen + 2)
        self.assertEqual(self._rows(), ["to_send"])
        self._assert_refunded_once_in_the_end()
        self.assertEqual(len(self._posts()), 1)

    def test_process_killed_before_payplug_does_anything_leaves_it_to_people(self):
        path = f"/v1/payments/{self.payment_id}/refunds"
        self.payplug.fail("drop", path=path, method="POST", seconds=30, processed=False)
        self._confirm_and_be_killed(self._posts)
        self.assertEqual(self._refunded(), 0)
        self.assertEqual(self._rows(), ["unknown"])
        self.payplug.clear_faults()
        self._cron()
        self.assertEqual(self._rows(), ["unknown"])
        self.assertEqual(len(self._posts()), 1)
        with self.registry.cursor() as cr:
            refunds = self._env(cr)["payplug.refund"]
            refund = refunds.search([("company_id", "=", self.company_id)])
            refund.action_close()
            refund.action_retry()
        self._assert_refunded_once_in_the_end()

    def test_process_killed_while_payplug_refunds_never_refunds_twice(self):
        path = f"/v1/payments/{self.payment_id}/refunds"
        self.payplug.fail("delay", path=path, method="POST", seconds=30)
        self._confirm_and_be_killed(self._posts)
        self.assertEqual(self._refunded(), 5000)
        self.assertEqual(self._rows(), ["unknown"])
        self._cron(wait=False)
        self.assertEqual(self._rows(), ["unknown"], "Payplug may still be at it")
        self._assert_refunded_once_in_the_end()
        self.assertEqual(len(self._posts()), 1)

    def test_process_killed_with_the_answer_in_hand_never_refunds_twice(self):
        path = f"/v1/payments/{self.payment_id}/refunds"
        # Its answer cannot be stored: another transaction holds the link's row. It is
        # given time to take it, as the user's request has it, too.
        self.payplug.fail("delay", path=path, method="POST", seconds=1)
        with self.registry.cursor() as cr:
            env = self._env(cr)
            script = CONFIRM.format(
                company=self.company_id, note=self.note_id, amount=50
            )
            process = self._start_process(script)
            self._wait_until(self._posts, process)
            cr.execute(
                "SELECT 1 FROM payplug_payment_link WHERE payplug_id = %s FOR UPDATE",
                [self.payment_id],
            )
            self._wait_until(lambda: self._is_waited_for(env), process)
            process.kill()
            process.wait()
        self.assertEqual(self._rows(), ["unknown"])
        self._assert_refunded_once_in_the_end()
        self.assertEqual(len(self._posts()), 1)

    def _is_waited_for(self, env):
        """Tell whether another session waits for what this transaction holds."""
        env.cr.execute(
            "SELECT 1 FROM pg_stat_activity"
            " WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(env.cr.fetchall())
