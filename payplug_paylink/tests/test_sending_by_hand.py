"""A user's own Send beside the queue: nobody is mailed the link twice."""

from odoo.tests import tagged

from .common_queue import QueueCommon

LINK = "<p>Pay here: <a t-att-href='object.payment_link'>by card</a></p>"
NO_LINK = "<p>Here is your invoice <t t-out='object.name'/></p>"


@tagged("post_install", "-at_install", "once")
class TestSendingByHand(QueueCommon):
    def setUp(self):
        super().setUp()
        self.invoices = self._invoices(2)
        self.first, self.second = self.invoices

    def _send_by_hand(self, window):
        """Send with Odoo's own window; return the mails that left."""
        with self.mock_mail_gateway():
            window.action_send_and_print()
            return list(self._mails)

    def _with_link(self, mails, invoice):
        return [mail for mail in mails if invoice.payment_link in mail["body"]]

    def assertSentByHand(self, **values):
        """Check that a Send with these values is recorded, and is the only one.

        The other invoice of the queue goes on waiting, and is sent.
        """
        self._enqueue(self.invoices)
        by_hand = self._send_by_hand(self._open_own(self.first, **values))
        self.assertEqual(len(self._with_link(by_hand, self.first)), 1)
        self.assertEqual(self._states(self.invoices), ["sent", "waiting"])
        row = self._queue(self.first)
        self.assertEqual((row.user_id, row.link_id.move_id), (self.biller, self.first))
        [mail] = self._run_cron()
        self.assertIn(self.second.payment_link, mail["body"])
        self.assertIn(
            "waits to be paid: sent on",
            self._open(self.invoices).line_ids[0].failure_reason,
        )

    def test_send_with_our_template_takes_the_invoice_out_of_the_queue(self):
        self.assertSentByHand()

    def test_send_with_another_template_that_holds_the_link_does_so_too(self):
        self.assertSentByHand(template_id=self._create_reminder(LINK).id)

    def test_send_with_a_link_that_was_typed_into_the_mail_does_so_too(self):
        body = f"<p>Dear customer, see {self.first.payment_link}</p>"
        template = self._create_reminder(NO_LINK)
        self.assertSentByHand(template_id=template.id, body=body)

    def test_send_without_the_link_leaves_the_invoice_in_the_queue(self):
        self._enqueue(self.invoices)
        template = self._create_reminder(NO_LINK)
        window = self._open_own(self.first, template_id=template.id)
        by_hand = self._send_by_hand(window)
        self.assertEqual(len(by_hand), 1)
        self.assertFalse(self._with_link(by_hand, self.first))
        self.assertEqual(self._states(self.invoices), ["waiting"] * 2)
        mails = self._run_cron()
        self.assertEqual(len(self._with_link(mails, self.first)), 1)
        self.assertEqual(len(mails), 2)

    def test_send_without_mail_leaves_the_invoice_in_the_queue(self):
        self._enqueue(self.invoices)
        window = self._open_own(self.first, sending_methods=[])
        self.assertFalse(self._send_by_hand(window))
        self.assertEqual(self._states(self.invoices), ["waiting"] * 2)

    def assertSendsNothingTwice(self, template):
        """Check that a window which was open while the worker sent is refused."""
        window = self._open_own(self.first, template_id=template.id)
        self._enqueue(self.invoices)
        self._run_cron()
        with self.assertUserError("in the background meanwhile"):
            self._send_by_hand(window)

    def test_window_that_was_open_while_the_worker_sent_sends_nothing_twice(self):
        self.assertSendsNothingTwice(self.first._payplug_template())

    def test_window_with_another_template_sends_the_link_no_second_time(self):
        self.assertSendsNothingTwice(self._create_reminder(LINK))

    def test_send_without_any_channel_is_not_recorded(self):
        self._send_by_hand(self._open_own(self.first, sending_methods=[]))
        self.assertFalse(self.first.payplug_sending_state)
