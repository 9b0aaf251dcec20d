"""Two real transactions at once: one lock, one link, and nobody sees an error page."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from unittest.mock import patch

from odoo.exceptions import ConcurrencyError
from odoo.service.model import retrying
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common_concurrency import ConcurrencyCommon


@tagged("post_install", "-at_install", "once")
class TestConcurrency(ConcurrencyCommon):
    def _links(self):
        with self.registry.cursor() as cr:
            links = self._env(cr)["payplug.payment.link"]
            return links.search([("move_id", "=", self.invoice_id)]).read(
                ["state", "payplug_id"]
            )

    def _click(self, outcomes):
        """Click the button in a transaction of its own, as a request does."""
        with self.registry.cursor() as cr:
            env = self._env(cr)
            invoice = env["account.move"].browse(self.invoice_id)
            outcomes.append(retrying(invoice.action_payplug_send_link, env))

    def test_double_click_gives_one_link_and_two_send_windows(self):
        for latency in (0.3, 2):  # the second click waits for the first, or gives up
            with self.subTest(latency=latency):
                self.setUp()
                self.payplug.set_latency(latency)
                self._double_click()

    def _double_click(self):
        outcomes = []
        clicks = [
            threading.Thread(target=partial(self._click, outcomes)) for _click in "12"
        ]
        for click in clicks:
            click.start()
        for click in clicks:
            click.join()
        self.assertEqual(
            [action["res_model"] for action in outcomes],
            ["account.move.send.wizard"] * 2,
        )
        self.assertEqual([link["state"] for link in self._links()], ["pending"])
        created = [call for call in self.payplug.calls if call.method == "POST"]
        self.assertEqual(len(created), 1)

    def _create_sent(self, env):
        """Return a row of the queue that was sent, and its customer's notice."""
        invoice = env["account.move"].browse(self.invoice_id)
        customer = invoice.partner_id
        message = invoice.message_post(body="x", partner_ids=customer.ids)
        notices = env["mail.notification"]
        notice = notices.search([("mail_message_id", "=", message.id)], limit=1)
        notice = notice or notices.create({"mail_message_id": message.id})
        notice.write({"res_partner_id": customer.id, "notification_type": "email"})
        row = env["payplug.sending"].create(
            {
                "move_id": invoice.id,
                "company_id": invoice.company_id.id,
                "user_id": env.user.id,
                "message_id": message.id,
                "state": "sent",
                "link_id": env["payplug.payment.link"]._get_or_create(invoice).id,
            }
        )
        return row, notice

    def test_bounce_beside_another_write_of_its_row_is_judged_and_not_logged(self):
        with self.registry.cursor() as cr:
            row, notice = self._create_sent(self._env(cr))
            told = {"notification_status": "bounce", "failure_type": "mail_bounce"}
            told["failure_reason"] = "(550, b'5.1.1 <marie@example.com>: unknown')"
        with self.assertNoLogs("odoo", "WARNING"), self.registry.cursor() as cr:
            late = notice.with_env(self._env(cr))
            late.read()  # from here on it does not see what others write
            with self.registry.cursor() as other:
                row.with_env(self._env(other)).is_notified = True
            late.write(told)
        with self.registry.cursor() as cr:
            row = row.with_env(self._env(cr))
            self.assertEqual(row.state, "failed")
            self.assertIn("5.1.1", row.failure_reason)

    def _start_payment(self, _tab):
        """Click the pay page's button in a transaction of its own, as a visitor."""
        with self.registry.cursor() as cr:
            env = self._env(cr)
            invoice = env["account.move"].browse(self.invoice_id)
            return retrying(invoice._payplug_start_payment, env)

    def test_two_tabs_of_the_customer_at_once_make_one_payment(self):
        self.payplug.set_latency(0.3)
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(self._start_payment, "12")
        self.assertEqual(first, second)
        self.assertTrue(first.startswith(self.payplug.url))
        self.assertEqual([link["state"] for link in self._links()], ["pending"])
        created = [call for call in self.payplug.calls if call.method == "POST"]
        self.assertEqual(len(created), 1)

    def test_second_transaction_is_told_to_come_back_while_the_first_is_at_it(self):
        with self.registry.cursor() as first, self.registry.cursor() as second:
            self._env(first)["payplug.payment.link"]._lock_invoice(self.invoice_id)
            links = self._env(second)["payplug.payment.link"]
            with self.assertRaises(ConcurrencyError):
                links._lock_invoice(self.invoice_id)
            first.rollback()
            links._lock_invoice(self.invoice_id)

    def test_transaction_too_old_to_see_the_link_makes_no_second_one(self):
        """REPEATABLE READ: the lock is free again, and the snapshot is still old."""
        with self.registry.cursor() as old:
            invoice = self._env(old)["account.move"].browse(self.invoice_id)
            self.assertFalse(invoice.payplug_link_id)  # takes the snapshot
            self._click([])
            with self.assertRaises(ConcurrencyError):
                invoice.action_payplug_send_link()
        self.assertEqual(len(self._links()), 1)
        created = [call for call in self.payplug.calls if call.method == "POST"]
        self.assertEqual(len(created), 1)

    def _look(self, _number):
        """Ask Payplug how the link stands, in a transaction of its own."""
        with self.registry.cursor() as cr:
            env = self._env(cr)
            invoice = env["account.move"].browse(self.invoice_id)
            retrying(invoice.payplug_link_id._sync, env)

    def test_several_workers_at_once_book_a_payment_once(self):
        self._click([])
        [link] = self._links()
        self.payplug.pay(link["payplug_id"])
        self.payplug.set_latency(0.2)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(self._look, range(3)))
        with self.registry.cursor() as cr:
            invoice = self._env(cr)["account.move"].browse(self.invoice_id)
            self.assertEqual(invoice.amount_residual, 0)
            self.assertEqual(invoice.payplug_link_id.state, "paid")
            self._assert_booked_once(invoice)

    def test_two_crons_at_once_do_no_harm(self):
        self._click([])
        [link] = self._links()
        self.payplug.pay(link["payplug_id"])
        self.payplug.set_latency(0.2)

        def run(_number):
            with self.registry.cursor() as cr:
                self._env(cr)["payplug.payment.link"]._cron_follow()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, range(2)))
        with self.registry.cursor() as cr:
            invoice = self._env(cr)["account.move"].browse(self.invoice_id)
            self._assert_booked_once(invoice)

    def _assert_booked_once(self, invoice):
        """Check all payments by this link: a second one would settle nothing."""
        link = invoice.payplug_link_id
        payment = invoice.env["account.payment"].search(
            [("memo", "like", link.payplug_id)]
        )
        self.assertEqual(payment, link.account_payment_id)
        self.assertEqual(invoice.matched_payment_ids, payment)
        self.assertFalse(invoice.activity_ids)

    def test_addon_that_commits_while_it_books_makes_no_second_payment(self):
        self._click([])
        [link] = self._links()
        self.payplug.pay(link["payplug_id"])
        original = self.registry["account.payment"].action_post

        def commit(payment):
            result = original(payment)
            payment.env.cr.commit()
            return result

        with (
            patch.object(self.registry["account.payment"], "action_post", commit),
            mute_logger("odoo.sql_db"),
        ):
            self._look(1)
        with self.registry.cursor() as cr:
            invoice = self._env(cr)["account.move"].browse(self.invoice_id)
            self.assertEqual(invoice.amount_residual, 0)
            self._assert_booked_once(invoice)

    def test_cron_that_is_killed_in_the_middle_keeps_what_it_did_and_loses_nothing(
        self,
    ):
        invoices = [self.invoice_id]
        self._click([])
        for _another in "23":
            with self.registry.cursor() as cr:
                self.invoice_id = self._create_invoice(self._env(cr)).id
            invoices.append(self.invoice_id)
            self._click([])
        with self.registry.cursor() as cr:
            for invoice in self._env(cr)["account.move"].browse(invoices):
                self.payplug.pay(invoice.payment_id)
        payments = self.registry["account.payment"]
        original, posted = payments.action_post, []

        def die(payment):
            posted.append(payment)
            if len(posted) == 2:
                raise SystemExit  # which nobody catches, as little as a kill
            return original(payment)

        with patch.object(payments, "action_post", die), suppress(SystemExit):
            self._run_follow_cron()
        self.assertEqual(sorted(self._states(invoices)), ["paid", "pending", "pending"])
        self._run_follow_cron()
        self.assertEqual(self._states(invoices), ["paid"] * 3)
        with self.registry.cursor() as cr:
            for invoice in self._env(cr)["account.move"].browse(invoices):
                self.assertEqual(invoice.amount_residual, 0)
                self._assert_booked_once(invoice)

    def _run_follow_cron(self):
        with self.registry.cursor() as cr:
            self._env(cr)["payplug.payment.link"]._cron_follow()

    def _states(self, invoice_ids):
        with self.registry.cursor() as cr:
            invoices = self._env(cr)["account.move"].browse(invoice_ids)
            return [invoice.payplug_link_id.state for invoice in invoices]

    def test_rolled_back_request_leaves_no_payable_payment_at_payplug(self):
        with self.registry.cursor() as cr:
            invoice = self._env(cr)["account.move"].browse(self.invoice_id)
            invoice.action_payplug_send_link()
            payment_id = invoice.payment_id
            cr.rollback()
        self.assertFalse(self._links())
        payment = self.payplug.payment(payment_id)
        self.assertEqual(payment["failure"]["code"], "aborted")

    def test_accounting_never_waits_for_payplug(self):
        """The lock is not the invoice's row: another transaction may write it."""
        with self.registry.cursor() as first, self.registry.cursor() as second:
            self._env(first)["payplug.payment.link"]._lock_invoice(self.invoice_id)
            second.execute("SET LOCAL lock_timeout = '1s'")
            invoice = self._env(second)["account.move"].browse(self.invoice_id)
            invoice.button_draft()
            second.rollback()
