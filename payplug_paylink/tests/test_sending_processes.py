"""Real Odoo processes on one queue: they share it, and survive each other's death."""

import time

from odoo.exceptions import UserError
from odoo.service.model import retrying
from odoo.tests import tagged

from .common_processes import COUNT, OURS, ProcessesCommon
from .common_smtp import TIMEOUT


@tagged("post_install", "-at_install", "once", "long")
class TestSendingProcesses(ProcessesCommon):
    def test_two_processes_share_the_work_and_mail_each_invoice_once(self):
        self._end(*self._start_both())
        self.assertEqual(self._states(), {"sent": COUNT})
        self.assertEqual(set(self.sink.received.values()), {1})
        self.assertEqual(len(self.sink.received), COUNT)
        shares = self._shares()
        self.assertEqual(sum(shares), COUNT, "none counts for both")
        self.assertGreater(min(shares), 0, "one did it all")
        self.assertEqual(self._payable(), COUNT, "one for each invoice, no other")

    def test_other_process_goes_on_when_one_is_killed(self):
        killed, other = self._start_both()
        self.assertTrue(self.sink.wait_for(3))
        killed.kill()
        killed.wait()
        self._end(other)
        done, rest = self._shares()
        self.assertGreaterEqual(
            self._states()["sent"], COUNT - 1, "but the one in hand"
        )
        self.assertGreaterEqual(done + rest, COUNT - 2)  # one may be sent and uncounted
        self.assertGreater(rest, 0, "nobody else is there to send the rest")
        self._let_retries_come()
        self._end(self._start_process(OURS))
        self._send_mail_queue()
        self.assertEqual(self._states(), {"sent": COUNT})
        self.assertEqual(len(self.sink.received), COUNT, "nothing is lost")
        twice = sum(self.sink.received.values()) - COUNT
        self.assertLessEqual(twice, 1, "at most the one in hand")

    def test_killed_worker_alone_leaves_all_the_rest_waiting(self):
        worker = self._start_process(OURS)
        self.assertTrue(self.sink.wait_for(2))
        worker.kill()
        worker.wait()
        self.assertEqual(sum(self._states().values()), COUNT)
        self.assertGreater(self._states()["waiting"], 0)
        self._let_retries_come()
        self._end(self._start_process(OURS))
        self._send_mail_queue()
        self.assertEqual(self._states(), {"sent": COUNT})
        self.assertEqual(len(self.sink.received), COUNT)
        self.assertLessEqual(sum(self.sink.received.values()) - COUNT, 1)

    def test_users_own_send_beside_a_worker_never_mails_twice(self):
        worker = self._start_process(OURS)
        self.assertTrue(self.sink.wait_for(1))
        by_hand = [
            self._try_by_hand(invoice_id, template_id)
            for invoice_id, template_id in zip(
                reversed(self.invoice_ids[-4:]),
                (self.reminder_id, None, self.reminder_id, None),
                strict=True,
            )
        ]
        self.assertIn(True, by_hand, "none was faster than the worker")
        self._end(worker)
        deadline = time.monotonic() + TIMEOUT
        while self._states() != {"sent": COUNT} and time.monotonic() < deadline:
            self._let_retries_come()
            self._end(self._start_process(OURS))
        # In a test, Odoo leaves a user's mails to the mail queue.
        self._send_mail_queue()
        self.assertEqual(self._states(), {"sent": COUNT})
        self.assertEqual(set(self.sink.received.values()), {1})
        self.assertEqual(len(self.sink.received), COUNT)

    def _try_by_hand(self, invoice_id, template_id):
        """Send an invoice as a user does; return whether the worker was slower."""
        try:
            with self._env() as env:
                retrying(lambda: self._send_by_hand(env, invoice_id, template_id), env)
        except UserError:
            return False
        return True

    def _send_by_hand(self, env, invoice_id, template_id):
        """Send as the Send window does, opened and sent at once."""
        move = env["account.move"].browse(invoice_id)
        move = move.with_context(allowed_company_ids=[self.company_id])
        action = move.action_payplug_send_link()
        window = move.env[action["res_model"]].with_context(**action["context"])
        chosen = {"template_id": template_id} if template_id else {}
        window.create(chosen).action_send_and_print()
