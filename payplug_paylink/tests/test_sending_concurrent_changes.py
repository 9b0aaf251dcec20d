"""What others do to the rows that a process is about to send."""

from unittest.mock import patch

from odoo import fields
from odoo.exceptions import ConcurrencyError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from .common_queue import QueueCommon
from .test_sending_failures import SENDING_LOG

COUNT = 8  # invoices in the queue


@tagged("post_install", "-at_install", "once")
class TestSendingConcurrentChanges(QueueCommon):
    def setUp(self):
        super().setUp()
        self.invoices = self._invoices(COUNT)
        self.names = self.invoices.mapped("name")
        self._enqueue(self.invoices)

    def _run_while(self, act):
        """Let a worker run and do `act` as it sends the first invoice.

        :return: the numbers of the invoices that were mailed
        """
        first = self.invoices[0]
        with self._while_sending(lambda move: move == first and act()):
            subjects = [mail["subject"] for mail in self._run_cron()]
        return [name for subject in subjects for name in self.names if name in subject]

    def test_row_taken_back_while_its_batch_is_in_hand_stops_nobody(self):
        mailed = self._run_while(self.invoices[1:4:2].action_payplug_cancel_sending)
        self.assertEqual(mailed, [self.names[0], self.names[2], *self.names[4:]])
        self.assertFalse(self._queue(self.invoices[1:4:2]))

    def test_invoice_deleted_while_its_batch_is_in_hand_stops_nobody(self):
        def delete():
            late = self.invoices[2]
            late.button_draft()
            late.with_context(force_delete=True).unlink()

        mailed = self._run_while(delete)
        self.assertEqual(mailed, self.names[:2] + self.names[3:])

    def test_batch_that_is_all_taken_back_ends_and_the_next_one_is_sent(self):
        mailed = self._run_while(self.invoices[1:4].action_payplug_cancel_sending)
        self.assertEqual(mailed, self.names[:1] + self.names[4:])

    def test_rows_cancelled_before_their_turn_do_not_end_the_work(self):
        gone = self.invoices[:4]
        cron = type(self.env["ir.cron"])
        original = cron._commit_progress

        def commit(progress, *args, **options):
            gone.with_env(progress.env)._payplug_sendings_sudo()._cancel_sending()
            return original(progress, *args, **options)

        with patch.object(cron, "_commit_progress", commit):
            self.assertEqual(len(self._run_cron()), COUNT - 4)

    def test_refused_mail_is_told_though_the_next_of_its_batch_rolls_back(self):
        def fail(move):
            if move == self.invoices[1]:
                raise KeyError("an addon's mistake")

        def refuse(server, message, *args, **options):
            if self.names[0] in message["Subject"]:
                raise MailDeliveryException("550 no such mailbox")

        with (
            self._while_sending(fail),
            patch.object(type(self.env["ir.mail_server"]), "send_email", refuse),
            mute_logger("odoo.addons.mail.models.mail_mail", SENDING_LOG),
        ):
            self._run_cron()
        self.assertEqual(
            self._states(self.invoices), ["failed"] * 2 + ["sent"] * (COUNT - 2)
        )
        first, second = self._queue(self.invoices[:2])
        self.assertIn("did not take the mail", first.failure_reason)
        self.assertIn("550 no such mailbox", first.move_id.message_ids[0].body)
        self.assertIn("unexpected error", second.failure_reason)

    def test_invoice_that_others_hold_is_tried_again_once_and_then_later(self):
        """A worker that went on trying would do nothing else, for seconds."""
        tries = []

        def collide(move):
            if move == self.invoices[1]:
                tries.append(move)
                raise ConcurrencyError("held elsewhere")

        with self._while_sending(collide):
            self.assertEqual(len(self._run_cron()), COUNT - 1)
        self.assertEqual(len(tries), 2)
        held = self._queue(self.invoices[1])
        self.assertEqual(held.state, "waiting")
        later = [
            ("cron_id", "=", self.cron.id),
            ("call_at", ">", fields.Datetime.now()),
        ]
        self.assertTrue(self.env["ir.cron.trigger"].search(later))
        self.assertFalse(held.attempts, "Payplug is not to blame")
