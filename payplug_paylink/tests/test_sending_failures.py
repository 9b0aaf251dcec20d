"""What goes wrong with one of many invoices concerns it alone, and is told on it."""

from unittest.mock import patch

from odoo import fields
from odoo.exceptions import RedirectWarning, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from .common import LINK_LOG
from .common_queue import QueueCommon

SENDING_LOG = "odoo.addons.payplug_paylink.models.payplug_sending"


@tagged("post_install", "-at_install", "once")
class TestSendingFailures(QueueCommon):
    def test_invoice_that_changed_meanwhile_is_judged_again(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        self._register_payment(invoices[1])
        self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices), ["sent", "failed", "sent"])
        told = invoices[1].message_ids[0].body
        self.assertIn("The payment link was not sent", told)
        self.assertIn("Nothing is left to pay", told)
        self.assertIn("payplug_not_sent", invoices[1]._get_alerts())

    def test_failure_concerns_its_invoice_alone(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        bad = invoices[1]

        def fail(move):
            if move == bad:
                raise KeyError("an addon's mistake")

        with self._while_sending(fail), mute_logger(SENDING_LOG):
            self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices), ["sent", "failed", "sent"])
        self.assertIn("unexpected error", self._queue(bad).failure_reason)

    def test_refusal_that_leads_somewhere_is_told_and_not_logged(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        told = "Marie Durand has no VAT number"

        def refuse(move):
            raise RedirectWarning(told, 1, "Open the contact")

        with self._while_sending(refuse), self.assertNoLogs(SENDING_LOG, "ERROR"):
            self.assertFalse(self._run_cron())
        self.assertEqual(self._queue(invoices).mapped("failure_reason"), [told] * 2)

    def test_refused_link_is_told_and_the_others_are_sent(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        self.payplug.fail("403", method="POST")
        self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices).count("failed"), 1)
        failed = self._queue(invoices).filtered(lambda one: one.state == "failed")
        self.assertIn("HTTP 403", failed.failure_reason)
        self.assertFalse(failed.move_id.payplug_link_ids)

    def test_refusal_that_no_database_takes_concerns_its_invoice_alone(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        details = {"a\0b": ["\ud800 is\0 wrong"]}
        self.payplug.fail("400", method="POST", fields={"details": details})
        self.assertEqual(len(self._run_cron()), 2)
        failed = self._queue(invoices).filtered(lambda one: one.state == "failed")
        self.assertIn("is  wrong", failed.failure_reason)

    def test_payplug_failing_in_the_middle_leaves_the_rest_for_later(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        self.payplug.fail("500", times=2, method="POST")
        self.assertEqual(len(self._run_cron()), 1)
        self.assertEqual(sorted(self._states(invoices)), ["sent", "waiting", "waiting"])
        waiting = self._queue(invoices).filtered(lambda one: one.state == "waiting")
        self.assertTrue(all(one.retry_at > fields.Datetime.now() for one in waiting))
        self.assertFalse(self._run_cron(), "not before its time")
        waiting.sudo().retry_at = False
        self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices), ["sent"] * 3)

    def test_payplug_that_stays_silent_is_told_in_the_end(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        self._queue(invoices).sudo().attempts = 12
        self.payplug.go_down()
        self.assertFalse(self._run_cron())
        self.assertEqual(self._states(invoices), ["failed"] * 2)
        self.assertIn("could not be reached", self._queue(invoices)[0].failure_reason)

    def test_customer_who_paid_meanwhile_gets_no_mail(self):
        invoices = self._invoices(2)
        self._request(invoices[0])
        self._enqueue(invoices)
        self.payplug.pay(invoices[0].payment_id)
        mails = self._run_cron()
        self.assertEqual(len(mails), 1)
        self.assertEqual(invoices[0].payplug_state, "paid")
        self.assertEqual(self._states(invoices), ["failed", "sent"])
        self.assertIn("customer has paid it", self._queue(invoices[0]).failure_reason)

    def test_what_failed_is_tried_again_from_the_queue(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        self.partner_a.email = False
        self._run_cron()
        self.assertEqual(self._states(invoices), ["failed"] * 2)
        self.partner_a.email = "marie.durand@example.com"
        self._queue(invoices).with_user(self.biller).action_retry()
        self.assertEqual(len(self._run_cron()), 2)

    def test_lost_rights_of_a_user_concern_those_invoices_alone(self):
        invoices = self._invoices(4)
        other = self._create_user("other", "account.group_account_invoice")
        self._enqueue(invoices[:2])
        self.env["payplug.sending"].with_user(other).sudo()._enqueue(
            invoices[2:], invoices._payplug_template(), self.env["ir.actions.report"]
        )
        self.biller.group_ids = self.env.ref("base.group_user")
        self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices), ["failed"] * 2 + ["sent"] * 2)
        self.assertIn("may no longer send", self._queue(invoices[0]).failure_reason)

    def test_link_that_changed_before_its_turn_is_made_anew(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        late = invoices[1]

        def pay_the_other(move):
            if move != late:  # the links of both are made by now
                register = move.env["account.payment.register"].sudo()
                register.with_context(
                    active_model="account.move", active_ids=late.ids
                ).create(
                    {"amount": 1, "payment_difference_handling": "open"}
                )._create_payments()

        with self._while_sending(pay_the_other):
            mails = self._run_cron()
        self.assertEqual(len(mails), 2)
        self.assertEqual(late.payplug_link_id.amount, 100)
        self.assertIn("Pay 100.00", mails[1]["body"].replace("\N{NO-BREAK SPACE}", " "))

    def test_mail_server_that_fails_is_told_and_the_invoice_can_be_sent_again(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        self.env.flush_all()
        with (
            self.mock_mail_gateway(),
            self.enter_registry_test_mode(),
            patch.object(
                type(self.env["ir.mail_server"]),
                "send_email",
                side_effect=MailDeliveryException("down"),
            ),
            mute_logger("odoo.addons.mail.models.mail_mail"),
        ):
            self.cron.method_direct_trigger()
        self.assertEqual(self._states(invoices), ["failed"] * 2)
        self.assertIn("did not take the mail", self._queue(invoices)[0].failure_reason)
        self._enqueue(invoices)
        self.assertEqual(len(self._run_cron()), 2)

    def test_problem_that_the_worker_found_stays_on_the_link(self):
        invoices = self._invoices(2)
        link = self._request(invoices[0])
        self.payplug.forget(link.payplug_id)
        self._enqueue(invoices)
        with mute_logger(LINK_LOG):
            self.assertEqual(len(self._run_cron()), 1)
        self.assertEqual(invoices[0].payplug_problem, "unknown")
        self.assertIn("close the link", self._queue(invoices[0]).failure_reason)

    def test_deleted_templates_are_told(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        invoices._payplug_template().sudo().unlink()
        self.assertFalse(self._run_cron())
        self.assertIn("was deleted: send", self._queue(invoices)[0].failure_reason)

    def test_deleted_invoice_leaves_the_queue(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        invoices[0].button_draft()
        invoices[0].with_context(force_delete=True).unlink()
        self.assertEqual(len(self._run_cron()), 1)

    def test_addon_that_commits_while_it_sends_mails_each_invoice_once(self):
        """As Odoo's own EDI addons do, after they have called their services."""
        invoices = self._invoices(3)
        self._enqueue(invoices)
        sender = type(self.env["account.move.send"])
        original = sender._call_web_service_after_invoice_pdf_render

        def call_and_commit(sending, invoices_data):
            original(sending, invoices_data)
            sending.env.cr.commit()

        name = "_call_web_service_after_invoice_pdf_render"
        with patch.object(sender, name, call_and_commit):
            self.assertEqual(len(self._run_cron()), 3)
        self.assertEqual(self._states(invoices), ["sent"] * 3)

    def test_pdf_that_fails_for_one_invoice_is_told_in_one_line(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        bad, told = invoices[1], "Printing failed (-11).\nMemory &#34;1&#34;"
        sender = type(self.env["account.move.send"])
        original = sender._prepare_invoice_pdf_report

        def fail(self, invoices_data):
            if bad in invoices_data:
                raise UserError(told)
            return original(self, invoices_data)

        with patch.object(sender, "_prepare_invoice_pdf_report", fail):
            self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices), ["sent", "failed", "sent"])
        reason = bad.payplug_sending_reason
        self.assertEqual(reason, "Printing failed (-11).")
